//! What several promises look at in the same way.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use agentops_tests::{Home, Server};
use serde_json::Value;

/// A key that nobody had before.
pub(crate) fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A program that sends to a server, and keeps its spool in `data_dir`.
pub(crate) fn sending(
    home: &Home,
    program: &Path,
    server: &Server,
    key: &str,
    data_dir: &Path,
) -> Command {
    let mut command = home.command(program);
    command
        .env("AGENTOPS_API_ENDPOINT", server.url())
        .env("AGENTOPS_API_KEY", key)
        .env("AGENTOPS_DATA_DIR", data_dir);
    command
}

/// A program that keeps everything in `data_dir`.
pub(crate) fn local(home: &Home, program: &Path, data_dir: &Path) -> Command {
    let mut command = home.command(program);
    command.env("AGENTOPS_DATA_DIR", data_dir);
    command
}

/// The events of one list of an export.
#[track_caller]
pub(crate) fn list<'a>(export: &'a Value, name: &str) -> &'a [Value] {
    export[name]
        .as_array()
        .unwrap_or_else(|| panic!("no {name}: {export}"))
}

/// All events of an export; each has an id of its own.
#[track_caller]
pub(crate) fn all_events(export: &Value) -> Vec<&Value> {
    let events: Vec<&Value> = ["actions", "llms", "tools", "errors"]
        .iter()
        .flat_map(|name| list(export, name))
        .collect();
    let ids: BTreeSet<&str> = events.iter().map(|event| text(event, "id")).collect();
    assert_eq!(ids.len(), events.len(), "an event is there twice: {export}");
    events
}

/// A member that is a text.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no text {name}: {value}"))
}

/// The numbers of the calls `count(number)` of a puppet, sorted; none is there twice.
#[track_caller]
pub(crate) fn counted(export: &Value) -> Vec<u64> {
    all_events(export);
    let mut numbers: Vec<u64> = list(export, "tools")
        .iter()
        .filter(|tool| tool["name"] == "count")
        .map(|tool| {
            let number = tool["params"]["number"].as_u64().unwrap();
            if tool["status"] == "ok" {
                assert_eq!(tool["returns"], number * 2, "{tool}");
            }
            number
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Sessions of `agentops sessions list --json` on a data directory.
pub(crate) fn local_sessions(home: &Home, data_dir: &Path) -> Vec<Value> {
    let dir = data_dir.to_str().unwrap();
    let answer = home.agentops(["sessions", "list", "--json", "--data-dir", dir]);
    list(&answer.json(), "sessions").to_vec()
}

/// The only session of a data directory.
#[track_caller]
pub(crate) fn only_session(home: &Home, data_dir: &Path) -> Value {
    let sessions = local_sessions(home, data_dir);
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    home.export(data_dir, text(&sessions[0], "session_id"))
}
