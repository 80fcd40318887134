//! SIGINT and SIGTERM: a program that does nothing about them ends by them as ever, with its session ended; one that
//! does something, or was told to ignore them, is left alone.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use agentops_spool::{Op, Position, Reader, Spool};
use agentops_tests::{Faulty, Home, Process, Reaction, program, wait_for};
use serde_json::Value;

use super::support::LONG;
use crate::common::{list, local, new_key, only_session};

fn signal(process: &Process, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", process.id())])
        .status();
    assert!(sent.unwrap().success(), "no signal sent");
}

fn start(mut command: Command, way: &str) -> Process {
    command.arg(way);
    let mut process = Process::spawn(command);
    process.line_of("ready");
    process
}

fn calls(export: &Value) -> Vec<&str> {
    let tools = list(export, "tools").iter();
    tools
        .map(|tool| {
            assert_eq!(tool["status"], "ok");
            tool["params"]["way"].as_str().unwrap()
        })
        .collect()
}

#[test]
fn a_program_that_does_nothing_ends_by_the_signal() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let home = Home::new();
        let data_dir = home.dir("sessions");
        let process = start(local(&home, program!("signals"), &data_dir), "waits");
        let begun = Instant::now();
        signal(&process, name);
        let finished = process.finish_open();
        println!("SIG{name}: gone after {:?}", begun.elapsed());
        assert_eq!((finished.code, finished.signal), (None, Some(number)));
        assert_eq!(finished.err, "");
        let export = only_session(&home, &data_dir);
        let session = &export["session"];
        assert_eq!(session["end_state"], "Fail", "{session}");
        let reason = format!("Signal SIG{name} detected");
        assert_eq!(session["end_state_reason"], reason.as_str());
        assert_eq!(calls(&export), ["waits"]);
    }
}

#[test]
fn a_program_that_cleans_up_decides_itself() {
    let home = Home::new();
    let data_dir = home.dir("sessions");
    let process = start(local(&home, program!("signals"), &data_dir), "cleans-up");
    signal(&process, "INT");
    let finished = process.finish_open();
    assert_eq!((finished.code, finished.signal), (Some(7), None));
    assert_eq!(finished.lines, ["tidied up"]);
    let export = only_session(&home, &data_dir);
    assert_eq!(export["session"]["end_state"], "Fail");
    let reason = export["session"]["end_state_reason"].as_str().unwrap();
    assert!(!reason.contains("SIGINT"), "{reason}");
    assert_eq!(calls(&export), ["cleans up", "tidy"]);
}

#[test]
fn a_program_that_was_told_to_ignore_them_does() {
    let home = Home::new();
    let data_dir = home.dir("sessions");
    let mut command = local(&home, Path::new("sh"), &data_dir);
    command
        .args(["-c", r#"trap "" INT TERM; exec "$0" "$@""#])
        .arg(program!("signals"));
    let mut process = start(command, "waits");
    for name in ["INT", "TERM", "INT"] {
        signal(&process, name);
        assert_eq!(process.ask(name, "heard"), name);
    }
    let finished = process.finish();
    assert_eq!((finished.code, finished.signal), (Some(0), None));
    let export = only_session(&home, &data_dir);
    assert_eq!(export["session"]["end_state"], "Success");
    assert_eq!(calls(&export), ["waits"]);
}

/// Whether the end by a signal is in the spool.
fn is_ended(data_dir: &Path) -> bool {
    let directories = Spool::at(data_dir).directories().unwrap();
    directories.iter().any(|directory| {
        let mut reader = Reader::open(directory.path());
        let batch = reader.next_batch(Position::START, 4_096, 8 << 20).unwrap();
        batch
            .lines
            .iter()
            .any(|line| line.op == Op::Update && line.body.get().contains("Signal SIGINT detected"))
    })
}

/// The first one has the session ended, and a server that does not answer may hold that up for a moment.
#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Faulty::start(|_| Reaction::Silence);
    let command = |home: &Home| {
        let mut command = local(home, program!("signals"), &home.dir("spool"));
        command
            .env("AGENTOPS_API_ENDPOINT", server.url())
            .env("AGENTOPS_API_KEY", new_key());
        command
    };
    let home = Home::new();
    let process = start(command(&home), "waits");
    let begun = Instant::now();
    signal(&process, "INT");
    assert_eq!(process.finish_open().signal, Some(2));
    let alone = begun.elapsed();
    println!("one signal, silent server: gone after {alone:?}");
    assert!(alone < Duration::from_secs(1), "{alone:?}");

    let home = Home::new();
    let process = start(command(&home), "waits");
    signal(&process, "INT");
    wait_for("the end in the spool", LONG, || {
        is_ended(&home.dir("spool")).then_some(())
    });
    let begun = Instant::now();
    signal(&process, "INT");
    assert_eq!(process.finish_open().signal, Some(2));
    let took = begun.elapsed();
    println!("a second signal: gone after {took:?}");
    assert!(took < Duration::from_millis(200), "{took:?}");
}
