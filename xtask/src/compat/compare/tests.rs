use serde_json::json;

use super::super::expect::{self, Ending};
use super::super::release::{RELEASES, Release, Seen};
use super::super::told::Told;
use super::*;

/// What a program of a session says that records an action, a call of a model and an error.
const TOLD: &str = r#"{"did":"session","session":"s","init":"2026-01-01T00:00:00+00:00"}
{"did":"agent","session":"s","id":"a","name":"by hand"}
{"did":"tags","session":"s","tags":["two","one"]}
{"did":"event","session":"s","kind":"actions","stored":{"action_type":"act","params":{"x":null},"returns":{"$opaque":"set"}}}
{"did":"event","session":"s","kind":"llms","stored":{"id":"l","model":"m","prompt_tokens":3},"cost":"0.10"}
{"did":"event","session":"s","kind":"tools","stored":{"name":"fails","returns":null},"raised":{"error_type":"E"}}
{"did":"end","session":"s","state":"Success","reason":"done","at":"2026-01-01T00:00:01+00:00"}"#;

fn release(version: &str) -> &'static Release {
    let mut found = RELEASES.iter().filter(|release| release.version == version);
    found.next().unwrap()
}

fn expected(version: &str) -> Expected {
    let told = Told::read(TOLD).unwrap();
    let mut seen = Seen::default();
    let mut all = expect::sessions(&told, Ending::Itself, release(version), &mut seen);
    all.pop().unwrap()
}

fn event(kind: &str, id: &str, more: Value) -> Value {
    let mut event = json!({
        "id": id, "event_type": kind, "agent_id": "default",
        "init_timestamp": "t", "end_timestamp": "t",
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// What the server has of it when 0.3.18 sent it.
fn export() -> Value {
    json!({
        "session": {
            "id": "s", "session_id": "s", "init_timestamp": "2026-01-01T00:00:00+00:00",
            "end_timestamp": "2026-01-01T00:00:01+00:00", "end_state": "Success",
            "end_state_reason": "done", "tags": ["one", "two"], "video": null,
            "host_env": {"SDK": {}, "OS": {}},
        },
        "actions": [event("actions", "1", json!({
            "action_type": "act", "params": {}, "returns": "<<non-serializable: set>>",
        }))],
        "llms": [event("llms", "l", json!({"model": "m", "prompt_tokens": 3, "cost": 0.1}))],
        "tools": [event("tools", "3", json!({"name": "fails", "returns": null}))],
        "errors": [event("errors", "4", json!({"error_type": "E", "trigger_event_id": "3"}))],
        "agents": [{"id": "a", "name": "by hand"}, {"id": "default", "name": DEFAULT_AGENT}],
        "stats": stats(),
    })
}

fn stats() -> Value {
    json!({
        "cost": "0.1", "cost_known": "0.10", "events": 4, "actions": 1, "llms": 1, "tools": 1,
        "errors": 1, "prompt_tokens": 3, "completion_tokens": 0, "status": "ended",
    })
}

#[test]
fn what_is_there_as_it_was_done_makes_no_difference() {
    assert_eq!(session(&expected("0.3.18"), &export(), &stats()), [""; 0]);
}

#[test]
fn another_release_is_expected_to_send_something_else() {
    let wrong = session(&expected("0.3.26"), &export(), &stats());
    let text = wrong.join("\n");
    for part in [
        "actions: missing",
        "errors: missing",
        "nobody recorded",
        "tools is 1, expected 0",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Whatever is changed makes a difference that names it.
#[test]
fn every_change_is_found() {
    let changes = [
        ("/session/end_state", json!("Fail"), "end_state"),
        ("/session/end_state_reason", json!(null), "end_state_reason"),
        ("/session/end_timestamp", json!(null), "an end"),
        ("/session/init_timestamp", json!("x"), "init_timestamp"),
        ("/session/tags", json!(["one"]), "tags"),
        ("/session/video", json!("x"), "video"),
        ("/session/host_env", json!({}), "host_env"),
        ("/actions/0/params", json!({"x": 1}), "actions: missing"),
        ("/actions/0/id", json!("l"), "is there twice"),
        ("/actions/0/agent_id", json!("a"), "default agent"),
        ("/actions/0/end_timestamp", json!(null), "no end"),
        (
            "/actions/0/event_type",
            json!("tools"),
            "another session or kind",
        ),
        ("/llms/0/cost", json!(0.2), "costs"),
        ("/llms/0/id", json!("other"), "llms: missing"),
        ("/errors/0/trigger_event_id", json!("1"), "errors: missing"),
        ("/errors", json!([]), "errors: missing"),
        ("/agents/0/name", json!("x"), "agents: by hand"),
        ("/stats/events", json!(5), "the export says"),
    ];
    for (place, value, named) in changes {
        let mut export = export();
        *export.pointer_mut(place).unwrap() = value;
        let wrong = session(&expected("0.3.18"), &export, &stats()).join("\n");
        assert!(wrong.contains(named), "{place}: {wrong}");
    }
    for (field, value) in [
        ("cost", json!(null)),
        ("cost_known", json!("0.2")),
        ("events", json!(3)),
        ("prompt_tokens", json!(0)),
        ("status", json!("running")),
    ] {
        let mut stats = stats();
        stats[field] = value;
        let wrong = session(&expected("0.3.18"), &export(), &stats).join("\n");
        let named = field.trim_end_matches("_known");
        assert!(
            wrong.contains(&format!("stats: {named}")),
            "{field}: {wrong}"
        );
    }
}

#[test]
fn an_unknown_cost_makes_the_sum_unknown() {
    let mut expected = expected("0.3.18");
    for event in expected
        .events
        .iter_mut()
        .filter(|event| event.kind == "llms")
    {
        event.cost = Some(None);
    }
    let mut export = export();
    export["llms"][0]["cost"] = json!(null);
    let mut stats = stats();
    stats["cost"] = json!(null);
    stats["cost_known"] = json!("0.00");
    export["stats"] = stats.clone();
    assert_eq!(session(&expected, &export, &stats), [""; 0]);
}
