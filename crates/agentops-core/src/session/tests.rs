//! Sessions from start to end, on the real worker and a real spool.

use std::time::Duration;

use super::*;
use crate::{ActionEvent, Config, LlmEvent, SessionOptions, ToolEvent, Usage};

fn client(dir: &std::path::Path) -> Client {
    Client::new(Config::new().data_dir(dir))
}

#[test]
fn a_thousand_sessions_at_once_keep_their_events_apart() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let client = client.clone();
            std::thread::spawn(move || {
                let sessions: Vec<_> = (0..125)
                    .map(|_| client.start_session(SessionOptions::new()))
                    .collect();
                for (index, session) in sessions.iter().enumerate() {
                    for call in 0..=(index % 3) {
                        session.record(ToolEvent::new("t").params(&(thread, index, call)));
                    }
                }
                sessions
                    .into_iter()
                    .map(|session| session.end(EndState::Success).wait())
                    .collect()
            })
        })
        .collect();
    for thread in threads {
        let ended: Vec<Ended> = thread.join().unwrap();
        for (index, ended) in ended.into_iter().enumerate() {
            assert!(ended.delivered);
            assert_eq!(ended.stats.tools, (index % 3) as u64 + 1, "session {index}");
            assert_eq!(ended.stats.dropped.len(), 0);
        }
    }
}

#[tokio::test]
async fn local_mode_exports_what_was_recorded_and_prices_it() {
    let dir = tempfile::tempdir().unwrap();
    let session = client(dir.path()).start_session(SessionOptions::new().tags(["a"]));
    session.record(
        LlmEvent::new("gpt-4")
            .prompt("2 + 2?")
            .usage(Usage::new(150, 80)),
    );
    session
        .start(ActionEvent::new("look").params(&1))
        .finish(&2);
    session.set_tags(["b"]);
    session.add_tags(["c", "b"]);
    let analytics = session.analytics().await.unwrap();
    assert_eq!((analytics.llm_calls, analytics.actions), (1, 1));
    let ended = session.end(EndState::Failure).reason("because").await;
    assert_eq!(ended.cost.unwrap().to_string(), "0.00930");
    let export = super::export(session.client(), session.id()).await.unwrap();
    assert_eq!(export["session"]["end_state"], "Fail");
    assert_eq!(export["session"]["end_state_reason"], "because");
    assert_eq!(export["session"]["tags"], serde_json::json!(["b", "c"]));
    assert_eq!(export["llms"][0]["cost"], 0.0093);
    assert_eq!(export["actions"][0]["returns"], 2);
    assert_eq!(export["stats"]["events"], 2);
    assert_eq!(session.spooled(), 2);
    assert!(super::export(session.client(), "nobody").await.is_err());
}

#[test]
fn an_end_takes_effect_when_it_is_dropped_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let session = client(dir.path()).start_session(SessionOptions::new());
    drop(session.end(EndState::Success).reason("first"));
    assert!(!session.is_active());
    let _ = session.end(EndState::Failure).reason("second").wait();
    assert_eq!(session.end_state(), EndState::Success);
    session.record(ToolEvent::new("late"));
    assert_eq!(session.dropped()[&Loss::NoSession], 1);
}

#[test]
fn a_hook_changes_and_drops_and_may_panic() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::new().data_dir(dir.path()).before_send(|event| {
        match event["name"].as_str() {
            Some("drop") => return false,
            Some("panic") => panic!("in a hook"),
            _ => event["returns"] = 42.into(),
        }
        true
    });
    let session = Client::new(config).start_session(SessionOptions::new());
    for name in ["keep", "drop", "panic"] {
        session.record(ToolEvent::new(name));
    }
    let ended = session.end(EndState::Success).wait();
    assert_eq!(ended.stats.tools, 1);
    assert_eq!(session.dropped()[&Loss::Hook], 2);
}

#[test]
fn a_sampled_out_session_is_kept_if_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let config = || {
        Config::new()
            .data_dir(dir.path())
            .sample_rate(0.0)
            .keep_failed(true)
    };
    let run = |state| {
        let session = Client::new(config()).start_session(SessionOptions::new());
        session.record(ToolEvent::new("t"));
        let _ = session.end(state).wait();
        let id = session.id().parse().unwrap();
        crate::delivery::export_from_disk(dir.path(), &id)
            .unwrap()
            .map(|export| export.tools.len())
    };
    assert_eq!(run(EndState::Success), None);
    assert_eq!(run(EndState::Failure), Some(1));
}

#[test]
fn a_session_that_is_joined_is_never_sampled_out() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::new(Config::new().data_dir(dir.path()).sample_rate(0.0));
    assert!(!client.start_session(SessionOptions::new()).is_active());
    let joined = client.start_session(SessionOptions::new().inherit("parent's"));
    joined.record(ToolEvent::new("t"));
    assert_eq!(joined.end(EndState::Success).wait().stats.tools, 1);
}

#[test]
fn nothing_is_recorded_when_disabled_and_nothing_breaks() {
    let session = Client::new(Config::new().enabled(false)).start_session(SessionOptions::new());
    assert!(!session.is_active());
    session.record(ToolEvent::new("t"));
    let _inside = session.enter();
    let ended = session.end(EndState::Success).wait();
    assert_eq!((ended.stats.events, session.id()), (0, ""));
    assert!(session.flush_blocking(Duration::ZERO));
}

#[test]
fn an_unwritable_directory_leaves_the_program_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let session = client(&file).start_session(SessionOptions::new());
    session.record(ToolEvent::new("t").params(&"kept in memory"));
    let ended = session.end(EndState::Success).wait();
    assert_eq!(ended.stats.tools, 1);
}
