//! A server that comes and goes: nothing is lost, each event arrives once and in order, and nobody waits for it.

use std::cell::Cell;
use std::time::Duration;

use agentops::SessionOptions;
use agentops_tests::{Faulty, Home, Process, Reaction, program, wait_for};

use super::support::{FLUSH, LONG, Sdk, flush_in_time, record, unacknowledged};
use crate::common::new_key;

/// What `init` may take, whatever the server does.
const INIT_LIMIT: u64 = 50_000;

#[test]
fn refusing_then_dying_in_the_middle_of_batches_then_back() {
    if super::support::elsewhere() {
        return;
    }
    let mut server = Faulty::kind();
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    assert!(sdk.client.flush_blocking(LONG));

    server.stop();
    for _ in 0..3 {
        sdk.record(300);
        assert!(!flush_in_time("refusing", &sdk.client));
    }
    assert_eq!(
        unacknowledged(sdk.data_dir.path()),
        (100..1000).collect::<Vec<_>>()
    );

    // It takes two batches and a half, dies, and comes back, five times.
    for _ in 0..5 {
        let mut batches = 0;
        server.react(move |request| {
            batches += usize::from(!request.events().is_empty());
            match batches {
                0..=2 => Reaction::Accept,
                3 if !request.events().is_empty() => Reaction::HalfTaken,
                _ => Reaction::HangUp,
            }
        });
        let before = server.log().len();
        server.start_again();
        // More than two batches, however they fall together.
        sdk.record(300);
        wait_for("half a batch", LONG, || {
            // The pause after a failure may have grown longer than this test waits.
            sdk.client.flush_blocking(FLUSH);
            let log = server.log();
            let batches = log[before..].iter().filter(|r| !r.events().is_empty());
            (batches.count() >= 3).then_some(())
        });
        server.stop();
        // A session that begins while it is away.
        let other = sdk.client.start_session(SessionOptions::new());
        record(&other, 0..10);
        assert!(!flush_in_time("dead again", &sdk.client));
    }

    server.react(|_| Reaction::Accept);
    server.start_again();
    sdk.all_delivered(&server);
    assert_eq!(sdk.all().len(), 2_500);
    let others = server.sessions();
    assert_eq!(others.len(), 6, "{others:?}");
    for id in others.iter().filter(|id| *id != sdk.session.id()) {
        assert_eq!(server.stored(id).numbers(), (0..10).collect::<Vec<_>>());
    }
}

/// What is there when a program begins does not hold it up.
#[test]
fn the_start_waits_for_nobody() {
    if super::support::elsewhere() {
        return;
    }
    let mut server = Faulty::start(|_| Reaction::Silence);
    let home = Home::new();
    let data_dir = home.dir("spool");
    let key = new_key();
    let slowest = Cell::new(0);
    let begin = |what: &str, server: &Faulty, orders: &str| {
        let mut command = home.command(program!("puppet"));
        command
            .env("AGENTOPS_API_ENDPOINT", server.url())
            .env("AGENTOPS_API_KEY", &key)
            .env("AGENTOPS_DATA_DIR", &data_dir)
            .env("AGENTOPS_FLUSH_TIMEOUT", "50")
            .args(["count 0 20 0", orders, "end Success here"]);
        let mut puppet = Process::spawn(command);
        let session = puppet.line_of("session");
        let took: u64 = puppet.line_of("init").parse().unwrap();
        println!("{what}: init took {took} us");
        slowest.set(slowest.get().max(took));
        assert_eq!(puppet.finish().code, Some(0));
        session
    };
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(begin("silent server", &server, "tag one"));
    }
    server.stop();
    // Each finds more that the ones before it left behind.
    for _ in 0..5 {
        sessions.push(begin("no server", &server, "tag one"));
    }
    server.react(|_| Reaction::Slowly(Duration::from_micros(500)));
    server.start_again();
    for _ in 0..3 {
        sessions.push(begin("slow server", &server, "tag one"));
    }
    let slowest = slowest.get();
    println!("slowest: {slowest} us");
    assert!(slowest < INIT_LIMIT, "init took {slowest} us");

    // None of it was lost on the way.
    server.react(|_| Reaction::Accept);
    sessions.push(begin("server is back", &server, "flush 20000"));
    for id in &sessions {
        let stored = server.stored(id);
        assert_eq!(stored.numbers(), (0..20).collect::<Vec<_>>());
        let ends = stored
            .session
            .iter()
            .filter(|body| body["end_state"] == "Success");
        assert!(ends.count() >= 1, "{:?}", stored.session);
    }
}
