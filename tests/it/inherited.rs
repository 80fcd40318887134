//! Two processes, one session.

use std::process::Command;

use agentops_tests::{Home, Process, Server, program};
use serde_json::{Value, json};

use crate::common::{counted, list, new_key, only_session, sending, text};

/// A program that hands its session down to a child, from inside of a call.
fn parent(command: Command) -> (String, String) {
    let mut puppet = Process::spawn(command);
    let session = puppet.line_of("session");
    // By now it knows what the server is.
    assert_eq!(puppet.ask("flush 20000", "flushed"), "true");
    puppet.say("tag parent");
    puppet.ask("count 0 3 0", "done");
    let open = puppet.ask("hold the child", "holding");
    let child = "tag child;count 10 15 0;hold inside;count 20 22 0;release;flush 20000";
    assert_eq!(puppet.ask(&format!("spawn {child}"), "spawned"), "0");
    puppet.say("release");
    puppet.ask("count 3 5 0", "done");
    assert_eq!(puppet.ask("end Success both done", "ended"), "true");
    assert_eq!(puppet.finish().code, Some(0));
    (session, open)
}

fn check(export: &Value, session: &str, open: &str) {
    assert_eq!(export["session"]["id"], session);
    assert_eq!(export["session"]["end_state"], "Success");
    assert_eq!(export["session"]["end_state_reason"], "both done");
    // Neither takes away what the other gave it.
    let mut tags: Vec<_> = list(&export["session"], "tags").iter().collect();
    tags.sort_by_key(ToString::to_string);
    assert_eq!(tags, [&json!("child"), &json!("parent")]);
    assert_eq!(counted(export), [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21]);
    let inner = list(export, "actions")
        .iter()
        .find(|call| call["params"]["text"] == "inside")
        .unwrap();
    assert_eq!(inner["parent_id"], open);
    for tool in list(export, "tools") {
        let parent = match tool["params"]["number"].as_u64().unwrap() {
            0..5 => Value::Null,
            10..15 => json!(open),
            _ => inner["id"].clone(),
        };
        assert_eq!(tool["parent_id"], parent, "{tool}");
    }
    assert_eq!(list(export, "actions").len(), 2);
    assert_eq!(export["stats"]["events"], 14);
}

#[test]
fn over_rest() {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let command = sending(&home, program!("puppet"), &server, &key, &home.dir("spool"));
    let (session, open) = parent(command);
    let rest = server.rest(&key);
    check(&rest.export(&session), &session, &open);
    let answer = rest.get("/v2/sessions").ok();
    let rows = list(&answer, "sessions");
    assert_eq!(rows.len(), 1, "{answer}");
    assert_eq!(text(&rows[0], "session_id"), session);
}

#[test]
fn in_local_mode() {
    let home = Home::new();
    // Without a variable: the child is told where.
    let (session, open) = parent(home.command(program!("puppet")));
    let export = only_session(&home, &home.data_dir());
    check(&export, &session, &open);
}

#[test]
fn a_child_that_outlives_its_parent_does_not_reopen_the_session() {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let data_dir = home.dir("spool");
    let mut first = Process::spawn(sending(&home, program!("puppet"), &server, &key, &data_dir));
    let session = first.line_of("session");
    let mut command = sending(&home, program!("puppet"), &server, &key, &data_dir);
    command.env("AGENTOPS_SESSION_ID", &session);
    let mut second = Process::spawn(command);
    assert_eq!(second.line_of("session"), session);
    second.ask("count 0 3 0", "done");
    assert_eq!(first.ask("end Fail enough", "ended"), "true");
    second.ask("count 3 6 0", "done");
    assert_eq!(second.ask("flush 20000", "flushed"), "true");
    // A joined session is not its own to end.
    assert_eq!(second.finish().code, Some(0));
    let export = server.rest(&key).export(&session);
    assert_eq!(counted(&export), [0, 1, 2, 3, 4, 5]);
    assert_eq!(export["session"]["end_state"], "Fail");
    assert_eq!(export["session"]["end_state_reason"], "enough");
}
