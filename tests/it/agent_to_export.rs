//! What an agent did is what an export says, field by field, whichever way it went.

use std::path::{Path, PathBuf};
use std::process::Command;

use agentops_tests::{Home, Ledger, Run, Server, Written, program};
use serde_json::Value;

use crate::common::{local, local_sessions, new_key, sending, text};
use crate::comparison;

/// Runs the agent to its end; the list that it kept.
fn run(mut command: Command, home: &Home, words: &[&str]) -> Written {
    let list: PathBuf = home.path().join("list.jsonl");
    command.arg(&list).args(words);
    let ran = Run::of(command);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let written = Ledger::read(&list);
    // So much that a comparison means something.
    assert!(written.entries.len() >= 28, "{}", written.entries.len());
    written
}

fn over_rest(words: &[&str]) -> (Server, String, Written) {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let command = sending(&home, program!("agent"), &server, &key, &home.dir("spool"));
    let written = run(command, &home, words);
    (server, key, written)
}

#[test]
fn over_rest_every_field_is_as_the_agent_did_it() {
    let (server, key, written) = over_rest(&[]);
    let rest = server.rest(&key);
    let export = rest.export(&written.session.id);
    comparison::check(&export, &written);
    comparison::check_told(&export, &written);
    assert_eq!(rest.stats(&written.session.id), export["stats"]);
    // Written digit by digit, never through a float.
    let answer = rest.get(&format!("/v2/sessions/{}/export", written.session.id));
    assert!(answer.text().contains("\"cost\":0.00930"));
}

#[test]
fn a_price_that_nobody_knows_is_never_a_zero() {
    let (server, key, written) = over_rest(&["mixed"]);
    let export = server.rest(&key).export(&written.session.id);
    comparison::check(&export, &written);
    comparison::check_told(&export, &written);
    assert_eq!(export["stats"]["cost"], Value::Null);
    assert_eq!(export["stats"]["unpriced"], 1);
}

#[test]
fn in_local_mode_the_command_and_the_server_say_the_same() {
    let home = Home::new();
    let data_dir = home.dir("sessions");
    let command = local(&home, program!("agent"), &data_dir);
    let written = run(command, &home, &["mixed"]);
    let export = home.export(&data_dir, &written.session.id);
    comparison::check(&export, &written);
    comparison::check_told(&export, &written);
    listed(&home, &data_dir, &export);

    let server = Server::over(&data_dir);
    let served = server.rest(&new_key()).export(&written.session.id);
    comparison::check(&served, &written);
    assert_eq!(served, export, "the same, whoever shows it");
    // Now through the server that has the directory.
    assert_eq!(home.export(&data_dir, &written.session.id), export);
}

fn listed(home: &Home, data_dir: &Path, export: &Value) {
    let sessions = local_sessions(home, data_dir);
    assert_eq!(sessions.len(), 1);
    let (row, session) = (&sessions[0], &export["session"]);
    assert_eq!(text(row, "session_id"), text(session, "id"));
    for field in ["init_timestamp", "end_timestamp", "end_state", "tags"] {
        assert_eq!(row[field], session[field], "{field}");
    }
    assert_eq!(row["status"], "ended");
    // Which prices count is said where a session is shown whole.
    let mut stats = export["stats"].clone();
    let prices = stats["prices"].take();
    assert!(
        prices["source"].is_string() && prices["date"].is_string(),
        "{prices}"
    );
    stats.as_object_mut().unwrap().remove("prices");
    assert_eq!(row["stats"], stats);
}
