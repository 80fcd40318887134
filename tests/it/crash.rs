//! A program that is killed loses nothing that it had recorded, and what it was doing is told.

use std::path::Path;

use agentops_tests::{Home, Process, Server, program, unix_micros};
use serde_json::{Value, json};

use crate::common::{counted, list, local, new_key, only_session, sending, text};
use crate::comparison::micros;

/// Younger events may be lost while all cores are busy.
const YOUNG: i64 = 50_000;

/// What was known of a program when it was killed.
struct Killed {
    session: String,
    /// The call that was open.
    open: String,
    /// The numbers that are old enough, counted from 0.
    safe: u64,
    /// All that it printed.
    printed: u64,
}

/// Kills a program inside of an open call, while it records.
fn kill(mut puppet: Process) -> Killed {
    let session = puppet.line_of("session");
    puppet.ask("count 0 20 0", "done");
    let open = puppet.ask("hold the one that matters", "holding");
    puppet.say("count 20 1000000 1");
    puppet.line_of("counted 250");
    let killed_at = unix_micros();
    let left = puppet.kill();
    let times: Vec<(u64, i64)> = left
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("counted ")?.split_once(' '))
        .filter_map(|(number, at)| Some((number.parse().ok()?, at.parse().ok()?)))
        .collect();
    let is_safe = |(_, at): &&(u64, i64)| *at < killed_at - YOUNG;
    let printed = times.last().map_or(250, |(number, _)| *number) + 1;
    Killed {
        session,
        open,
        // 250 calls a millisecond apart: those of the first 200 milliseconds are old enough.
        safe: times
            .iter()
            .rfind(is_safe)
            .map_or(200, |(number, _)| number + 1),
        printed,
    }
}

/// The export tells the end of a killed program.
#[expect(
    clippy::print_stderr,
    reason = "how much more than promised was kept is worth a look"
)]
fn check(export: &Value, killed: &Killed) {
    let session = &export["session"];
    assert_eq!(session["id"], killed.session.as_str());
    assert_eq!(session["end_state"], "Indeterminate");
    let reason = "process ended without ending the session";
    assert_eq!(session["end_state_reason"], reason);
    assert_eq!(session["dropped"], json!({}));
    let numbers = counted(export);
    let there = numbers.len() as u64;
    eprintln!(
        "{there} of {} printed calls are there, {} had to be",
        killed.printed, killed.safe
    );
    let all: Vec<u64> = (0..there).collect();
    assert_eq!(numbers, all, "none is missing in between");
    assert!(there >= killed.safe, "{there} < {}", killed.safe);

    let open = list(export, "actions");
    assert_eq!(open.len(), 1, "{export}");
    assert_eq!(open[0]["id"], killed.open.as_str());
    assert_eq!(open[0]["status"], "interrupted");
    assert_eq!(open[0]["action_type"], "hold");
    assert_eq!(open[0]["params"]["text"], "the one that matters");
    assert_eq!(open[0]["returns"], Value::Null);
    for tool in list(export, "tools") {
        let inside = tool["params"]["number"].as_u64() >= Some(20);
        let parent = if inside {
            json!(killed.open)
        } else {
            Value::Null
        };
        assert_eq!(tool["parent_id"], parent, "{tool}");
    }
    // It ended when it was last heard of.
    let ends = list(export, "tools")
        .iter()
        .filter(|tool| tool["end_timestamp"].is_string());
    let last = ends.map(|tool| micros(&tool["end_timestamp"])).max();
    let end = micros(&session["end_timestamp"]);
    assert!(end >= last.unwrap(), "{session}");
    assert!(end <= last.unwrap() + 1_000_000, "{session}");
}

#[test]
fn in_local_mode_the_command_shows_what_was_recorded() {
    let home = Home::new();
    let data_dir = home.dir("sessions");
    let killed = kill(Process::spawn(local(&home, program!("puppet"), &data_dir)));
    let export = only_session(&home, &data_dir);
    check(&export, &killed);
    let dir = data_dir.to_str().unwrap();
    let shown = home.agentops(["sessions", "show", &killed.session, "--data-dir", dir]);
    let shown = shown.ok();
    for word in [
        "Indeterminate",
        "process ended without ending the session",
        "hold",
        "interrupted",
    ] {
        assert!(shown.contains(word), "no {word}:\n{shown}");
    }
    // Looking at it again changes nothing.
    assert_eq!(only_session(&home, &data_dir), export);
}

/// Another program of the same project comes by; what the dead one left behind is sent.
fn passer_by(home: &Home, server: &Server, key: &str, data_dir: &Path) -> String {
    let mut command = sending(home, program!("puppet"), server, key, data_dir);
    command.args(["count 7 8 0", "flush 20000", "end Success passed by"]);
    let mut puppet = Process::spawn(command);
    let session = puppet.line_of("session");
    assert_eq!(puppet.line_of("flushed"), "true");
    assert_eq!(puppet.line_of("ended"), "true");
    assert_eq!(puppet.finish().code, Some(0));
    session
}

fn is_over(export: &Value) -> bool {
    export["session"]["end_timestamp"].is_string()
}

#[test]
fn a_server_that_was_there_learns_of_it_by_the_next_program() {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let data_dir = home.dir("spool");
    let command = sending(&home, program!("puppet"), &server, &key, &data_dir);
    let killed = kill(Process::spawn(command));
    let other = passer_by(&home, &server, &key, &data_dir);
    let rest = server.rest(&key);
    let export = rest.export_when(&killed.session, "the end of the dead program", is_over);
    check(&export, &killed);
    let export = rest.export(&other);
    assert_eq!(export["session"]["end_state"], "Success");
    assert_eq!(counted(&export), [7]);
    nothing_left(&data_dir);
}

#[test]
fn a_server_that_was_away_gets_all_of_it_from_the_next_program() {
    let (home, mut server, key) = (Home::new(), Server::start(), new_key());
    let data_dir = home.dir("spool");
    server.kill();
    let command = sending(&home, program!("puppet"), &server, &key, &data_dir);
    let killed = kill(Process::spawn(command));
    server.start_again();
    let rest = server.rest(&key);
    let path = format!("/v2/sessions/{}/export", killed.session);
    rest.get(&path).refused(404, &path);
    passer_by(&home, &server, &key, &data_dir);
    let export = rest.export_when(&killed.session, "the end of the dead program", is_over);
    check(&export, &killed);
    nothing_left(&data_dir);
}

/// All is delivered: no directory of a dead program stays behind but that of the last one, which is not told that
/// its last line has arrived before it ends.
fn nothing_left(data_dir: &Path) {
    let left: Vec<_> = std::fs::read_dir(data_dir.join("spool"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(left.len() <= 1, "{left:?}");
}

#[test]
fn an_open_call_is_visible_while_it_runs() {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let command = sending(&home, program!("puppet"), &server, &key, &home.dir("spool"));
    let mut puppet = Process::spawn(command);
    let session = puppet.line_of("session");
    let open = puppet.ask("hold still", "holding");
    let rest = server.rest(&key);
    let runs = |export: &Value| {
        list(export, "actions")
            .iter()
            .any(|call| call["id"] == *open)
    };
    let export = rest.export_when(&session, "the running call", runs);
    let call = &list(&export, "actions")[0];
    assert_eq!(call["status"], "running");
    assert_eq!(call["end_timestamp"], Value::Null);
    assert_eq!(text(&call["params"], "text"), "still");
    puppet.say("release");
    assert_eq!(puppet.ask("end Success released", "ended"), "true");
    let export = rest.export(&session);
    let calls = list(&export, "actions");
    assert_eq!(calls.len(), 1, "the same call, not another one");
    assert_eq!(calls[0]["id"], open.as_str());
    assert_eq!(calls[0]["status"], "ok");
    assert!(calls[0]["end_timestamp"].is_string());
    assert_eq!(export["stats"]["events"], 1);
}
