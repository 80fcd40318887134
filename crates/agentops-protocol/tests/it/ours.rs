//! What our client sends: the bytes of the canonical form, which never change once released.

use agentops_protocol::api::SessionRequest;
use agentops_protocol::{
    EndState, Event, EventBody, EventKind, Json, Session, Status, Timestamp, Usage, accept,
};

use crate::{golden, received, session_id};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event in which every field is set.
fn full(kind: EventKind) -> Event {
    let mut event = Event::started("e1".parse().unwrap(), kind, at("2024-03-14T12:00:00Z"));
    event.parent_id = Some("e0".parse().unwrap());
    event.agent_id = Some("agent-123".parse().unwrap());
    event.end_timestamp = Some(at("2024-03-14T12:00:00.25Z"));
    event.status = Status::Error;
    event.params = Some(Json::parse(r#"{"q":"rust"}"#).unwrap());
    event.returns = Some(Json::parse("[1,2.50]").unwrap());
    event.logs = Some(Json::string("line\n"));
    match &mut event.body {
        EventBody::Action(action) => {
            action.action_type = Some("plan".to_owned());
            action.screenshot = Some("https://x/y.png".to_owned());
        }
        EventBody::Tool(tool) => tool.name = Some("search".to_owned()),
        EventBody::Llm(llm) => {
            llm.thread_id = Some("t1".parse().unwrap());
            llm.model = Some("gpt-4".to_owned());
            llm.prompt = Some(Json::parse(r#"[{"role":"user","content":"hi"}]"#).unwrap());
            llm.completion = Some(Json::string("hello"));
            llm.usage = Usage::new(150, 80)
                .cached_read(100)
                .cached_write(7)
                .reasoning(30);
            llm.cost = Some("0.00930".parse().unwrap());
            llm.time_to_first_token_us = Some(120_000);
        }
        EventBody::Error(error) => {
            error.trigger_event_id = Some("e0".parse().unwrap());
            error.trigger_event_type = Some(EventKind::Tool);
            error.error_type = Some("SearchError".to_owned());
            error.code = Some(Json::parse("501").unwrap());
            error.details = Some(Json::parse(r#"{"message":"boom","chain":[]}"#).unwrap());
        }
    }
    event
}

fn file(name: &str) -> String {
    let text = String::from_utf8(golden(&format!("ours/{name}.json"))).unwrap();
    text.trim_end().to_owned()
}

#[test]
fn events_are_written_as_ever_and_read_back() {
    for kind in EventKind::ALL {
        let event = full(kind);
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            file(kind.as_str()),
            "{kind}"
        );
        let body = format!(r#"{{"events":[{}]}}"#, file(kind.as_str()));
        let read = accept::create_events(body.as_bytes(), &session_id(), received()).unwrap();
        assert_eq!(read, [event]);
    }
}

#[test]
fn an_event_of_nothing_but_its_kind_says_null() {
    let event = Event::started("e1".parse().unwrap(), EventKind::Tool, received());
    assert_eq!(serde_json::to_string(&event).unwrap(), file("running"));
}

#[test]
fn sessions_are_written_as_ever_and_read_back() {
    let mut session = Session::started(session_id(), at("2024-03-14T12:00:00Z"));
    session.end_timestamp = Some(at("2024-03-14T12:05:00Z"));
    session.end_state = EndState::Failure;
    session.end_state_reason = Some("boom".to_owned());
    session.tags = vec!["b".to_owned(), "a".to_owned()];
    session.host_env = Some(Json::parse(r#"{"OS":{"OS":"Linux"}}"#).unwrap());
    session.video = Some("https://v/1.mp4".to_owned());
    session.dropped.insert("memory_full".to_owned(), 3);
    let request = SessionRequest { session: &session };
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(written, file("session"));
    let read = accept::session(written.as_bytes()).unwrap();
    assert_eq!(read.id.as_ref(), Some(&session.id));
    assert_eq!(read.init_timestamp, Some(session.init_timestamp));
    assert_eq!(read.end_timestamp, session.end_timestamp);
    assert_eq!(read.end_state, Some(session.end_state));
    assert_eq!(read.end_state_reason, session.end_state_reason);
    assert_eq!(read.tags, Some(session.tags));
    assert_eq!(read.host_env, session.host_env);
    assert_eq!(read.video, session.video);
    assert_eq!(read.dropped, Some(session.dropped));
}
