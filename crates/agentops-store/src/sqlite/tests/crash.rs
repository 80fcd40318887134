//! A process that stores and is killed: what it was answered is there once afterwards.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Names the directory to the child.
const DIRECTORY: &str = "AGENTOPS_STORE_CRASH_TEST";
/// Batches that must have been answered before the kill.
const ANSWERED: usize = 300;

fn events(batch: u64) -> Mutation {
    let events: Vec<String> = (0..7)
        .map(|number| {
            format!(
                r#"{{"event_type":"llms","id":"{batch}-{number}","model":"gpt-4","prompt_tokens":1,
                   "prompt":[{{"role":"system","content":"you are a careful assistant"}},
                   {{"role":"user","content":"question {number} of batch {batch}, long enough to keep"}}]}}"#
            )
        })
        .collect();
    created(&events.join(","))
}

/// What the child does until it is killed: store, and say what was answered.
fn store_for_ever(directory: &Path) {
    let store = SqliteStore::open_at(directory);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, next) = (&store, &next);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let batch = batch(&format!("s{thread}"), events(number));
                    store.submit(batch).unwrap().wait().unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "answered {thread} {number}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn what_was_answered_survives_a_kill() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        store_for_ever(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "sqlite::tests::crash::what_was_answered_survives_a_kill",
            ])
            .env(DIRECTORY, directory.path().join(format!("{round}")))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut answered: Vec<(String, u64)> = Vec::new();
        for line in lines {
            let Ok(line) = line else { break };
            // The test harness writes on the same stream.
            let Some((_, said)) = line.split_once("answered ") else {
                continue;
            };
            let Some((thread, number)) = said.split_once(' ') else {
                continue;
            };
            // The last line may have been cut short by the kill.
            let Ok(number) = number.parse() else { continue };
            answered.push((thread.to_owned(), number));
            if answered.len() == ANSWERED + 37 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(
            answered.len() >= ANSWERED,
            "the child stored: {}",
            answered.len()
        );
        let store = SqliteStore::open_at(&directory.path().join(format!("{round}")));
        store.check();
        for (thread, number) in &answered[..answered.len() - 1] {
            let count = format!(
                "SELECT count(*) FROM events e JOIN sessions s ON s.seq = e.session
                 WHERE s.id = 's{thread}' AND CAST(e.id AS TEXT) GLOB '{number}-*'"
            );
            assert_eq!(store.number(&count), 7, "{thread} {number}");
        }
        let whole = "SELECT count(*) FROM events";
        assert_eq!(store.number(whole) % 7, 0, "batches are whole");
        let lost =
            "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY session, id HAVING count(*) > 1)";
        assert_eq!(store.number(lost), 0);
    }
}
