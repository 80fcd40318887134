//! Everything two releases of the Python SDK sent, sent again.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use crate::client::{KEY, Server, key};

#[derive(Deserialize)]
struct Sent {
    case: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

fn capture(release: &str) -> Vec<Sent> {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../agentops-protocol/golden/captures/python-sdk-"
    );
    let text = std::fs::read_to_string(format!("{golden}{release}.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Sends a capture; each program of it uses the token that it was given here.
fn replay(server: &Server, sent: &[Sent]) {
    let mut tokens: HashMap<&str, String> = HashMap::new();
    for request in sent {
        // A stale token comes along with create_session, as it did then.
        let mut headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let bearer = tokens
            .get(request.case.as_str())
            .map(|token| format!("Bearer {token}"));
        if request.path != "/v2/create_session" {
            headers.retain(|(name, _)| *name != "Authorization");
            headers.push(("Authorization", bearer.as_deref().unwrap()));
        }
        let answer = server.send(
            &request.method,
            &request.path,
            &headers,
            request.body.to_string().as_bytes(),
        );
        assert_eq!(
            answer.status,
            200,
            "{} {}: {}",
            request.case,
            request.path,
            answer.text()
        );
        if request.path == "/v2/create_session" {
            let token = answer.json()["jwt"].as_str().unwrap().to_owned();
            tokens.insert(&request.case, token);
        }
    }
}

fn events_sent(sent: &[Sent], case: &str) -> usize {
    let of_case = sent
        .iter()
        .filter(|request| request.case == case && request.path == "/v2/create_events");
    let mut ids = HashSet::new();
    let mut without = 0;
    for event in of_case.flat_map(|request| request.body["events"].as_array().unwrap()) {
        match event["id"].as_str() {
            Some(id) => drop(ids.insert(id)),
            None => without += 1,
        }
    }
    ids.len() + without
}

fn events_stored(export: &Value) -> usize {
    let lists = ["actions", "llms", "tools", "errors"];
    let ids: Vec<_> = lists
        .iter()
        .flat_map(|list| export[list].as_array().unwrap())
        .map(|event| event["id"].clone())
        .collect();
    let distinct: HashSet<String> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), ids.len(), "each event once");
    ids.len()
}

fn check(release: &str) {
    let sent = capture(release);
    let server = Server::start();
    replay(&server, &sent);
    // A client that got no answer sends it all again.
    replay(&server, &sent);
    for (case, state, ended) in [
        ("main", "Success", true),
        ("inherit_init", "Indeterminate", true),
        ("noend", "Indeterminate", false),
        ("uncaught", "Fail", true),
        ("sigint_SIGINT", "Fail", true),
    ] {
        let created = sent.iter().find(|request| request.case == case).unwrap();
        let id = created.body["session"]["session_id"].as_str().unwrap();
        let export = server.export(id);
        assert_eq!(
            events_stored(&export),
            events_sent(&sent, case),
            "{release} {case}"
        );
        assert_eq!(export["session"]["end_state"], state, "{release} {case}");
        assert_eq!(
            export["session"]["end_timestamp"].is_string(),
            ended,
            "{release} {case}"
        );
        let text = export.to_string();
        assert!(
            !text.contains("eyJ") && !text.contains(KEY),
            "no token and no key is kept"
        );
    }
    let main = sent[0].body["session"]["session_id"].as_str().unwrap();
    let export = server.export(main);
    assert_eq!(
        export["session"]["tags"],
        serde_json::json!(["only", "more"])
    );
    assert_eq!(export["session"]["end_state_reason"], "all good");
    assert!(
        export["agents"]
            .as_array()
            .unwrap()
            .iter()
            .any(|agent| agent["id"] == "agent-123")
    );
    let stats = server
        .get(&format!("/v2/sessions/{main}/stats"), &[key(KEY)])
        .json();
    assert_eq!(stats["events"], events_stored(&export) as u64);
    assert_eq!(stats["status"], "ended");
}

#[test]
fn release_0_3_26_is_understood() {
    check("0.3.26");
}

#[test]
fn release_0_3_18_is_understood() {
    check("0.3.18");
}
