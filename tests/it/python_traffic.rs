//! What two releases of the Python SDK sent, sent again to a real server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use agentops_tests::{Rest, Server};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::common::{all_events, list, text};
use crate::comparison::micros;

#[derive(Deserialize)]
struct Sent {
    case: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

fn capture(release: &str) -> Vec<Sent> {
    let folder = "../crates/agentops-protocol/golden/captures";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(format!("python-sdk-{release}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The tokens that the server gave, by program.
type Tokens<'a> = HashMap<&'a str, String>;

/// Sends one request as it was captured, but with a token of this server's.
fn send<'a>(rest: &Rest, request: &'a Sent, tokens: &mut Tokens<'a>) {
    let mut headers = request.headers.clone();
    let creates = request.path == "/v2/create_session";
    if !creates {
        let token = &tokens[request.case.as_str()];
        headers.insert("Authorization".to_owned(), format!("Bearer {token}"));
    }
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = request.body.to_string();
    let answer = rest
        .send(&request.method, &request.path, &headers, body)
        .ok();
    if creates {
        assert_eq!(answer["status"], "Success");
        tokens.insert(&request.case, text(&answer, "jwt").to_owned());
    } else if request.path == "/v2/update_session" {
        assert_eq!(answer["status"], "success");
    } else {
        assert_eq!(answer, "Success");
    }
}

fn of_case<'a>(sent: &'a [Sent], case: &'a str) -> impl Iterator<Item = &'a Sent> {
    sent.iter().filter(move |request| request.case == case)
}

/// The events of a program: those with an id once each, and those without.
fn sent_events<'a>(
    sent: &'a [Sent],
    case: &'a str,
) -> (BTreeMap<&'a str, &'a Value>, Vec<&'a Value>) {
    let (mut with, mut without) = (BTreeMap::new(), Vec::new());
    for request in of_case(sent, case).filter(|request| request.path == "/v2/create_events") {
        for event in list(&request.body, "events") {
            match event["id"].as_str() {
                Some(id) => drop(with.insert(id, event)),
                None => without.push(event),
            }
        }
    }
    (with, without)
}

/// Checks a stored event against the one that was sent.
fn same(stored: &Value, sent: &Value) {
    let told = format!("{sent:#}\n{stored:#}");
    for field in [
        "event_type",
        "action_type",
        "name",
        "model",
        "params",
        "returns",
        "prompt_tokens",
        "completion_tokens",
        "error_type",
        "details",
        "logs",
        "trigger_event_id",
        "trigger_event_type",
    ] {
        // The release 0.3.26 gives some actions a name beside their type, which is the same.
        let repeats = field == "name" && sent["event_type"] == "actions";
        if !sent[field].is_null() && !repeats {
            assert_eq!(stored[field], sent[field], "{field}: {told}");
        }
    }
    for field in ["init_timestamp", "end_timestamp", "timestamp"] {
        if !sent[field].is_null() {
            assert_eq!(
                micros(&stored[field]),
                micros(&sent[field]),
                "{field}: {told}"
            );
        }
    }
    if !sent["agent_id"].is_null() {
        assert_eq!(stored["agent_id"], sent["agent_id"], "{told}");
    }
    match &sent["prompt"] {
        Value::Null => {}
        Value::String(text) => {
            assert_eq!(
                stored["prompt"],
                json!({ "type": "string", "string": text }),
                "{told}"
            );
        }
        messages => assert_eq!(stored["prompt"]["messages"], *messages, "{told}"),
    }
}

fn check_program(rest: &Rest, sent: &[Sent], case: &str) {
    let first = of_case(sent, case).next().unwrap();
    let export = rest.export(text(&first.body["session"], "session_id"));
    let stored = all_events(&export);
    let (with, without) = sent_events(sent, case);
    let ids: BTreeSet<&str> = stored.iter().map(|event| text(event, "id")).collect();
    assert_eq!(ids.len(), with.len() + without.len(), "{case}: {ids:?}");
    for (id, event) in &with {
        let found = stored.iter().find(|stored| stored["id"] == *id);
        same(
            found.unwrap_or_else(|| panic!("{case}: {id} is lost")),
            event,
        );
    }
    let mut rest: Vec<&&Value> = stored
        .iter()
        .filter(|event| !with.contains_key(text(event, "id")))
        .collect();
    for event in without {
        let time = micros(&event["timestamp"]);
        let at = rest.iter().position(|stored| {
            micros(&stored["timestamp"]) == time && stored["error_type"] == event["error_type"]
        });
        let at = at.unwrap_or_else(|| panic!("{case}: lost: {event}"));
        same(rest.remove(at), event);
    }
    assert_eq!(export["stats"]["events"], stored.len());
    check_session(&export, sent, case);
}

/// The session is what was last said of it.
fn check_session(export: &Value, sent: &[Sent], case: &str) {
    let session = &export["session"];
    let told: Vec<&Value> = of_case(sent, case)
        .map(|request| &request.body["session"])
        .filter(|body| body.is_object())
        .collect();
    let last = |field: &str| {
        let values = told.iter().map(|body| &body[field]);
        values.rev().find(|value| !value.is_null()).cloned()
    };
    assert_eq!(Some(session["tags"].clone()), last("tags"), "{case}");
    assert_eq!(
        Some(session["end_state"].clone()),
        last("end_state"),
        "{case}"
    );
    let reason = last("end_state_reason").unwrap_or_default();
    assert_eq!(session["end_state_reason"], reason, "{case}");
    assert_eq!(
        session["video"],
        last("video").unwrap_or_default(),
        "{case}"
    );
    match last("end_timestamp") {
        Some(end) => assert_eq!(micros(&session["end_timestamp"]), micros(&end), "{case}"),
        None => assert_eq!(session["end_timestamp"], Value::Null, "{case}"),
    }
    assert_eq!(
        micros(&session["init_timestamp"]),
        micros(&told[0]["init_timestamp"]),
        "{case}"
    );
    for request in of_case(sent, case).filter(|request| request.path == "/v2/create_agent") {
        let agents = list(export, "agents").iter();
        let same = |agent: &&Value| {
            agent["id"] == request.body["id"] && agent["name"] == request.body["name"]
        };
        assert_eq!(agents.filter(same).count(), 1, "{case}: {}", request.body);
    }
    let everything = export.to_string();
    let key = "11111111-1111-4111-8111-111111111111";
    assert!(!everything.contains("eyJ"), "{case}: a token was kept");
    assert!(!everything.contains(key), "{case}: a key was kept");
}

fn check(release: &str, twice: bool) {
    let sent = capture(release);
    let server = Server::start();
    let rest = server.rest("11111111-1111-4111-8111-111111111111");
    let mut tokens = Tokens::new();
    for request in &sent {
        send(&rest, request, &mut tokens);
        // The answer was lost on its way, and the client asked again at once.
        if twice {
            send(&rest, request, &mut tokens);
        }
    }
    let cases: BTreeSet<&str> = sent.iter().map(|request| &*request.case).collect();
    assert_eq!(cases.len(), 5, "{cases:?}");
    for case in cases {
        check_program(&rest, &sent, case);
    }
}

#[test]
fn release_0_3_26_is_stored_as_it_was_sent() {
    check("0.3.26", false);
}

#[test]
fn release_0_3_18_is_stored_as_it_was_sent() {
    check("0.3.18", false);
}

#[test]
fn release_0_3_26_may_send_everything_twice() {
    check("0.3.26", true);
}

#[test]
fn release_0_3_18_may_send_everything_twice() {
    check("0.3.18", true);
}
