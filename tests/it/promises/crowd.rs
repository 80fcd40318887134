//! A hundred processes in one session and one data directory.

use agentops_spool::Spool;
use agentops_tests::{Home, Process, Server, program};
use serde_json::Value;

use super::support::{quarantined, unacknowledged};
use crate::common::{counted, list, new_key, sending};

const PROCESSES: u64 = 100;
const EVENTS: u64 = 20;

#[test]
fn a_hundred_processes_share_a_session() {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let data_dir = home.dir("spool");
    let command = || sending(&home, program!("puppet"), &server, &key, &data_dir);
    let mut parent = Process::spawn(command());
    let session = parent.line_of("session");
    let open = parent.ask("hold all of them", "holding");
    let children: Vec<Process> = (0..PROCESSES)
        .map(|child| {
            let mut command = command();
            let (from, to) = (child * EVENTS, (child + 1) * EVENTS);
            command
                .env("AGENTOPS_SESSION_ID", &session)
                .env("AGENTOPS_PARENT_ID", &open)
                .arg(format!("count {from} {to} 0"));
            // Half of them go without a word, the others stay until theirs has arrived.
            if child % 2 == 0 {
                command.arg("flush 25000");
            }
            Process::spawn(command)
        })
        .collect();
    for child in children {
        let finished = child.finish();
        assert_eq!(finished.code, Some(0), "{}", finished.err);
        assert!(finished.lines.contains(&format!("session {session}")));
        assert!(!finished.lines.contains(&"flushed false".to_owned()));
    }
    parent.say("release");
    assert_eq!(parent.ask("flush 25000", "flushed"), "true");
    assert_eq!(parent.ask("end Success all of them", "ended"), "true");
    assert_eq!(parent.finish().code, Some(0));

    // Whoever comes next sends what those left behind that had no time. A busy machine may need
    // more than one: nobody's end waits for ever for what others left.
    let mut swept = Vec::new();
    while swept.is_empty() || (swept.len() < 5 && !unacknowledged(&data_dir).is_empty()) {
        let mut command = command();
        command.args(["flush 20000", "end Success swept"]);
        let mut sweeper = Process::spawn(command);
        swept.push(sweeper.line_of("session"));
        assert_eq!(sweeper.line_of("flushed"), "true");
        assert_eq!(sweeper.line_of("ended"), "true");
        assert_eq!(sweeper.finish().code, Some(0));
    }

    let rest = server.rest(&key);
    let count = PROCESSES * EVENTS;
    let is_whole = |export: &Value| list(export, "tools").len() as u64 == count;
    let export = rest.export_when(&session, "every event", is_whole);
    assert_eq!(counted(&export), (0..count).collect::<Vec<_>>());
    assert_eq!(export["session"]["end_state"], "Success");
    assert_eq!(export["session"]["dropped"], serde_json::json!({}));
    assert_eq!(list(&export, "actions").len(), 1);
    for tool in list(&export, "tools") {
        assert_eq!(tool["parent_id"], open.as_str());
    }
    let answer = rest.get("/v2/sessions").ok();
    let mut ids: Vec<&str> = list(&answer, "sessions")
        .iter()
        .map(|row| row["session_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    let mut wanted: Vec<&str> = swept.iter().map(String::as_str).collect();
    wanted.push(&session);
    wanted.sort_unstable();
    assert_eq!(ids, wanted);

    assert_eq!(unacknowledged(&data_dir), Vec::<u64>::new());
    for directory in Spool::at(&data_dir).directories().unwrap() {
        let taken = directory.take().unwrap().expect("its process is gone");
        assert_eq!(
            taken.unacknowledged().unwrap(),
            None,
            "{}",
            taken.path().display()
        );
    }
    assert!(quarantined(&data_dir).is_empty());
}
