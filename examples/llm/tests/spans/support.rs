//! What the tests share.

use std::time::Duration;

use agentops::Session;
use agentops::testing::{Captured, capture_async};
use agentops_examples_llm::{Provider, Reply};
use serde_json::Value;
use tracing_subscriber::prelude::*;

/// Longest that anything is waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// What code records that calls a provider which answers by a script, with the layer on.
pub(crate) async fn recorded<R>(
    script: impl IntoIterator<Item = Reply>,
    code: impl AsyncFnOnce(&Provider) -> R,
) -> Captured<R> {
    with_crypto();
    let provider = Provider::start(script).await.expect("a port is free");
    // This thread's only: each test has a runtime of its own on one thread.
    let registry = tracing_subscriber::registry().with(agentops::tracing::layer());
    let _layer = registry.set_default();
    let work = capture_async(async |_: &Session| code(&provider).await);
    let seen = tokio::time::timeout(LIMIT, work).await;
    seen.expect("it ends in time")
}

/// The HTTP clients of the libraries are built without a cryptography of their own.
fn with_crypto() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// The events of a list, without what differs from run to run and what is null.
pub(crate) fn told<R>(seen: &Captured<R>, list: &str) -> Vec<Value> {
    const VOLATILE: &[&str] = &[
        "id",
        "parent_id",
        "agent_id",
        "session_id",
        "event_type",
        "init_timestamp",
        "end_timestamp",
        "timestamp",
        "trigger_event_id",
    ];
    let events = seen.events(list).iter().cloned();
    events
        .map(|mut event| {
            let members = event.as_object_mut().expect("an event is an object");
            members.retain(|key, value| !VOLATILE.contains(&key.as_str()) && !value.is_null());
            event
        })
        .collect()
}

/// Takes out the time to the first token, which must be there and be less than the whole call took.
pub(crate) fn take_first_token(event: &mut Value) {
    let members = event.as_object_mut().expect("an event is an object");
    let micros = members
        .remove("time_to_first_token")
        .expect("a stream has a first token");
    let limit = u64::try_from(LIMIT.as_micros()).expect("seconds");
    assert!(micros.as_u64().is_some_and(|time| time < limit), "{micros}");
}

/// The name of the agent that an event is attributed to.
pub(crate) fn agent<R>(seen: &Captured<R>, event: &Value) -> String {
    let agents = seen.export["agents"].as_array().expect("a list");
    let found = agents.iter().find(|agent| agent["id"] == event["agent_id"]);
    found
        .and_then(|agent| agent["name"].as_str())
        .unwrap_or_default()
        .to_owned()
}
