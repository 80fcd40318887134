//! However `main` ends, its session says so, and the program ends as it would have without.

use agentops_tests::{Home, Process, Run, Server, program};
use serde_json::{Value, json};

use crate::common::{list, local, local_sessions, new_key, only_session, sending, text};

const LOST: &str = "process ended without ending the session";

/// Way, exit code, end state, the reason's beginning, and its end.
type Case = (
    &'static str,
    i32,
    &'static str,
    Option<(&'static str, &'static str)>,
);

const CASES: [Case; 4] = [
    ("success", 0, "Success", None),
    (
        "failure",
        1,
        "Fail",
        Some(("cannot reach the model", ": no such host")),
    ),
    (
        "panic",
        101,
        "Fail",
        Some(("panicked at tests/programs/endings.rs:", ": out of ideas")),
    ),
    ("code", 3, "Fail", Some(("exit code 3", "exit code 3"))),
];

fn check(export: &Value, case: &Case) {
    let (way, _, state, reason) = case;
    let session = &export["session"];
    assert_eq!(session["end_state"], *state, "{way}: {session}");
    assert!(session["end_timestamp"].is_string(), "{way}: {session}");
    match reason {
        None => assert_eq!(session["end_state_reason"], Value::Null, "{way}"),
        Some((start, end)) => {
            let told = text(session, "end_state_reason");
            assert!(
                told.starts_with(start) && told.ends_with(end),
                "{way}: {told}"
            );
        }
    }
    worked(export, way);
}

fn worked(export: &Value, way: &str) {
    let tools = list(export, "tools");
    assert_eq!(tools.len(), 1, "{way}: {export}");
    assert_eq!(tools[0]["params"], json!({ "way": way }));
    assert_eq!(tools[0]["returns"], way.len());
}

fn ended(run: &Run, case: &Case) {
    assert_eq!(run.code, Some(case.1), "{}: {}", case.0, run.err);
    assert_eq!(run.out, "", "{}", case.0);
    match case.0 {
        "failure" => assert!(
            run.err.contains("Error: cannot reach the model"),
            "{}",
            run.err
        ),
        "panic" => assert_eq!(run.err.matches("out of ideas").count(), 1, "{}", run.err),
        _ => assert_eq!(run.err, "", "{}", case.0),
    }
}

#[test]
fn in_local_mode() {
    for case in &CASES {
        let home = Home::new();
        let data_dir = home.dir("sessions");
        let mut command = local(&home, program!("endings"), &data_dir);
        command.arg(case.0);
        ended(&Run::of(command), case);
        check(&only_session(&home, &data_dir), case);
    }
}

#[test]
fn over_rest() {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let rest = server.rest(&key);
    for (number, case) in CASES.iter().enumerate() {
        let mut command = sending(
            &home,
            program!("endings"),
            &server,
            &key,
            &home.dir("spool"),
        );
        command.arg(case.0);
        ended(&Run::of(command), case);
        let answer = rest.get("/v2/sessions").ok();
        let rows = list(&answer, "sessions");
        assert_eq!(rows.len(), number + 1);
        check(&rest.export(text(&rows[0], "session_id")), case);
    }
}

/// A program that is over in a millisecond is recorded like any other.
#[test]
fn short_programs() {
    let home = Home::new();
    for number in 1..=20 {
        let run = Run::of(home.command(program!("quickstart")));
        assert_eq!(run.code, Some(0), "{}", run.err);
        let sessions = local_sessions(&home, &home.data_dir());
        assert_eq!(sessions.len(), number);
        assert_eq!(sessions[0]["stats"]["events"], 3, "{}", sessions[0]);
        assert_eq!(sessions[0]["end_state"], "Success", "{}", sessions[0]);
    }
}

/// `std::process::exit` asks nobody: what was recorded is kept all the same.
#[test]
fn an_exit_from_within() {
    let home = Home::new();
    let data_dir = home.dir("sessions");
    let mut command = local(&home, program!("endings"), &data_dir);
    command.arg("exit");
    let run = Run::of(command);
    assert_eq!((run.code, &*run.err), (Some(0), ""));
    let export = only_session(&home, &data_dir);
    worked(&export, "exit");
    assert_eq!(export["session"]["end_state"], "Indeterminate");
    assert_eq!(export["session"]["end_state_reason"], LOST);

    let (server, key) = (Server::start(), new_key());
    let spool = home.dir("spool");
    let mut command = sending(&home, program!("endings"), &server, &key, &spool);
    command.arg("exit");
    assert_eq!(Run::of(command).code, Some(0));
    let mut command = sending(&home, program!("puppet"), &server, &key, &spool);
    command.args(["flush 20000", "end Success passed by"]);
    let mut other = Process::spawn(command);
    let passer_by = other.line_of("session");
    assert_eq!(other.finish().code, Some(0));
    let rest = server.rest(&key);
    let answer = rest.get("/v2/sessions").ok();
    let rows = list(&answer, "sessions").iter();
    let lost: Vec<&Value> = rows
        .filter(|row| row["session_id"] != passer_by.as_str())
        .collect();
    assert_eq!(lost.len(), 1, "{answer}");
    let is_over = |export: &Value| export["session"]["end_timestamp"].is_string();
    let export = rest.export_when(text(lost[0], "session_id"), "its end", is_over);
    worked(&export, "exit");
    assert_eq!(export["session"]["end_state"], "Indeterminate");
    assert_eq!(export["session"]["end_state_reason"], LOST);
}
