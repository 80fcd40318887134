//! A server that is away: the program does not notice, and everything arrives once.

use agentops_tests::{Home, Process, Server, program};
use serde_json::{Value, json};

use crate::common::{counted, new_key, sending};

fn start(home: &Home, server: &Server, key: &str) -> (Process, String) {
    let command = sending(home, program!("puppet"), server, key, &home.dir("spool"));
    let mut puppet = Process::spawn(command);
    let session = puppet.line_of("session");
    (puppet, session)
}

/// Ends the program; everything it recorded is on the server once.
fn finish(mut puppet: Process, server: &Server, key: &str, session: &str, count: u64) -> Value {
    assert_eq!(puppet.ask("flush 25000", "flushed"), "true");
    assert_eq!(puppet.ask("end Success through", "ended"), "true");
    assert_eq!(puppet.finish().code, Some(0));
    let export = server.rest(key).export(session);
    assert_eq!(counted(&export), (0..count).collect::<Vec<_>>());
    assert_eq!(export["stats"]["events"], count);
    assert_eq!(export["session"]["end_state"], "Success");
    assert_eq!(export["session"]["end_state_reason"], "through");
    assert_eq!(export["session"]["dropped"], json!({}));
    export
}

#[test]
fn away_at_the_start() {
    let (home, mut server, key) = (Home::new(), Server::start(), new_key());
    server.kill();
    let (mut puppet, session) = start(&home, &server, &key);
    let took: u64 = puppet.line_of("init").parse().unwrap();
    eprintln!("init took {took} microseconds without a server");
    // 50 milliseconds are promised; ten times that on a machine that is busy with tests.
    assert!(took < 500_000, "{took}");
    puppet.ask("count 0 100 0", "done");
    assert_eq!(puppet.ask("flush 200", "flushed"), "false");
    server.start_again();
    puppet.ask("count 100 200 1", "done");
    finish(puppet, &server, &key, &session, 200);
}

#[test]
fn killed_in_the_middle_and_started_again() {
    let (home, mut server, key) = (Home::new(), Server::start(), new_key());
    let (mut puppet, session) = start(&home, &server, &key);
    puppet.say("count 0 900 2");
    for (killed, back) in [(100, 250), (400, 550), (700, 701)] {
        puppet.line_of(&format!("counted {killed} "));
        server.kill();
        puppet.line_of(&format!("counted {back} "));
        server.start_again();
    }
    puppet.line_of("done");
    finish(puppet, &server, &key, &session, 900);
}

#[test]
fn away_at_the_end() {
    let (home, mut server, key) = (Home::new(), Server::start(), new_key());
    let (mut puppet, session) = start(&home, &server, &key);
    puppet.ask("count 0 50 0", "done");
    assert_eq!(puppet.ask("flush 25000", "flushed"), "true");
    server.terminate();
    puppet.ask("count 50 100 0", "done");
    assert_eq!(puppet.ask("end Fail given up", "ended"), "false");
    assert_eq!(puppet.finish().code, Some(0));

    server.start_again();
    let (mut other, _) = start(&home, &server, &key);
    assert_eq!(other.ask("flush 25000", "flushed"), "true");
    let is_over = |export: &Value| export["session"]["end_state"] == "Fail";
    let export = server.rest(&key).export_when(&session, "the end", is_over);
    assert_eq!(counted(&export), (0..100).collect::<Vec<_>>());
    assert_eq!(export["session"]["end_state_reason"], "given up");
}
