//! `cargo xtask trace`: the server under strace, to see that each answer of 200 comes after the sync of what it answers;
//! and a program with `durability = fsync`, to see that nothing is called spooled before it is synced.
//!
//! A killed process proves nothing of this: what it wrote is in the system's memory, synced or not. So the calls
//! themselves are looked at, in the order in which the system saw them.

mod calls;
mod spool;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::cargo::{cargo, target};
use crate::compat::Stopped;
use crate::http;

const KEY: &str = "11111111-1111-4111-8111-111111111111";
/// Senders, and events requests of each.
const SENDERS: usize = 8;
const REQUESTS: usize = 40;
/// How long the server may take to start and to end under strace.
const LIMIT: Duration = Duration::from_secs(60);
/// What is traced: what comes in, what goes out, and what reaches the database's log.
const CALLS: &str = "trace=recvfrom,read,sendto,write,writev,pwrite64,pwritev,fsync,fdatasync";

/// Runs the server under strace, sends to it, and judges what it did.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    let answered = traced(root, folder.path(), &trace)?;
    let text = std::fs::read_to_string(&trace).context("strace wrote nothing")?;
    let judged = calls::judge(&text)?;
    ensure!(
        judged == answered,
        "{answered} writes were answered with 200, and the trace shows {judged}"
    );
    println!(
        "{judged} answers of 200, each after a sync of the log that came after its request was written"
    );
    spool::run(root)
}

/// The step of `cargo xtask ci`. Without strace it is left out, but on the machine that decides.
pub(crate) fn in_ci(root: &Path) -> anyhow::Result<()> {
    let decides = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let works = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if works || decides {
        return run(root);
    }
    println!("left out, which CI will not do: strace is missing or may not trace");
    Ok(())
}

/// How many writes were answered with 200.
fn traced(root: &Path, folder: &Path, trace: &Path) -> anyhow::Result<usize> {
    let status = cargo(root)
        .args(["build", "-p", "agentops-cli"])
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the server cannot be built: {status}");
    let server = Command::new("strace")
        .args(["-f", "-y", "-s", "48", "-e", CALLS, "-o"])
        .arg(trace)
        .arg(target(root).join("debug").join("agentops"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("strace cannot be started; apt-get install strace")?;
    let mut server = Stopped(server);
    let output = server.0.stdout.take().context("its output is a pipe")?;
    let mut lines = BufReader::new(output).lines();
    let first = lines.next().context("the server does not start")??;
    let host = first.strip_prefix("serving http://");
    let host = host.with_context(|| format!("the server says: {first}"))?;
    let mut answered = send(host, "alone")?;
    answered += std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| scope.spawn(move || send(host, &format!("together-{number}"))))
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().expect("a sender does not panic"))
            .sum::<anyhow::Result<usize>>()
    })?;
    end(&mut server, &folder.join("data"))?;
    Ok(answered)
}

/// Asks the server itself to end: strace would stay with a signal of its own.
fn end(strace: &mut Stopped, data: &Path) -> anyhow::Result<()> {
    let place: Value = serde_json::from_slice(&std::fs::read(data.join("server.json"))?)?;
    let pid = place["pid"].as_u64().context("the server says its pid")?;
    let status = Command::new("kill").arg(pid.to_string()).status()?;
    ensure!(status.success(), "the server cannot be told to end");
    let begun = Instant::now();
    while strace.0.try_wait()?.is_none() {
        ensure!(begun.elapsed() < LIMIT, "the server does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Makes a session and sends to it; how many writes were answered with 200.
fn send(host: &str, session: &str) -> anyhow::Result<usize> {
    let body = json!({"session": {"session_id": session}}).to_string();
    let (status, answer) = http::ask(host, "POST", "/v2/create_session", KEY, &body)?;
    ensure!(status == 200, "create_session: {status} {answer}");
    let answer: Value = serde_json::from_str(&answer)?;
    let token = answer["jwt"].as_str().context("a token")?;
    let bearer = format!("Bearer {token}");
    for number in 0..REQUESTS {
        let event =
            json!({"id": number.to_string(), "event_type": "tools", "name": "t", "params": number});
        let body = json!({"events": [event]}).to_string();
        let headers = [("Authorization", bearer.as_str())];
        let (status, answer) = http::send(host, "POST", "/v2/create_events", &headers, &body)?;
        ensure!(status == 200, "create_events: {status} {answer}");
    }
    Ok(1 + REQUESTS)
}
