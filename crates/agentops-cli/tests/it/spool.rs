//! `agentops spool`: what waits, and that only what may go goes.

use agentops_core::ApiKey;
use agentops_protocol::{EndState, EventKind};

use crate::recorded::{ID, Program, TWIN, event};
use crate::{Run, Server, command, on};

const KEY: &str = "11111111-1111-4111-8111-111111111111";
const OTHER: &str = "22222222-2222-4222-8222-222222222222";

/// What a program that is gone left: three lines.
fn left(mut program: Program, id: &str) {
    let session = program.session(id, 0, &[]);
    program.event(id, &event("e", EventKind::Action, "step", 1, 2));
    program.end(session, 5, EndState::Success, "done");
    program.close();
}

fn fingerprint(key: &str) -> String {
    ApiKey::new(key).unwrap().fingerprint()
}

#[test]
fn only_what_has_this_server_and_this_key_is_sent() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(there.path());
    left(Program::start(here.path()), "local");
    left(
        Program::start_for(here.path(), &server.url, &fingerprint(KEY)),
        ID,
    );
    left(
        Program::start_for(here.path(), &server.url, &fingerprint(OTHER)),
        "other-key",
    );
    left(
        Program::start_for(here.path(), "http://127.0.0.1:1", &fingerprint(KEY)),
        "other-server",
    );

    let status = on(here.path(), &["spool", "status", "--json"]).json();
    let found = status["directories"].as_array().unwrap();
    assert_eq!(found.len(), 4);
    assert!(
        found
            .iter()
            .all(|left| left["waiting"] == 3 && left["live"] == false),
        "{status}"
    );
    let text = on(here.path(), &["spool", "status"]).ok();
    assert!(
        text.contains("this machine") && text.contains(&fingerprint(OTHER)),
        "{text}"
    );
    assert!(!text.contains(KEY), "a key is nowhere");

    let message = on(here.path(), &["spool", "flush"]).failed(6);
    assert!(message.contains("AGENTOPS_API_KEY"), "{message}");
    let words = [
        "spool",
        "flush",
        "--json",
        "--api-key",
        KEY,
        "--endpoint",
        &server.url,
    ];
    let sent = on(here.path(), &words).json();
    assert_eq!(
        (&sent["sent"], &sent["left"], &sent["others"]),
        (&3.into(), &0.into(), &9.into())
    );

    let list = on(there.path(), &["sessions", "list", "--json"]).json();
    let ids: Vec<_> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["session_id"])
        .collect();
    assert_eq!(ids, [ID]);
    let export = on(there.path(), &["sessions", "export", ID]).json();
    assert_eq!(export["session"]["end_state"], "Success");
    assert_eq!(export["actions"][0]["action_type"], "step");
    // Again: there is nothing more, and that is well.
    let words = [
        "spool",
        "flush",
        "--api-key",
        KEY,
        "--endpoint",
        &server.url,
    ];
    assert!(on(here.path(), &words).ok().starts_with("sent 0 lines\n"));
    let status = on(here.path(), &["spool", "status", "--json"]).json();
    assert_eq!(status["directories"].as_array().unwrap().len(), 3);
}

#[test]
fn a_server_that_is_away_leaves_everything_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    left(
        Program::start_for(dir.path(), "http://127.0.0.1:1", &fingerprint(KEY)),
        ID,
    );
    let words = ["spool", "flush", "--timeout", "1", "--api-key", KEY];
    let run = on(dir.path(), &words);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("is the server running"), "{}", run.err);
    assert!(run.out.contains("3 lines could not be sent"), "{}", run.out);
    let status = on(dir.path(), &["spool", "status", "--json"]).json();
    assert_eq!(status["directories"][0]["waiting"], 3);
}

#[test]
fn what_a_running_program_writes_is_looked_at_and_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = Program::start_for(dir.path(), "http://127.0.0.1:1", &fingerprint(KEY));
    let _session = program.session(ID, 0, &[]);
    program.open(ID, &event("e", EventKind::Tool, "slow\u{1b}[2J", 1, 2));
    program.commit();
    let status = on(dir.path(), &["spool", "status", "--json"]).json();
    let found = &status["directories"][0];
    assert_eq!(
        (&found["live"], &found["open_sessions"]),
        (&true.into(), &1.into())
    );
    let sent = on(dir.path(), &["spool", "flush", "--json", "--api-key", KEY]).json();
    assert_eq!((&sent["sent"], &sent["others"]), (&0.into(), &2.into()));

    let name = found["name"].as_str().unwrap();
    let lines = on(dir.path(), &["spool", "inspect", "--json", name]).ok();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[1]["op"], &lines[1]["session_id"]),
        (&"open".into(), &ID.into())
    );
    assert_eq!(
        (&lines[1]["acknowledged"], &lines[1]["body"]["name"]),
        (&false.into(), &"slow\u{1b}[2J".into())
    );
    let text = on(
        dir.path(),
        &["spool", "inspect", &name[..20], "--limit", "1"],
    )
    .ok();
    assert!(
        text.ends_with("… and more; --limit 10 shows more\n"),
        "{text}"
    );
    let message = on(dir.path(), &["spool", "inspect", "nothing-like-it"]).failed(1);
    assert!(message.contains("`agentops spool status`"), "{message}");
    left(Program::start(dir.path()), TWIN);
    on(dir.path(), &["spool", "inspect", "-"]).failed(4);
}

#[test]
fn nothing_at_all_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        on(dir.path(), &["spool", "status"])
            .ok()
            .starts_with("nothing waits in ")
    );
    let run = Run::of(command(&[
        "spool",
        "flush",
        "--api-key",
        "k",
        "--endpoint",
        "no address",
    ]));
    assert_eq!(run.code, 2, "{}", run.err);
}
