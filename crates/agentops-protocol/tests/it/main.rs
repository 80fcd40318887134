//! The accepted forms against documented samples, captured traffic and arbitrary input.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod captures;
mod documentation;
mod forms;
mod ours;
mod properties;

use std::path::Path;

use agentops_protocol::{Event, EventPatch, SessionId, Timestamp, accept};

/// When the requests of these tests were received.
const RECEIVED: &str = "2024-03-14T13:00:00.000000+00:00";

fn received() -> Timestamp {
    RECEIVED.parse().expect("a valid time")
}

fn session_id() -> SessionId {
    "550e8400-e29b-41d4-a716-446655440000"
        .parse()
        .expect("a valid id")
}

/// A file under `golden/`.
fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn create(body: &str) -> Result<Vec<Event>, accept::Refusal> {
    accept::create_events(body.as_bytes(), &session_id(), received())
}

/// The one event of a create_events body that holds `event`.
fn created(event: &str) -> Event {
    let mut events = create(&format!(r#"{{"events":[{event}]}}"#)).expect("an acceptable event");
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The one patch of an update_events body that holds `event`.
fn updated(event: &str) -> EventPatch {
    let body = format!(r#"{{"events":[{event}]}}"#);
    let mut patches = accept::update_events(body.as_bytes()).expect("an acceptable update");
    assert_eq!(patches.len(), 1);
    patches.remove(0)
}

/// The path and message of the refusal of a create_events body that holds `event`.
fn refused(event: &str) -> String {
    create(&format!(r#"{{"events":[{event}]}}"#))
        .expect_err("an event to refuse")
        .to_string()
}
