//! Nothing leaves the machine unasked, and nothing goes where another key goes.

use std::path::Path;

use agentops_tests::{Home, Process, Rest, Server, program};

use crate::common::{counted, list, local, local_sessions, new_key, sending, text};

/// Records and ends in local mode; the id.
fn record_locally(home: &Home, data_dir: &Path) -> String {
    let mut command = local(home, program!("puppet"), data_dir);
    command.args(["count 0 5 0", "end Success here"]);
    let mut puppet = Process::spawn(command);
    let session = puppet.line_of("session");
    assert_eq!(puppet.line_of("ended"), "true");
    assert_eq!(puppet.finish().code, Some(0));
    session
}

/// Runs with a key, and gives everything that may be sent the time to be sent; the id.
fn record_with(home: &Home, server: &Server, key: &str, data_dir: &Path) -> String {
    let mut command = sending(home, program!("puppet"), server, key, data_dir);
    command.args(["count 0 5 0", "flush 20000", "end Success there"]);
    let mut puppet = Process::spawn(command);
    let session = puppet.line_of("session");
    assert_eq!(puppet.line_of("flushed"), "true");
    assert_eq!(puppet.line_of("ended"), "true");
    assert_eq!(puppet.finish().code, Some(0));
    session
}

fn ids(rest: &Rest) -> Vec<String> {
    let answer = rest.get("/v2/sessions").ok();
    let rows = list(&answer, "sessions").iter();
    rows.map(|row| text(row, "session_id").to_owned()).collect()
}

#[test]
fn what_was_recorded_locally_stays_local() {
    let (home, server, key) = (Home::new(), Server::start(), new_key());
    let data_dir = home.dir("shared");
    let here = record_locally(&home, &data_dir);
    // One that never got to its end is not for sending either.
    let mut killed = Process::spawn(local(&home, program!("puppet"), &data_dir));
    let dead = killed.line_of("session");
    killed.ask("count 0 5 0", "done");
    assert_eq!(killed.ask("flush 20000", "flushed"), "true");
    drop(killed.kill());

    let there = record_with(&home, &server, &key, &data_dir);
    let again = record_with(&home, &server, &key, &data_dir);
    let mut on_server = ids(&server.rest(&key));
    on_server.sort();
    let mut wanted = vec![there, again];
    wanted.sort();
    assert_eq!(on_server, wanted);

    let mut kept: Vec<String> = local_sessions(&home, &data_dir)
        .iter()
        .map(|row| text(row, "session_id").to_owned())
        .collect();
    kept.sort();
    let mut wanted = vec![here.clone(), dead];
    wanted.sort();
    assert_eq!(kept, wanted);
    assert_eq!(counted(&home.export(&data_dir, &here)), [0, 1, 2, 3, 4]);
}

#[test]
fn what_was_recorded_with_one_key_is_not_sent_with_another() {
    let (home, mut server) = (Home::new(), Server::start());
    let data_dir = home.dir("shared");
    let (mine, yours) = (new_key(), new_key());
    server.kill();
    let mut command = sending(&home, program!("puppet"), &server, &mine, &data_dir);
    command.env("AGENTOPS_FLUSH_TIMEOUT", "100");
    let mut puppet = Process::spawn(command);
    let left = puppet.line_of("session");
    puppet.ask("count 0 5 0", "done");
    assert_eq!(puppet.ask("end Success unheard", "ended"), "false");
    assert_eq!(puppet.finish().code, Some(0));

    server.start_again();
    let other = record_with(&home, &server, &yours, &data_dir);
    let rest = server.rest(&mine);
    assert_eq!(ids(&rest), [other]);
    // Nor is it taken for a local one.
    assert!(local_sessions(&home, &data_dir).is_empty());

    record_with(&home, &server, &mine, &data_dir);
    let is_over = |export: &serde_json::Value| export["session"]["end_state"] == "Success";
    let export = rest.export_when(&left, "what was left behind", is_over);
    assert_eq!(counted(&export), [0, 1, 2, 3, 4]);
}

#[test]
fn the_spool_knows_no_key() {
    let (home, mut server, key) = (Home::new(), Server::start(), new_key());
    let data_dir = home.dir("spool");
    server.kill();
    let command = sending(&home, program!("puppet"), &server, &key, &data_dir);
    let mut puppet = Process::spawn(command);
    puppet.ask("count 0 5 0", "done");
    assert_eq!(puppet.ask("flush 100", "flushed"), "false");
    let mut files = 0;
    let mut folders = vec![data_dir];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(key.len()).any(|part| part == key.as_bytes());
            assert!(!found, "the key is in {}", path.display());
        }
    }
    assert!(files > 0, "there is a spool");
}
