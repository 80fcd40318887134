//! Whatever a server does, each event is delivered once and in order, or refused and counted, or still in the spool;
//! and a flush keeps to its time.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use agentops::{EndState, Loss, SessionOptions};
use agentops_tests::{Faulty, Reaction, Request};
use serde_json::Value;

use super::support::{
    FLUSH, LONG, Sdk, flush_in_time, quarantined, record, spooled, unacknowledged,
};

fn sends_events(request: &Request) -> bool {
    request.is("create_events")
}

/// A server that does this to the first requests with events and takes what comes later.
fn at_first(times: usize, reaction: Reaction) -> Faulty {
    let mut left = times;
    Faulty::start(move |request| {
        if sends_events(request) && left > 0 {
            left -= 1;
            return reaction.clone();
        }
        Reaction::Accept
    })
}

fn number(event: &Value) -> u64 {
    event["params"]["number"].as_u64().unwrap()
}

#[test]
fn a_token_that_expired_is_renewed_once() {
    if super::support::elsewhere() {
        return;
    }
    let mut expired = HashSet::new();
    let server = Faulty::start(move |request| match &request.token {
        // The first token is good for one request.
        Some(token) if token.starts_with("1/") && !expired.insert(token.clone()) => {
            Reaction::refuse(401)
        }
        _ => Reaction::Accept,
    });
    let mut sdk = Sdk::sending(&server);
    sdk.record(200);
    // Whether it is all there in 200 ms is up to the machine; that nothing stays behind is not.
    flush_in_time("expired token", &sdk.client);
    assert!(sdk.client.flush_blocking(LONG));
    sdk.record(50);
    sdk.all_delivered(&server);
    let log = server.log();
    let renewals = log.iter().filter(|request| request.is("reauthorize_jwt"));
    assert_eq!(renewals.count(), 1, "authorised again once");
    let created = log.iter().filter(|request| request.is("create_session"));
    assert_eq!(created.count(), 1);
}

/// A key that the server does not know: all of it is refused, kept aside and counted, and the program goes on.
#[test]
fn a_key_that_is_refused() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::start(|_| Reaction::refuse(401));
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    flush_in_time("refused key", &sdk.client);
    sdk.client.flush_blocking(LONG);
    assert_eq!(
        sdk.session.dropped(),
        BTreeMap::from([(Loss::Rejected, 100)])
    );
    let kept = quarantined(sdk.data_dir.path());
    let events: Vec<u64> = kept
        .iter()
        .filter(|line| line["op"] == "event")
        .map(|line| number(&line["body"]))
        .collect();
    assert_eq!(events, sdk.all(), "all of it is kept aside");
    // Nobody is asked again and again.
    let asked = server.log().len();
    sdk.record(100);
    sdk.client.flush_blocking(LONG);
    assert_eq!(server.log().len(), asked);
    assert_eq!(
        sdk.session.dropped(),
        BTreeMap::from([(Loss::Rejected, 200)])
    );
    let ended = sdk.session.end(EndState::Success).wait();
    assert!(!ended.delivered, "nobody is told that it arrived");
    let text = std::fs::read_to_string(sdk.data_dir.path().join("quarantine.ndjson")).unwrap();
    let key = server.log()[0].key.clone().unwrap();
    assert!(!text.contains(&key), "the quarantine knows no key");
}

#[test]
fn a_session_that_is_refused_does_not_hold_up_the_others() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::start(|request| {
        if request.session.starts_with("refused") {
            return Reaction::refuse(401);
        }
        Reaction::Accept
    });
    let mut sdk = Sdk::sending(&server);
    let refused = sdk
        .client
        .start_session(SessionOptions::new().inherit("refused-1"));
    record(&refused, 0..50);
    sdk.record(100);
    assert!(sdk.session.flush_blocking(LONG));
    assert!(!refused.flush_blocking(LONG), "all of it is refused");
    assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    assert_eq!(sdk.session.dropped(), BTreeMap::new());
    assert_eq!(refused.dropped(), BTreeMap::from([(Loss::Rejected, 50)]));
    assert_eq!(server.sessions(), [sdk.session.id()]);
}

#[test]
fn one_refused_event_costs_no_other() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::start(|request| {
        if request.events().iter().any(|event| number(event) == 37) {
            return Reaction::refuse(400);
        }
        Reaction::Accept
    });
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    // Whichever of the two it is that all is done in says so.
    let flushed = [
        flush_in_time("one refused event", &sdk.client),
        sdk.client.flush_blocking(LONG),
    ];
    assert!(flushed.contains(&false), "not all of it arrived");
    assert!(sdk.client.flush_blocking(LONG), "and that is told once");
    let others: Vec<u64> = sdk.all().into_iter().filter(|n| *n != 37).collect();
    assert_eq!(server.stored(sdk.session.id()).numbers(), others);
    assert_eq!(sdk.session.dropped(), BTreeMap::from([(Loss::Rejected, 1)]));
    let kept = quarantined(sdk.data_dir.path());
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(number(&kept[0]["body"]), 37);
    assert!(kept[0]["reason"].as_str().unwrap().starts_with("400"));
}

#[test]
fn a_request_that_is_too_large_is_split() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::start(|request| {
        let too_large = request.events().iter().any(|event| number(event) == 11);
        if request.events().len() > 10 || too_large {
            return Reaction::refuse(413);
        }
        Reaction::Accept
    });
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    // Whichever of the two it is that all is done in says so.
    let flushed = [
        flush_in_time("too large", &sdk.client),
        sdk.client.flush_blocking(LONG),
    ];
    assert!(flushed.contains(&false), "not all of it arrived");
    assert!(sdk.client.flush_blocking(LONG), "and that is told once");
    let others: Vec<u64> = sdk.all().into_iter().filter(|n| *n != 11).collect();
    assert_eq!(server.stored(sdk.session.id()).numbers(), others);
    assert_eq!(sdk.session.dropped(), BTreeMap::from([(Loss::TooLarge, 1)]));
    assert_eq!(quarantined(sdk.data_dir.path()).len(), 1);
}

#[test]
fn a_pause_that_is_asked_for_is_kept() {
    if super::support::elsewhere() {
        return;
    }
    let server = at_first(1, Reaction::refuse(429).with("Retry-After", "1"));
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    assert!(!flush_in_time("429", &sdk.client));
    assert_eq!(unacknowledged(sdk.data_dir.path()), sdk.all());
    sdk.all_delivered(&server);
    let log = server.log();
    let first = log.iter().position(sends_events).unwrap();
    let pause = log[first + 1].at - log[first].at;
    println!("asked again after {pause:?}");
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
    assert_eq!(log[first].batch, log[first + 1].batch);
}

/// A server that asks for no pause gets one all the same.
#[test]
fn nobody_is_hammered() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::start(|request| {
        if sends_events(request) {
            return Reaction::refuse(503).with("Retry-After", "0");
        }
        Reaction::Accept
    });
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    assert!(!sdk.client.flush_blocking(Duration::from_secs(1)));
    let asked = server.log().len();
    println!("{asked} requests in a second");
    assert!(asked < 50, "{asked}");
    server.react(|_| Reaction::Accept);
    sdk.all_delivered(&server);
}

#[test]
fn failures_of_the_server_pass() {
    if super::support::elsewhere() {
        return;
    }
    for status in [500, 502, 503, 408] {
        let server = at_first(3, Reaction::refuse(status));
        let mut sdk = Sdk::sending(&server);
        sdk.record(100);
        flush_in_time(&status.to_string(), &sdk.client);
        sdk.all_delivered(&server);
        let log = server.log();
        let batches: Vec<_> = log.iter().filter(|r| sends_events(r)).collect();
        assert!(batches.len() >= 4, "{}", batches.len());
        assert!(batches[..4].iter().all(|r| r.batch == batches[0].batch));
    }
}

/// A page for people, of a proxy or a hotel, is no answer of the API: nothing was accepted, whatever it says.
#[test]
fn a_page_is_no_acknowledgement() {
    if super::support::elsewhere() {
        return;
    }
    for status in [200, 502] {
        let server = Faulty::start(move |_| Reaction::page(status));
        let mut sdk = Sdk::sending(&server);
        sdk.record(100);
        assert!(!flush_in_time("page at the start", &sdk.client), "{status}");
        assert_eq!(unacknowledged(sdk.data_dir.path()), sdk.all());
        server.react(|_| Reaction::Accept);
        sdk.all_delivered(&server);

        server.react(move |_| Reaction::page(status));
        sdk.record(100);
        assert!(!flush_in_time("page later", &sdk.client), "{status}");
        server.react(|_| Reaction::Accept);
        sdk.all_delivered(&server);
    }
}

/// Taken, but the answer does not arrive: sent again under the same name, so that it is there once.
#[test]
fn half_an_answer() {
    if super::support::elsewhere() {
        return;
    }
    let server = at_first(2, Reaction::HalfAnswer);
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    flush_in_time("half an answer", &sdk.client);
    sdk.all_delivered(&server);
    let log = server.log();
    let batches: Vec<_> = log.iter().filter(|r| sends_events(r)).collect();
    assert!(batches.len() > 2, "sent again");
    assert_eq!(batches[0].batch, batches[1].batch);
    assert_eq!(batches[0].body, batches[1].body);
}

#[test]
fn a_connection_that_is_closed_without_an_answer() {
    if super::support::elsewhere() {
        return;
    }
    let server = at_first(2, Reaction::HangUp);
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    flush_in_time("hung up", &sdk.client);
    sdk.all_delivered(&server);
}

#[test]
fn a_server_that_never_answers() {
    if super::support::elsewhere() {
        return;
    }
    let mut server = at_first(1, Reaction::Silence);
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    server.wait_for_request("events", sends_events);
    assert!(!flush_in_time("silence", &sdk.client));
    sdk.record(100);
    assert!(!flush_in_time("silence, more recorded", &sdk.client));
    assert_eq!(spooled(sdk.data_dir.path()), sdk.all());
    assert_eq!(unacknowledged(sdk.data_dir.path()), sdk.all());
    let begun = std::time::Instant::now();
    let ended = sdk.session.end(EndState::Success).wait();
    let took = begun.elapsed();
    println!("silence: the end, allowed {FLUSH:?}, took {took:?}");
    assert!(took < FLUSH * 2 && !ended.delivered, "{took:?}");
    server.stop();
    server.start_again();
    sdk.all_delivered(&server);
}

#[test]
fn answers_that_come_byte_by_byte() {
    if super::support::elsewhere() {
        return;
    }
    let server = at_first(2, Reaction::Slowly(Duration::from_millis(8)));
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    flush_in_time("byte by byte", &sdk.client);
    sdk.all_delivered(&server);
    let log = server.log();
    let batches: HashSet<_> = log.iter().map(|request| &request.batch).collect();
    assert_eq!(batches.len(), log.len(), "nothing was sent twice");
}
