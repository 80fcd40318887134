//! Real client libraries against the scripted provider, recorded by `agentops::http`: what is recorded, in full.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod async_openai_calls;
mod ollama_calls;
mod reqwest_calls;

use serde_json::{Value, json};

/// A client as a program has one: reqwest without a TLS feature of its own finds no cryptography otherwise.
fn client() -> reqwest::Client {
    // Another test of this process may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
}

/// Waits until so many events have been recorded whole: who reads a body may learn of its end in a task of its own.
async fn recorded(session: &agentops::Session, events: u64) {
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while session.spooled() < events {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it is recorded in time");
}

/// The calls of models in an export, without what differs from run to run: ids, times (that they are there and make
/// sense is asserted). A time to the first token becomes `true`, an id that `retry_of` names the place of its event.
#[track_caller]
fn llms(export: &Value) -> Vec<Value> {
    let calls = export["llms"].as_array().unwrap();
    let told = |call: &Value| {
        let mut call = call.clone();
        let started = call["init_timestamp"].as_str().unwrap();
        let ended = call["end_timestamp"].as_str().unwrap();
        assert!(started <= ended && !started.is_empty(), "{call}");
        if let Some(first) = call["params"]["retry_of"].as_str() {
            let place = calls.iter().position(|other| other["id"] == first);
            call["params"]["retry_of"] = place.unwrap().into();
        }
        if let Some(url) = call["params"]["url"].as_str() {
            let path = url.strip_prefix("http://127.0.0.1:").unwrap();
            call["params"]["url"] = path.trim_start_matches(|c: char| c.is_ascii_digit()).into();
        }
        let members = call.as_object_mut().unwrap();
        for key in [
            "id",
            "event_type",
            "session_id",
            "parent_id",
            "agent_id",
            "init_timestamp",
            "end_timestamp",
            "logs",
            "thread_id",
        ] {
            members.remove(key);
        }
        members.retain(|_, value| !value.is_null());
        if let Some(time) = members.get_mut("time_to_first_token") {
            assert!(time.as_u64().is_some_and(|micros| micros < 20_000_000));
            *time = true.into();
        }
        call
    };
    calls.iter().map(told).collect()
}

/// The errors in an export: type, code and message.
fn errors(export: &Value) -> Vec<Value> {
    let errors = export["errors"].as_array().unwrap();
    let told = |error: &Value| {
        json!([
            error["error_type"],
            error["code"],
            error["details"]["message"]
        ])
    };
    errors.iter().map(told).collect()
}

fn user(text: &str) -> Value {
    json!({"type": "chatml", "messages": [{"role": "user", "content": text}]})
}

fn assistant(text: &str) -> Value {
    json!({"type": "chatml", "messages": {"role": "assistant", "content": text}})
}

/// The expected event of a call: what is in both, and what is in `more` instead or besides.
fn call(base: Value, more: Value) -> Value {
    let (Value::Object(mut base), Value::Object(more)) = (base, more) else {
        panic!("both are objects");
    };
    for (key, value) in more {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(value)) if key != "completion" => {
                inner.extend(value);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
    base.into()
}
