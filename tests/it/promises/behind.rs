//! A session that cannot be delivered keeps its own order and holds up nobody else's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use agentops::{EndState, Loss, Session, SessionOptions};
use agentops_tests::{Faulty, Reaction, Request};

use super::support::{FLUSH, LONG, Sdk, record};
use crate::common::new_key;

/// A server that does this to sessions whose name begins with "stuck" until it is told to stop, and takes the rest.
fn stuck_with(reaction: Reaction) -> (Faulty, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let server = Faulty::start(move |request: &Request| {
        if request.session.starts_with("stuck") && !is_mended.load(Ordering::Relaxed) {
            return reaction.clone();
        }
        Reaction::Accept
    });
    (server, mended)
}

fn begin(sdk: &Sdk, name: String) -> Session {
    sdk.client
        .start_session(SessionOptions::new().inherit(name))
}

#[track_caller]
fn delivered(server: &Faulty, session: &Session, count: u64) {
    assert_eq!(
        server.stored(session.id()).numbers(),
        (0..count).collect::<Vec<_>>(),
        "{}",
        session.id()
    );
    assert_eq!(session.dropped(), BTreeMap::new());
}

/// Records rounds of events in stuck sessions and in others, and expects each round of the others to arrive.
#[track_caller]
fn others_go_on(sdk: &Sdk, server: &Faulty, stuck: &[Session], rounds: u64, events: u64) {
    let others: Vec<Session> = (0..5).map(|_| begin(sdk, new_key())).collect();
    for round in 0..rounds {
        let numbers = round * events..(round + 1) * events;
        for session in stuck.iter().chain(&others) {
            record(session, numbers.clone());
        }
        for other in &others {
            assert!(other.flush_blocking(LONG), "round {round}");
            delivered(server, other, numbers.end);
        }
    }
    // The end of one of them waits for nobody else, and says that all of it arrived.
    for other in others {
        let begun = Instant::now();
        let ended = other.end(EndState::Success).wait();
        assert!(
            ended.delivered,
            "{} after {:?}",
            other.id(),
            begun.elapsed()
        );
    }
}

#[test]
fn a_session_that_fails_for_ever_holds_up_no_other() {
    if super::support::elsewhere() {
        return;
    }
    let (server, mended) = stuck_with(Reaction::refuse(500));
    let sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.flush_timeout(LONG)
    });
    // More of them than are sent at one time.
    let stuck: Vec<Session> = (0..12).map(|n| begin(&sdk, format!("stuck-{n}"))).collect();
    others_go_on(&sdk, &server, &stuck, 4, 400);
    assert!(!stuck[0].flush_blocking(FLUSH));
    assert!(!sdk.client.flush_blocking(FLUSH), "not all is delivered");
    let asked = server.log().len();
    println!("{asked} requests, of which {} for those that fail", {
        let log = server.log();
        log.iter()
            .filter(|r| r.session.starts_with("stuck"))
            .count()
    });

    mended.store(true, Ordering::Relaxed);
    assert!(sdk.client.flush_blocking(LONG), "all of it now");
    for session in &stuck {
        delivered(&server, session, 1_600);
        // Having caught up, they go on like the others.
        record(session, 1_600..1_700);
        assert!(session.flush_blocking(LONG));
        delivered(&server, session, 1_700);
    }
}

#[test]
fn nor_one_whose_requests_are_never_answered() {
    if super::support::elsewhere() {
        return;
    }
    let (mut server, mended) = stuck_with(Reaction::Silence);
    let sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.flush_timeout(LONG)
    });
    let stuck = [
        begin(&sdk, "stuck-1".to_owned()),
        begin(&sdk, "stuck-2".to_owned()),
    ];
    others_go_on(&sdk, &server, &stuck, 3, 300);
    assert!(!stuck[0].flush_blocking(FLUSH));
    // Whoever waits for the silent answers is told that the connection is gone.
    mended.store(true, Ordering::Relaxed);
    server.stop();
    server.start_again();
    assert!(sdk.client.flush_blocking(LONG));
    for session in &stuck {
        delivered(&server, session, 900);
    }
}

/// Without a disk, what waits takes memory, and only what waits.
#[test]
fn nor_without_a_disk() {
    if super::support::elsewhere() {
        return;
    }
    let (server, mended) = stuck_with(Reaction::refuse(503));
    let file = tempfile::NamedTempFile::new().unwrap();
    let sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        let config = config.data_dir(file.path().join("below"));
        config.memory_limit(2 << 20).flush_timeout(LONG)
    });
    let stuck = [begin(&sdk, "stuck".to_owned())];
    others_go_on(&sdk, &server, &stuck, 1, 200);
    for _ in 0..10 {
        // Far more in all than fits into the memory at one time.
        others_go_on(&sdk, &server, &[], 1, 300);
    }
    mended.store(true, Ordering::Relaxed);
    assert!(sdk.client.flush_blocking(LONG));
    delivered(&server, &stuck[0], 200);
}

/// True is said when all of it arrived, not when nothing is left to wait for.
#[test]
fn a_flush_says_what_became_of_what_was_refused() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::start(|request| {
        if request.session.starts_with("stuck") {
            return Reaction::refuse(403);
        }
        Reaction::Accept
    });
    let mut sdk = Sdk::sending(&server);
    let refused = begin(&sdk, "stuck".to_owned());
    record(&refused, 0..10);
    sdk.record(10);
    assert!(sdk.session.flush_blocking(LONG), "nothing of it is lost");
    assert!(!refused.flush_blocking(LONG), "nothing of it arrived");
    assert_eq!(refused.dropped(), BTreeMap::from([(Loss::Rejected, 10)]));
    assert!(!sdk.client.flush_blocking(LONG), "not all of it arrived");
    // A loss is told once; those that come later are told again.
    assert!(sdk.client.flush_blocking(LONG));
    assert!(refused.flush_blocking(LONG));
    record(&refused, 10..11);
    assert!(!sdk.client.flush_blocking(Duration::from_secs(20)));
    assert!(!refused.flush_blocking(LONG));
    assert!(!refused.end(EndState::Success).wait().delivered);
}
