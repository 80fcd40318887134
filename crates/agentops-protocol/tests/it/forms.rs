//! The accepted forms, row by row, and what is refused with its place.

use agentops_protocol::{
    EndState, Event, EventBody, EventKind, Json, Patch, Status, Timestamp, accept, limits,
};
use expect_test::{Expect, expect};

use crate::{create, created, received, refused, session_id, updated};

fn json(text: &str) -> Option<Json> {
    Some(Json::parse(text).unwrap())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn row_1_a_session_is_wrapped_or_flat_under_either_id_name() {
    let expected = accept::session(br#"{"session":{"id":"s","tags":["a"]}}"#).unwrap();
    assert_eq!(expected.id, Some("s".parse().unwrap()));
    for body in [
        r#"{"session":{"session_id":"s","tags":["a"]}}"#,
        r#"{"id":"s","tags":["a"]}"#,
        r#"{"session_id":"s","tags":["a"]}"#,
        r#"{"session":null,"id":"s","tags":["a"]}"#,
        r#"{"session":{"id":null,"session_id":"s","tags":["a"]}}"#,
        r#"{"session":{"id":"s","session_id":"s","tags":["a","a"],"video":null}}"#,
        r#"{"session":{"id":"s","tags":["a"],"jwt":"x","queue":[1e999],"lock":{"deep":[[]]}}}"#,
    ] {
        assert_eq!(
            accept::session(body.as_bytes()).unwrap(),
            expected,
            "{body}"
        );
    }
    let empty = accept::session(b"{}").unwrap();
    assert_eq!(empty, agentops_protocol::SessionPatch::default());
}

#[test]
fn row_2_any_short_text_is_an_id() {
    let long = "x".repeat(limits::ID_BYTES);
    for id in ["agent-123", "event-id-123", "ä/ ?#", long.as_str()] {
        let body = serde_json::json!({ "id": id }).to_string();
        let session = accept::session(body.as_bytes()).unwrap();
        assert_eq!(session.id.unwrap().as_str(), id);
        assert_eq!(accept::agent(body.as_bytes()).unwrap().id.as_str(), id);
        assert_eq!(accept::thread(body.as_bytes()).unwrap().id.as_str(), id);
        assert_eq!(created(&body).id.as_str(), id);
    }
    for id in ["", &"x".repeat(limits::ID_BYTES + 1)] {
        let body = serde_json::json!({ "id": id }).to_string();
        assert!(accept::session(body.as_bytes()).is_err());
        assert!(accept::agent(body.as_bytes()).is_err());
        assert!(accept::thread(body.as_bytes()).is_err());
    }
}

#[test]
fn row_3_kinds_go_by_either_name_and_any_number() {
    for (names, kind) in [
        (["action", "actions", "ACTION"], EventKind::Action),
        (["llm", "llms", "LLMs"], EventKind::Llm),
        (["tool", "tools", "Tool"], EventKind::Tool),
        (["error", "errors", "Errors"], EventKind::Error),
    ] {
        for name in names {
            for field in ["type", "event_type"] {
                let event = created(&format!(r#"{{"{field}":"{name}"}}"#));
                assert_eq!(event.kind(), kind, "{field} {name}");
                assert_eq!(
                    updated(&format!(r#"{{"id":"e","{field}":"{name}"}}"#)).kind,
                    Some(kind)
                );
            }
        }
    }
    let kind = |event: &str| created(event).kind();
    assert_eq!(kind(r#"{"event_type":null,"type":"llm"}"#), EventKind::Llm);
    assert_eq!(kind(r#"{"type":"llm","event_type":null}"#), EventKind::Llm);
    assert_eq!(
        kind(r#"{"type":"llm","event_type":"tools"}"#),
        EventKind::Tool
    );
    assert_eq!(
        kind(r#"{"event_type":"tools","type":"llm"}"#),
        EventKind::Tool
    );
    assert_eq!(kind("{}"), EventKind::Action);
    assert_eq!(updated(r#"{"id":"e"}"#).kind, None);
}

#[test]
fn row_3_any_other_kind_is_an_action_of_that_type() {
    let type_of = |event: &str| {
        let event = created(event);
        assert_eq!(event.kind(), EventKind::Action);
        event.name().map(str::to_owned)
    };
    for (event, expected) in [
        (r#"{"event_type":"apis"}"#, "api"),
        (r#"{"type":"API"}"#, "api"),
        (r#"{"type":"api","name":"GET /users"}"#, "GET /users"),
        (r#"{"type":"api","action_type":"call"}"#, "call"),
        (r#"{"type":"retrieval"}"#, "retrieval"),
        (r#"{"type":"retrieval","name":"docs"}"#, "retrieval"),
        (r#"{"type":"retrieval","action_type":"fetch"}"#, "fetch"),
        (r#"{"type":"action","name":"plan"}"#, "plan"),
        (
            r#"{"type":"action","action_type":null,"name":"plan"}"#,
            "plan",
        ),
        (r#"{"type":"action","action_type":"a","name":"b"}"#, "a"),
    ] {
        assert_eq!(type_of(event).as_deref(), Some(expected), "{event}");
    }
    assert_eq!(type_of(r#"{"type":""}"#), None);
}

#[test]
fn row_3_an_update_that_repeats_the_kind_changes_no_type() {
    let mut event = created(r#"{"id":"e","type":"api","name":"GET /users"}"#);
    updated(r#"{"id":"e","type":"api","returns":1}"#).apply(&mut event);
    assert_eq!(event.name(), Some("GET /users"));
    assert_eq!(event.returns, json("1"));
}

#[test]
fn row_4_a_tool_says_params_or_input() {
    let expected = created(r#"{"id":"e","type":"tool","params":{"q":1},"returns":[2]}"#);
    assert_eq!(
        (&expected.params, &expected.returns),
        (&json(r#"{"q":1}"#), &json("[2]"))
    );
    for event in [
        r#"{"id":"e","type":"tool","input":{"q":1},"output":[2]}"#,
        r#"{"id":"e","type":"tool","input":{"q":1},"params":null,"output":[2],"returns":null}"#,
        r#"{"id":"e","type":"tool","params":{"q":1},"input":0,"returns":[2],"output":0}"#,
    ] {
        assert_eq!(created(event), expected, "{event}");
    }
    let named = created(r#"{"type":"tool","tool_name":"search"}"#);
    assert_eq!(named.name(), Some("search"));
}

#[test]
fn row_5_an_event_says_id_or_event_id() {
    for event in [
        r#"{"id":"e"}"#,
        r#"{"event_id":"e"}"#,
        r#"{"id":"e","event_id":"other"}"#,
        r#"{"event_id":"other","id":"e"}"#,
        r#"{"id":null,"event_id":"e"}"#,
        r#"{"id":"","event_id":"e"}"#,
    ] {
        assert_eq!(created(event).id.as_str(), "e", "{event}");
        assert_eq!(updated(event).id.unwrap().as_str(), "e", "{event}");
    }
    let body = br#"{"events":[{"id":"e"},{"returns":1}]}"#;
    let error = accept::update_events(body).unwrap_err();
    expect!["events[1].id: an update needs the id of the event to change"]
        .assert_eq(&error.to_string());
}

#[test]
fn row_5_a_missing_id_follows_from_session_content_and_ordinal() {
    let body =
        r#"{"events":[{"type":"llm"},{"type":"tool"},{"type":"llm"},{"id":"x"},{"type":"llm"}]}"#;
    let ids = |session: &str| -> Vec<String> {
        let session = session.parse().unwrap();
        let events = accept::create_events(body.as_bytes(), &session, received()).unwrap();
        events
            .into_iter()
            .map(|event| event.id.to_string())
            .collect()
    };
    let first = ids("a");
    assert_eq!(first, ids("a"), "a retry repeats them");
    assert_eq!(first[3], "x");
    let mut all: Vec<_> = [first.clone(), ids("b")].concat();
    all.retain(|id| id != "x");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8, "equals and sessions differ");
    // Not the time of receipt: a retry comes later.
    let later = Timestamp::from_micros(received().as_micros() + 1);
    let retried = accept::create_events(body.as_bytes(), &"a".parse().unwrap(), later).unwrap();
    assert_eq!(retried[0].id.as_str(), first[0]);
    // These ids are stored: another derivation would store old retries twice.
    expect!["3e606996-6709-5288-882d-15fd0dd76861"].assert_eq(&first[0]);
}

#[test]
fn row_6_times_have_a_zone_or_are_utc() {
    let start = |text: &str| created(&format!(r#"{{"init_timestamp":"{text}"}}"#)).init_timestamp;
    let noon = time("2024-03-14T12:00:00Z");
    for text in [
        "2024-03-14T12:00:00Z",
        "2024-03-14T12:00:00.000000+00:00",
        "2024-03-14T12:00:00",
        "2024-03-14 12:00:00",
        "2024-03-14T06:30:00-05:30",
    ] {
        assert_eq!(start(text), noon, "{text}");
    }
    let running = created("{}");
    assert_eq!(running.init_timestamp, received());
    assert_eq!(
        (running.end_timestamp, running.status),
        (None, Status::Running)
    );
}

#[test]
fn row_6_an_error_happens_at_its_timestamp_else_at_its_start() {
    let at = |event: &str| {
        let event = created(event);
        assert_eq!(event.end_timestamp, Some(event.init_timestamp));
        assert_eq!(event.status, Status::Error);
        event.init_timestamp
    };
    let noon = time("2024-03-14T12:00:00Z");
    for event in [
        r#"{"type":"error","timestamp":"2024-03-14T12:00:00Z"}"#,
        r#"{"timestamp":"2024-03-14T12:00:00Z","init_timestamp":"2024-03-14T11:00:00Z","type":"error"}"#,
        r#"{"type":"error","timestamp":null,"init_timestamp":"2024-03-14T12:00:00Z"}"#,
    ] {
        assert_eq!(at(event), noon, "{event}");
    }
    assert_eq!(at(r#"{"type":"error"}"#), received());
    // An update need not repeat that it is an error.
    let patch = updated(r#"{"id":"e","timestamp":"2024-03-14T12:00:00Z"}"#);
    assert_eq!(patch.init_timestamp, Patch::Set(noon));
    // Any other kind has no such field.
    let action = created(r#"{"type":"action","timestamp":"2024-03-14T12:00:00Z"}"#);
    assert_eq!(action.init_timestamp, received());
}

#[test]
fn row_7_an_update_says_only_what_it_gives_and_null_clears() {
    let patch = updated(r#"{"id":"e","returns":null,"logs":"x","end_timestamp":null}"#);
    assert_eq!(
        (&patch.params, &patch.returns),
        (&Patch::Keep, &Patch::Clear)
    );
    assert_eq!(patch.logs, Patch::Set(Json::string("x")));
    assert_eq!(
        (&patch.end_timestamp, &patch.status),
        (&Patch::Clear, &Patch::Keep)
    );
    // Of a session, null leaves as is.
    let session = accept::session(br#"{"session":{"id":"s","end_state":null,"tags":null}}"#);
    let session = session.unwrap();
    assert_eq!((session.end_state, session.tags), (None, None));
}

#[test]
fn row_8_end_states_go_by_every_name() {
    let state = |text: &str| {
        let body = format!(r#"{{"session":{{"id":"s","end_state":"{text}"}}}}"#);
        accept::session(body.as_bytes()).map(|session| session.end_state.unwrap())
    };
    for (names, expected) in [
        (["Success", "SUCCESS", "completed"], EndState::Success),
        (["Fail", "Failure", "failed"], EndState::Failure),
        (
            ["Indeterminate", "indeterminate", "INDETERMINATE"],
            EndState::Indeterminate,
        ),
    ] {
        for name in names {
            assert_eq!(state(name), Ok(expected), "{name}");
        }
    }
    let error = state("Paused").unwrap_err();
    expect![[
        r#"session.end_state: end_state must be Success, Fail or Indeterminate, not "Paused""#
    ]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_session_ended_for_a_dead_process_says_so() {
    let recovered = |value: &str| {
        let body = format!(r#"{{"session":{{"id":"s","recovered":{value}}}}}"#);
        accept::session(body.as_bytes()).unwrap().recovered
    };
    assert!(recovered("true"));
    for value in ["false", "null", "\"true\"", "1"] {
        assert!(!recovered(value), "{value}");
    }
}

#[test]
fn row_10_prompt_and_completion_are_text_chat_or_object() {
    for value in [
        r#""Hello""#,
        r#"[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text"}]}]"#,
        r#"{"type":"chatml","messages":[]}"#,
    ] {
        let event = created(&format!(
            r#"{{"type":"llm","prompt":{value},"completion":{value}}}"#
        ));
        let EventBody::Llm(llm) = &event.body else {
            panic!("an LLM call: {event:?}")
        };
        assert_eq!((&llm.prompt, &llm.completion), (&json(value), &json(value)));
    }
}

#[test]
fn what_is_not_known_is_ignored_and_an_unknown_status_kept() {
    let event = created(
        r#"{"id":"e","status":"queued","secret":"hunter2","api_key":{"deep":[1e999,"\ud800"]}}"#,
    );
    assert_eq!(event.status, Status::Unknown("queued".to_owned()));
    assert!(!format!("{event:?}").contains("hunter2"));
    let written = serde_json::to_value(&event).unwrap();
    assert_eq!(written["status"], "queued");
    assert!(written.get("secret").is_none() && written.get("api_key").is_none());
    // A status given without an end, or with one, is taken at its word.
    let over = created(r#"{"status":"interrupted"}"#);
    assert_eq!(
        (over.status, over.end_timestamp),
        (Status::Interrupted, None)
    );
}

#[test]
fn counts_and_costs_are_read_exactly() {
    let event = created(
        r#"{"type":"llm","prompt_tokens":9007199254740992,"completion_tokens":80.0,"cost":"1e-12"}"#,
    );
    let EventBody::Llm(llm) = &event.body else {
        panic!("an LLM call: {event:?}")
    };
    assert_eq!(llm.usage.prompt, Some(1 << 53));
    assert_eq!(llm.usage.completion, Some(80));
    assert_eq!(llm.cost.unwrap().to_string(), "0.000000000001");
    let zero = created(r#"{"type":"llm","cost":0}"#);
    let written = serde_json::to_string(&zero).unwrap();
    assert!(
        written.contains(r#""cost":0,"#),
        "a given zero is a cost: {written}"
    );
}

fn check(event: &str, expected: &Expect) {
    expected.assert_eq(&refused(event));
}

#[test]
fn a_wrong_type_names_index_and_field() {
    check("5", &expect!["events[0]: expected an object, got a number"]);
    check(
        r#"{"id":5}"#,
        &expect!["events[0].id: expected a string, got a number"],
    );
    check(
        r#"{"type":["llm"]}"#,
        &expect!["events[0].type: expected a string, got an array"],
    );
    check(
        r#"{"model":{}}"#,
        &expect!["events[0].model: expected a string, got an object"],
    );
    check(
        r#"{"init_timestamp":1710417600}"#,
        &expect![
            "events[0].init_timestamp: expected an RFC 3339 time like 2024-03-14T12:00:00Z, got a number"
        ],
    );
    check(
        r#"{"end_timestamp":"yesterday"}"#,
        &expect![
            "events[0].end_timestamp: expected an RFC 3339 time like 2024-03-14T12:00:00Z, years 0 to 9999"
        ],
    );
    check(
        r#"{"prompt_tokens":"3"}"#,
        &expect!["events[0].prompt_tokens: expected a whole number, got a string"],
    );
    check(
        r#"{"prompt_tokens":-1}"#,
        &expect!["events[0].prompt_tokens: expected a whole number from 0 to 9007199254740992"],
    );
    check(
        r#"{"completion_tokens":1.5}"#,
        &expect!["events[0].completion_tokens: expected a whole number from 0 to 9007199254740992"],
    );
    check(
        r#"{"completion_tokens":18446744073709551615}"#,
        &expect!["events[0].completion_tokens: expected a whole number from 0 to 9007199254740992"],
    );
    check(
        r#"{"cost":-0.1}"#,
        &expect!["events[0].cost: a cost must not be negative"],
    );
    check(
        r#"{"cost":true}"#,
        &expect!["events[0].cost: expected a decimal amount of US dollars, got a boolean"],
    );
    check(
        r#"{"cost":1e999}"#,
        &expect![
            "events[0].cost: expected a decimal amount of US dollars like 0.0093, below 9,000,000"
        ],
    );
    check(
        r#"{"screenshot":{}}"#,
        &expect!["events[0].screenshot: expected a string, got an object"],
    );
    check(
        r#"{"params":"\ud800"}"#,
        &expect![
            "events[0].params: not acceptable JSON: unexpected end of hex escape at line 1 column 8"
        ],
    );
    check(
        r#"{"returns":1e999}"#,
        &expect!["events[0].returns: not acceptable JSON: number out of range at line 1 column 5"],
    );
    let long = format!(r#"{{"event_id":"{}"}}"#, "x".repeat(129));
    check(
        &long,
        &expect!["events[0].event_id: an id has at most 128 bytes, this one has 129; use a UUID"],
    );
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(limits::NAME_BYTES + 1));
    check(
        &long,
        &expect!["events[0].name: expected at most 4096 bytes"],
    );
    let deep = format!(
        r#"{{"logs":{}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    check(
        &deep,
        &expect![
            "events[0].logs: not acceptable JSON: nested deeper than 120 levels at line 1 column 121"
        ],
    );
}

#[test]
fn the_first_bad_event_is_named_by_its_index() {
    let error = create(r#"{"events":[{"id":"a"},{"id":"b","cost":[]}]}"#).unwrap_err();
    assert_eq!(error.path(), "events[1].cost");
    assert_eq!(
        error.message(),
        "expected a decimal amount of US dollars, got an array"
    );
}

#[test]
fn a_body_that_is_no_request_is_refused() {
    let check = |body: &[u8], expected: Expect| {
        let error = accept::create_events(body, &session_id(), received()).unwrap_err();
        expected.assert_eq(&error.to_string());
    };
    check(
        b"",
        expect!["body: expected a JSON object: EOF while parsing a value at line 1 column 0"],
    );
    check(
        b"[]",
        expect![
            "body: expected a JSON object: invalid type: sequence, expected an object at line 1 column 0"
        ],
    );
    check(
        b"{\"events\":[}",
        expect!["body: expected a JSON object: expected value at line 1 column 12"],
    );
    check(b"{}", expect![[r#"events: missing; send {"events":[…]}"#]]);
    check(
        b"{\"events\":null}",
        expect![[r#"events: missing; send {"events":[…]}"#]],
    );
    check(
        b"{\"events\":{}}",
        expect!["events: expected an array, got an object"],
    );
    check(
        b"{\"events\":[]} x",
        expect!["body: expected a JSON object: trailing characters at line 1 column 15"],
    );
    check(
        b"{\"events\":[\"\xff\"]}",
        expect!["body: not UTF-8: invalid utf-8 sequence of 1 bytes from index 12"],
    );
    let many = vec!["{}"; limits::EVENTS_PER_REQUEST + 1].join(",");
    check(
        format!("{{\"events\":[{many}]}}").as_bytes(),
        expect!["events: 10001 events; send at most 10000 a request"],
    );
    let none: Vec<Event> = create(r#"{"events":[]}"#).unwrap();
    assert!(none.is_empty());
}

#[test]
fn a_session_field_of_the_wrong_type_is_named() {
    let check = |body: &str, expected: Expect| {
        let error = accept::session(body.as_bytes()).unwrap_err();
        expected.assert_eq(&error.to_string());
    };
    check(
        r#"{"session":[]}"#,
        expect!["session: expected an object, got an array"],
    );
    check(
        r#"{"session":{"id":1}}"#,
        expect!["session.id: expected a string, got a number"],
    );
    check(
        r#"{"session_id":true}"#,
        expect!["session_id: expected a string, got a boolean"],
    );
    check(
        r#"{"session":{"tags":"a"}}"#,
        expect!["session.tags: expected an array of strings, got a string"],
    );
    check(
        r#"{"session":{"tags":["a",1]}}"#,
        expect!["session.tags[1]: expected a string, got a number"],
    );
    check(
        r#"{"session":{"end_state":1}}"#,
        expect!["session.end_state: expected a string, got a number"],
    );
    check(
        r#"{"session":{"init_timestamp":"now"}}"#,
        expect![
            "session.init_timestamp: expected an RFC 3339 time like 2024-03-14T12:00:00Z, years 0 to 9999"
        ],
    );
    check(
        r#"{"session":{"dropped":{"hook":-1}}}"#,
        expect!["session.dropped.hook: expected a whole number from 0 to 9007199254740992"],
    );
    check(
        r#"{"session":{"dropped":[]}}"#,
        expect!["session.dropped: expected an object, got an array"],
    );
    check(
        r#"{"session":{"host_env":"\udc00"}}"#,
        expect![
            "session.host_env: not acceptable JSON: lone leading surrogate in hex escape at line 1 column 7"
        ],
    );
    let tags = serde_json::json!({ "tags": vec!["t"; limits::TAGS + 1] });
    check(
        &tags.to_string(),
        expect!["tags: 1001 tags; a session has at most 1000"],
    );
    let tag = serde_json::json!({ "tags": ["t".repeat(limits::TAG_BYTES + 1)] });
    check(
        &tag.to_string(),
        expect!["tags[0]: a tag has at most 1024 bytes"],
    );
    let dropped: serde_json::Map<String, serde_json::Value> = (0..=limits::DROP_REASONS)
        .map(|n| (n.to_string(), n.into()))
        .collect();
    check(
        &serde_json::json!({ "dropped": dropped }).to_string(),
        expect!["dropped: 65 reasons; send at most 64"],
    );
}

#[test]
fn the_small_bodies_are_read_or_refused() {
    let agent = accept::agent(br#"{"id":"a","name":null,"logs":{"k":1},"x":0}"#).unwrap();
    assert_eq!((agent.name, agent.logs), (None, json(r#"{"k":1}"#)));
    assert_eq!(accept::agent(b"{}").unwrap_err().to_string(), "id: missing");
    let thread = accept::thread(br#"{"id":"t","agent_id":"a"}"#).unwrap();
    assert_eq!(thread.agent_id.unwrap().as_str(), "a");
    assert_eq!(accept::logs(br#"{"logs":"line\n"}"#).unwrap(), "line\n");
    let error = accept::logs(br#"{"logs":["line"]}"#).unwrap_err();
    assert_eq!(error.to_string(), "logs: expected a string, got an array");
    let error = accept::reauthorize(b"{}").unwrap_err();
    assert_eq!(error.to_string(), "session_id: missing");
    let report = accept::developer_error(br#"{"type":"E","message":"m","host_env":{}}"#).unwrap();
    assert_eq!(
        (report.kind.as_deref(), report.message.as_deref()),
        (Some("E"), Some("m"))
    );
    assert_eq!(report.sdk_version, None);
}
