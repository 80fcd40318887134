//! Every request of the two documentation pages, sent as it is printed there.

use std::path::Path;

use agentops_tests::{Answer, Rest, Server};
use serde_json::{Value, json};

use crate::common::{list, new_key};

/// The session of the documentation.
const SESSION: &str = "550e8400-e29b-41d4-a716-446655440000";
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn golden(name: &str) -> Vec<u8> {
    let folder = "../crates/agentops-protocol/golden";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sample(name: &str) -> Vec<u8> {
    golden(&format!("documentation/{name}"))
}

fn create(rest: &Rest, path: &str, name: &str) -> Answer {
    rest.send("POST", path, &[rest.key(), JSON], sample(name))
}

/// The answer has the members of the documented one, no other text for its status, and no secret more.
#[track_caller]
fn like(answer: &Value, documented: &str) {
    let documented: Value = serde_json::from_slice(&golden(documented)).unwrap();
    for (name, value) in documented.as_object().unwrap() {
        let found = answer
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {answer}"));
        assert!(found.is_string(), "{name}: {answer}");
        if name == "status" || name == "error" || name == "message" || name == "session_id" {
            assert_eq!(found, value, "{name}");
        }
    }
}

#[test]
fn a_session_from_its_beginning_to_its_end() {
    for prefix in ["", "/v2"] {
        let server = Server::start();
        let rest = server.rest(&new_key());
        let path = |name: &str| format!("{prefix}/{name}");

        let created = create(&rest, &path("create_session"), "create_session.json").ok();
        like(&created, "answers/create_session.json");
        let url = format!("{}/sessions/{SESSION}", server.url());
        assert_eq!(created["session_url"], url.as_str());
        let jwt = created["jwt"].as_str().unwrap();

        let events = rest.post(&path("create_events"), jwt, sample("create_events.json"));
        assert_eq!(events.ok(), "Success");
        let agent = rest.post(&path("create_agent"), jwt, sample("create_agent.json"));
        assert_eq!(agent.ok(), "Success");

        let renewed = create(&rest, &path("reauthorize_jwt"), "reauthorize_jwt.json").ok();
        like(&renewed, "answers/reauthorize_jwt.json");
        let jwt = renewed["jwt"].as_str().unwrap();

        let ended = rest.post(&path("update_session"), jwt, sample("update_session.json"));
        like(&ended.ok(), "answers/update_session.json");
        assert_eq!(ended.ok()["token_cost"], "0.00930");
        assert_eq!(ended.ok()["session_url"], url.as_str());

        exported(&rest.get(&path(&format!("sessions/{SESSION}/export"))).ok());
        let stats = rest.get(&path(&format!("sessions/{SESSION}/stats"))).ok();
        let documented: Value = serde_json::from_slice(&golden("answers/stats.json")).unwrap();
        for (name, value) in documented.as_object().unwrap() {
            let kind = |value: &Value| (value.is_string(), value.is_u64());
            assert_eq!(kind(&stats[name]), kind(value), "{name}: {stats}");
        }
        assert_eq!(stats["cost"], "0.00930");
        let counts = ["events", "llms", "tools", "errors"].map(|name| stats[name].as_u64());
        assert_eq!(counts, [Some(2), Some(1), Some(1), Some(0)]);
        assert_eq!(stats["duration"], 300.0);
    }
}

fn exported(export: &Value) {
    let sent: Value = serde_json::from_slice(&sample("create_session.json")).unwrap();
    let session = &export["session"];
    assert_eq!(session["id"], SESSION);
    assert_eq!(session["session_id"], SESSION);
    assert_eq!(
        session["init_timestamp"],
        "2024-03-14T12:00:00.000000+00:00"
    );
    assert_eq!(session["end_timestamp"], "2024-03-14T12:05:00.000000+00:00");
    assert_eq!(session["end_state"], "Success");
    assert_eq!(session["end_state_reason"], "Task successfully completed");
    assert_eq!(session["tags"], json!(["production", "updated-tag"]));
    assert_eq!(session["host_env"], sent["session"]["host_env"]);

    let llm = &list(export, "llms")[0];
    assert_eq!(llm["model"], "gpt-4");
    assert_eq!(llm["cost"].to_string(), "0.0093");
    assert_eq!(
        (&llm["prompt_tokens"], &llm["completion_tokens"]),
        (&json!(150), &json!(80))
    );
    assert_eq!(llm["prompt"]["type"], "chatml");
    assert_eq!(
        llm["prompt"]["messages"][1]["content"],
        "Analyze this data..."
    );
    let answer = json!({ "role": "assistant", "content": "Based on the data..." });
    assert_eq!(
        llm["completion"],
        json!({ "type": "chatml", "messages": answer })
    );
    assert_eq!(llm["init_timestamp"], "2024-03-14T12:01:00.000000+00:00");
    assert_eq!(llm["end_timestamp"], "2024-03-14T12:01:02.000000+00:00");

    let tool = &list(export, "tools")[0];
    assert_eq!(tool["name"], "database_query");
    assert_eq!(tool["params"], "SELECT * FROM users");
    assert_eq!(tool["returns"], "Retrieved 5 users");
    assert_eq!(tool["init_timestamp"], "2024-03-14T12:01:03.000000+00:00");

    let agents = list(export, "agents");
    let named =
        |agent: &&Value| agent["id"] == "agent-123" && agent["name"] == "Research Assistant";
    assert_eq!(agents.iter().filter(named).count(), 1, "{agents:?}");
}

#[test]
fn the_smallest_bodies_and_an_update_before_its_event() {
    let server = Server::start();
    let rest = server.rest(&new_key());
    let created = create(&rest, "/create_session", "create_session.flat.json").ok();
    like(&created, "answers/create_session.json");
    let jwt = created["jwt"].as_str().unwrap();
    let smallest = rest.post("/create_events", jwt, sample("create_events.minimal.json"));
    assert_eq!(smallest.ok(), "Success");
    let update = rest.post("/v2/update_events", jwt, sample("update_events.json"));
    assert_eq!(update.ok(), "Success");

    // Nobody has said what it is; now somebody does, and the update stays.
    let event = json!({"events": [{
        "id": "event-id-123", "type": "llm", "init_timestamp": "2024-03-14T12:01:00Z",
        "model": "gpt-4", "prompt": "Hi", "prompt_tokens": 50,
    }]});
    let late = rest.post("/v2/create_events", jwt, event.to_string());
    assert_eq!(late.ok(), "Success");
    let export = rest.export(SESSION);
    let llms = list(&export, "llms");
    assert_eq!(llms.len(), 2, "{export}");
    let updated = llms.iter().find(|llm| llm["id"] == "event-id-123").unwrap();
    let text = json!({ "type": "string", "string": "Updated completion text" });
    assert_eq!(updated["completion"], text);
    assert_eq!(updated["completion_tokens"], 100);
    assert_eq!(updated["prompt_tokens"], 50);
    assert_eq!(updated["end_timestamp"], "2024-03-14T12:01:02.000000+00:00");
    assert_eq!(export["session"]["end_timestamp"], Value::Null);
    assert_eq!(export["session"]["end_state"], "Indeterminate");
}

#[test]
fn the_example_integration() {
    let server = Server::start();
    let rest = server.rest(&new_key());
    let created = create(
        &rest,
        "/v2/create_session",
        "integration.create_session.json",
    )
    .ok();
    let (jwt, id) = (
        created["jwt"].as_str().unwrap(),
        created["session_id"].as_str().unwrap(),
    );
    for name in ["create_events", "update_session"] {
        let body = sample(&format!("integration.{name}.json"));
        let answer = rest.post(&format!("/v2/{name}"), jwt, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let export = rest.export(id);
    assert_eq!(
        export["session"]["end_state"], "Success",
        "from `completed`"
    );
    assert_eq!(export["session"]["tags"], json!(["example"]));
    let llm = &list(&export, "llms")[0];
    assert_eq!(
        llm["prompt"],
        json!({ "type": "string", "string": "Hello, world!" })
    );
    assert_eq!(
        llm["completion"],
        json!({ "type": "string", "string": "Hi there!" })
    );
    // 3 tokens for 30 and 2 for 60 dollars a million.
    assert_eq!(export["stats"]["cost"], "0.00021");
}

#[test]
fn the_documented_refusals() {
    let server = Server::start();
    let rest = server.rest("your_api_key");
    let refused = create(&rest, "/create_session", "create_session.flat.json");
    like(
        &refused.refused(401, "/create_session"),
        "answers/error.api_key.json",
    );
    let events = sample("create_events.json");
    let refused = rest.post("/v2/create_events", "eyJhbGciOiJIUzI1NiIs...", events);
    let body = refused.refused(401, "/v2/create_events");
    let documented: Value = serde_json::from_slice(&golden("answers/error.jwt.json")).unwrap();
    assert_eq!(body, documented);
}
