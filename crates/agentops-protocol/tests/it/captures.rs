//! Every request that the Python SDK's last two v2 releases were seen to send.

use std::collections::BTreeMap;

use agentops_protocol::{EndState, Event, EventBody, EventKind, SessionPatch, Status, accept};
use serde_json::Value;

use crate::{golden, received, session_id};

struct Request {
    case: String,
    path: String,
    authorization: Option<String>,
    body: Value,
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.body).unwrap()
    }
}

fn requests(release: &str) -> Vec<Request> {
    let text = String::from_utf8(golden(&format!("captures/python-sdk-{release}.jsonl"))).unwrap();
    let requests: Vec<Request> = text
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let header = &line["headers"]["Authorization"];
            Request {
                case: line["case"].as_str().unwrap().to_owned(),
                path: line["path"].as_str().unwrap().to_owned(),
                authorization: header.as_str().map(str::to_owned),
                body: line["body"].take(),
            }
        })
        .collect();
    assert!(!requests.is_empty());
    requests
}

/// All events of a release's captures, each beside what was sent.
fn events(release: &str) -> Vec<(String, Value, Event)> {
    let mut all = Vec::new();
    for request in requests(release) {
        if !request.path.ends_with("/create_events") {
            continue;
        }
        let read = accept::create_events(&request.bytes(), &session_id(), received()).unwrap();
        let sent = request.body["events"].as_array().unwrap();
        assert_eq!(read.len(), sent.len());
        for (sent, read) in sent.iter().zip(read) {
            all.push((request.case.clone(), sent.clone(), read));
        }
    }
    all
}

fn sessions(release: &str) -> Vec<(Request, SessionPatch)> {
    let requests = requests(release).into_iter();
    let about_sessions = requests.filter(|request| request.path.ends_with("_session"));
    about_sessions
        .map(|request| {
            let patch = accept::session(&request.bytes()).unwrap();
            (request, patch)
        })
        .collect()
}

const RELEASES: [&str; 2] = ["0.3.18", "0.3.26"];

/// Sent, and no field of a canonical event: the last three are second names, checked below.
const NOT_KEPT: [&str; 6] = [
    "session_id",
    "trigger_event",
    "exception",
    "timestamp",
    "tool_name",
    "name",
];

#[test]
fn every_field_of_every_event_is_kept() {
    for release in RELEASES {
        for (case, sent, read) in events(release) {
            let written = serde_json::to_value(&read).unwrap();
            let kind = read.kind();
            for (name, value) in sent.as_object().unwrap() {
                let belongs = match name.as_str() {
                    // 0.3.26 sends an action's fields with an LLM call of no content.
                    "action_type" | "screenshot" => kind == EventKind::Action,
                    "name" => kind == EventKind::Tool,
                    name => !NOT_KEPT.contains(&name),
                };
                if belongs && name == "cost" && !value.is_null() {
                    assert_eq!(written["cost"].as_f64(), value.as_f64());
                } else if belongs {
                    assert_eq!(&written[name], value, "{release} {case} {name}: {sent}");
                }
            }
            if let Some(name) = sent.get("name").or(sent.get("tool_name")) {
                assert_eq!(read.name(), name.as_str(), "{release} {case}");
            }
            if let Some(at) = sent.get("timestamp") {
                assert_eq!(&written["init_timestamp"], at);
                assert_eq!(&written["end_timestamp"], at);
            }
            let status = match kind {
                EventKind::Error => Status::Error,
                _ => Status::Ok,
            };
            assert_eq!(read.status, status, "{release} {case}: {sent}");
        }
    }
}

#[test]
fn the_captures_hold_what_they_are_known_to_hold() {
    for (release, expected) in [("0.3.18", [15, 3, 7, 5]), ("0.3.26", [15, 3, 5, 5])] {
        let mut counts = BTreeMap::from(EventKind::ALL.map(|kind| (kind, 0)));
        for (_, _, event) in events(release) {
            *counts.get_mut(&event.kind()).unwrap() += 1;
        }
        assert_eq!(
            counts.into_values().collect::<Vec<_>>(),
            expected,
            "{release}"
        );
    }
}

#[test]
fn errors_without_an_id_get_one_each_that_a_retry_repeats() {
    let read = |session: &str| {
        let requests = requests("0.3.18").into_iter();
        let mut main = requests.filter(|r| r.case == "main" && r.path.ends_with("/create_events"));
        let body = main.next().unwrap().bytes();
        accept::create_events(&body, &session.parse().unwrap(), received()).unwrap()
    };
    let events = read("s1");
    let mut errors: Vec<_> = events
        .iter()
        .filter(|event| event.kind() == EventKind::Error)
        .map(|event| event.id.clone())
        .collect();
    assert_eq!(errors.len(), 5);
    assert_eq!(events, read("s1"));
    assert!(read("s2").iter().all(|event| !errors.contains(&event.id)));
    errors.sort();
    errors.dedup();
    assert_eq!(errors.len(), 5);
    // The trigger event that this release sends twice keeps its one id.
    let twice = "02f3d88e-1546-470a-8adc-5fd56e26d135";
    let same: Vec<_> = events.iter().filter(|e| e.id.as_str() == twice).collect();
    assert_eq!(same.len(), 2);
    assert_eq!(same[0], same[1]);
}

#[test]
fn an_error_without_trigger_or_timestamp_stands_at_its_start() {
    let mut errors = 0;
    for (_, sent, read) in events("0.3.26") {
        let EventBody::Error(error) = &read.body else {
            continue;
        };
        errors += 1;
        assert_eq!(
            (&error.trigger_event_id, error.trigger_event_type),
            (&None, None)
        );
        assert_eq!(sent["init_timestamp"], read.init_timestamp.to_string());
    }
    assert_eq!(errors, 5);
}

#[test]
fn every_session_request_is_read_field_by_field() {
    for release in RELEASES {
        let all = sessions(release);
        assert_eq!(all.len(), 14);
        for (request, read) in all {
            let sent = &request.body["session"];
            let time = |name: &str| sent[name].as_str().map(|text| text.parse().unwrap());
            assert_eq!(read.id.unwrap().as_str(), sent["session_id"]);
            assert_eq!(read.init_timestamp, time("init_timestamp"));
            assert_eq!(read.end_timestamp, time("end_timestamp"));
            let state = read.end_state.map(EndState::as_str);
            assert_eq!(state, sent["end_state"].as_str());
            assert_eq!(
                read.end_state_reason.as_deref(),
                sent["end_state_reason"].as_str()
            );
            assert_eq!(read.video.as_deref(), sent["video"].as_str());
            assert_eq!(Value::from(read.tags.unwrap()), sent["tags"]);
            assert_eq!(read.host_env.unwrap().to_value(), sent["host_env"]);
            assert_eq!(read.dropped, None);
        }
    }
}

#[test]
fn agents_are_read() {
    for release in RELEASES {
        let mut names = Vec::new();
        for request in requests(release) {
            if request.path.ends_with("/create_agent") {
                let agent = accept::agent(&request.bytes()).unwrap();
                assert_eq!(agent.id.as_str(), request.body["id"]);
                names.push(agent.name.unwrap());
            }
        }
        names.sort();
        let mut expected = [
            "auto-id",
            "func-agent",
            "kw-name",
            "manual-agent",
            "pre-init-agent",
            "the-role",
        ];
        expected.sort_unstable();
        assert_eq!(names, expected, "{release}");
    }
}

#[test]
fn nothing_of_tokens_and_queues_is_kept() {
    for release in RELEASES {
        let mut tokens: Vec<String> = requests(release)
            .iter()
            .flat_map(|request| {
                let bearer = request.authorization.as_deref();
                let header = bearer.and_then(|text| text.strip_prefix("Bearer "));
                let body = request.body["session"]["jwt"].as_str();
                [header, body].into_iter().flatten().map(str::to_owned)
            })
            .collect();
        tokens.sort();
        tokens.dedup();
        assert!(!tokens.is_empty(), "{release}: the captures carry tokens");
        let mut kept = String::new();
        for (_, patch) in sessions(release) {
            kept += &format!("{patch:?}");
        }
        for (_, _, event) in events(release) {
            kept += &format!("{event:?}");
        }
        for token in tokens {
            assert!(!kept.contains(&token), "{release}");
        }
        for unknown in ["jwt", "queue", "stop_flag", "event_counts", "_session_url"] {
            assert!(!kept.contains(&format!("\"{unknown}\"")), "{unknown}");
        }
    }
}
