//! Every JSON sample of the public documentation.

use agentops_protocol::api::{
    CreateSessionAnswer, ErrorBody, ReauthorizeAnswer, Stats, UpdateSessionAnswer,
};
use agentops_protocol::{EndState, Event, EventBody, Patch, SessionPatch, Status, accept};
use expect_test::{Expect, expect};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{golden, received, session_id};

fn session(sample: &str) -> SessionPatch {
    accept::session(&golden(&format!("documentation/{sample}"))).unwrap()
}

fn events(sample: &str, expected: &Expect) -> Vec<Event> {
    let body = golden(&format!("documentation/{sample}"));
    let events = accept::create_events(&body, &session_id(), received()).unwrap();
    expected.assert_eq(&serde_json::to_string_pretty(&events).unwrap());
    events
}

#[test]
fn a_session_is_created_flat() {
    let read = session("create_session.flat.json");
    let expected = SessionPatch {
        id: Some(session_id()),
        init_timestamp: Some("2024-03-14T12:00:00Z".parse().unwrap()),
        ..SessionPatch::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn a_session_is_created_wrapped() {
    let read = session("create_session.json");
    assert_eq!(read.id, Some(session_id()));
    assert_eq!(
        read.init_timestamp,
        Some("2024-03-14T12:00:00Z".parse().unwrap())
    );
    assert_eq!(
        read.tags.unwrap(),
        ["production", "customer-service"].map(str::to_owned)
    );
    let host = read.host_env.unwrap().to_value();
    assert_eq!(host["OS"]["OS Version"], "10.0.22631");
    assert_eq!(host["CPU"]["Total cores"], 12);
    assert_eq!(host["SDK"]["System Packages"]["agentops"], "0.3.17");
    assert_eq!((read.end_timestamp, read.end_state), (None, None));
    assert_eq!((read.end_state_reason, read.video), (None, None));
    assert_eq!(read.dropped, None);
}

#[test]
fn a_session_is_updated() {
    let read = session("update_session.json");
    let expected = SessionPatch {
        id: Some(session_id()),
        end_timestamp: Some("2024-03-14T12:05:00Z".parse().unwrap()),
        end_state: Some(EndState::Success),
        end_state_reason: Some("Task successfully completed".to_owned()),
        tags: Some(["production", "updated-tag"].map(str::to_owned).to_vec()),
        ..SessionPatch::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn events_are_created() {
    let read = events(
        "create_events.json",
        &expect![[r#"
        [
          {
            "id": "b92afaa4-fa9f-5623-9035-4e18d7973469",
            "event_type": "llms",
            "parent_id": null,
            "agent_id": null,
            "init_timestamp": "2024-03-14T12:01:00.000000+00:00",
            "end_timestamp": "2024-03-14T12:01:02.000000+00:00",
            "status": "ok",
            "thread_id": null,
            "model": "gpt-4",
            "prompt": [
        {"role": "system", "content": "You are a helpful assistant"},
        {"role": "user", "content": "Analyze this data..."}
        ],
            "completion": {
        "role": "assistant",
        "content": "Based on the data..."
        },
            "prompt_tokens": 150,
            "completion_tokens": 80,
            "cached_read_tokens": null,
            "cached_write_tokens": null,
            "reasoning_tokens": null,
            "cost": null,
            "time_to_first_token": null,
            "params": null,
            "returns": null,
            "logs": null
          },
          {
            "id": "8dc4d1aa-5e15-5229-b88b-f9244f64ebf2",
            "event_type": "tools",
            "parent_id": null,
            "agent_id": null,
            "init_timestamp": "2024-03-14T12:01:03.000000+00:00",
            "end_timestamp": "2024-03-14T12:01:04.000000+00:00",
            "status": "ok",
            "name": "database_query",
            "params": "SELECT * FROM users",
            "returns": "Retrieved 5 users",
            "logs": null
          }
        ]"#]],
    );
    assert_eq!(read[0].duration_micros(), Some(2_000_000));
    assert_eq!(read[1].name(), Some("database_query"));
}

#[test]
fn an_event_of_two_fields_is_created_and_runs() {
    events(
        "create_events.minimal.json",
        &expect![[r#"
        [
          {
            "id": "dbd055da-222f-5798-8ce6-c7915b948c13",
            "event_type": "llms",
            "parent_id": null,
            "agent_id": null,
            "init_timestamp": "2024-03-14T12:01:00.000000+00:00",
            "end_timestamp": null,
            "status": "running",
            "thread_id": null,
            "model": null,
            "prompt": null,
            "completion": null,
            "prompt_tokens": null,
            "completion_tokens": null,
            "cached_read_tokens": null,
            "cached_write_tokens": null,
            "reasoning_tokens": null,
            "cost": null,
            "time_to_first_token": null,
            "params": null,
            "returns": null,
            "logs": null
          }
        ]"#]],
    );
}

#[test]
fn an_event_is_updated() {
    let body = golden("documentation/update_events.json");
    let patches = accept::update_events(&body).unwrap();
    assert_eq!(patches.len(), 1);
    let patch = &patches[0];
    assert_eq!(patch.id.as_ref().unwrap().as_str(), "event-id-123");
    assert_eq!(patch.kind, None);
    let end = "2024-03-14T12:01:02Z".parse().unwrap();
    assert_eq!(patch.end_timestamp, Patch::Set(end));
    assert_eq!(patch.completion_tokens, Patch::Set(100));

    // On the call it completes, and nothing else of that call changes.
    let mut call = crate::created(
        r#"{"id":"event-id-123","type":"llm","model":"gpt-4","prompt":"p","prompt_tokens":7}"#,
    );
    patch.clone().apply(&mut call);
    assert_eq!((call.end_timestamp, &call.status), (Some(end), &Status::Ok));
    let EventBody::Llm(llm) = &call.body else {
        panic!("still an LLM call: {call:?}")
    };
    let completion = llm.completion.as_ref().unwrap().as_string();
    assert_eq!(completion.as_deref(), Some("Updated completion text"));
    assert_eq!(
        (llm.usage.prompt, llm.usage.completion),
        (Some(7), Some(100))
    );
    assert_eq!(llm.model.as_deref(), Some("gpt-4"));
}

#[test]
fn an_agent_is_created_and_a_token_renewed() {
    let agent = accept::agent(&golden("documentation/create_agent.json")).unwrap();
    assert_eq!(agent.id.as_str(), "agent-123");
    assert_eq!(agent.name.as_deref(), Some("Research Assistant"));
    assert_eq!(agent.logs, None);
    let renewed = accept::reauthorize(&golden("documentation/reauthorize_jwt.json")).unwrap();
    assert_eq!(renewed, session_id());
}

#[test]
fn the_example_integration_is_read() {
    let begun = session("integration.create_session.json");
    let began = begun.init_timestamp.unwrap().to_string();
    assert_eq!(began, "2024-03-14T12:00:00.250001+00:00");
    assert_eq!(begun.tags.unwrap(), ["example"]);
    events(
        "integration.create_events.json",
        &expect![[r#"
        [
          {
            "id": "28f8a3ea-945d-5df3-8aac-f871b32fc74c",
            "event_type": "llms",
            "parent_id": null,
            "agent_id": null,
            "init_timestamp": "2024-03-14T12:00:01.500000+00:00",
            "end_timestamp": null,
            "status": "running",
            "thread_id": null,
            "model": "gpt-4",
            "prompt": "Hello, world!",
            "completion": "Hi there!",
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "cached_read_tokens": null,
            "cached_write_tokens": null,
            "reasoning_tokens": null,
            "cost": null,
            "time_to_first_token": null,
            "params": null,
            "returns": null,
            "logs": null
          }
        ]"#]],
    );
    let ended = session("integration.update_session.json");
    assert_eq!(ended.id, begun.id);
    assert_eq!(ended.end_state, Some(EndState::Success));
    assert!(ended.end_timestamp > begun.init_timestamp);
}

/// An answer is read, and what is written of it holds every documented field unchanged.
fn answer<T: DeserializeOwned + Serialize>(sample: &str) -> T {
    let text = golden(&format!("answers/{sample}"));
    let documented: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&text).unwrap();
    let read: T = serde_json::from_slice(&text).unwrap();
    let written = serde_json::to_value(&read).unwrap();
    for (name, value) in &documented {
        assert_eq!(&written[name], value, "{sample}: {name}");
    }
    read
}

#[test]
fn the_documented_answers_are_read_and_written() {
    let created: CreateSessionAnswer = answer("create_session.json");
    assert_eq!(created.status, "Success");
    let renewed: ReauthorizeAnswer = answer("reauthorize_jwt.json");
    assert_eq!(renewed.status, "Success");
    let updated: UpdateSessionAnswer = answer("update_session.json");
    assert_eq!(updated.token_cost, Some("0.012346".parse().unwrap()));
    let refused: ErrorBody = answer("error.jwt.json");
    assert_eq!(refused.path, "/v2/create_events");
    let no_path: ErrorBody = answer("error.api_key.json");
    assert_eq!(no_path.path, "");
    let stats: Stats = answer("stats.json");
    assert_eq!(stats.cost.unwrap().to_string(), "0.50930");
    assert_eq!((stats.events, stats.errors), (5, 1));
}
