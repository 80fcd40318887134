use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Ending, Failure, Observed, Place, Source, What, is_off};
use crate::testing::{Captured, capture};
use crate::{Session, SessionOptions, ToolEvent, Usage, Usd};

fn here() -> Place {
    Place::current().expect("a session is current")
}

fn llm(source: Source, model: &str) -> Observed {
    Observed::open(What::Llm, source, here(), model, |_| {})
}

/// The LLM calls that code records, without what differs from run to run.
fn llms(code: impl FnOnce(&Session)) -> Vec<Value> {
    strip(&capture(code))
}

fn strip<R>(seen: &Captured<R>) -> Vec<Value> {
    let keys = [
        "model",
        "prompt",
        "completion",
        "params",
        "prompt_tokens",
        "completion_tokens",
        "cached_read_tokens",
        "time_to_first_token",
        "cost",
        "status",
    ];
    let events = seen.events("llms").iter();
    events
        .map(|event| {
            let told = keys.iter().filter(|key| !event[**key].is_null());
            told.map(|key| ((*key).to_owned(), event[*key].clone()))
                .collect()
        })
        .collect()
}

#[test]
fn what_is_learnt_late_replaces_what_was_known_at_the_start() {
    let seen = llms(|_| {
        let mut call = Observed::open(What::Llm, Source::Wire, here(), "", |facts| {
            facts.prompt("hi");
        });
        call.learn(|facts| {
            facts.name("gpt-4");
            facts.prompt("2 + 2?");
            facts.completion("4");
            facts.usage(Usage::new(150, 80).cached_read(7));
            facts.time_to_first_token(Duration::from_micros(9));
        });
        call.end(Ending::Ok);
    });
    let expected = json!([{
        "model": "gpt-4",
        "prompt": {"type": "string", "string": "2 + 2?"},
        "completion": {"type": "string", "string": "4"},
        "prompt_tokens": 150, "completion_tokens": 80, "cached_read_tokens": 7,
        "time_to_first_token": 9, "status": "ok",
    }]);
    let mut seen = Value::from(seen);
    assert!(
        seen[0]["cost"].is_string() || seen[0]["cost"].is_number(),
        "{seen}"
    );
    seen[0].as_object_mut().unwrap().remove("cost");
    assert_eq!(seen, expected);
}

#[test]
fn of_two_accounts_of_one_call_the_better_source_wins_fact_by_fact() {
    let seen = llms(|_| {
        let mut outer = llm(Source::Span, "alias");
        outer.learn(|facts| {
            facts.usage(Usage::new(1, 1).cached_read(1));
            facts.params(&json!({"temperature": 0}));
            facts.prompt("told by the span");
        });
        let inside = outer.place().enter();
        let mut inner = llm(Source::Wire, "gpt-4-0613");
        assert_eq!(inner.id(), outer.id());
        assert_eq!(inner.place(), outer.place());
        inner.learn(|facts| {
            facts.prompt("told by the wire");
            facts.usage(Usage::new(150, 80));
        });
        inner.end(Ending::Ok);
        drop(inside);
        outer.learn(|facts| facts.completion("told late"));
        outer.end(Ending::Ok);
    });
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["model"], "gpt-4-0613");
    assert_eq!(seen[0]["prompt"]["string"], "told by the wire");
    assert_eq!(seen[0]["completion"]["string"], "told late");
    assert_eq!(seen[0]["params"], json!({"temperature": 0}));
    assert_eq!(
        (&seen[0]["prompt_tokens"], &seen[0]["completion_tokens"]),
        (&json!(150), &json!(80))
    );
    assert!(
        seen[0].get("cached_read_tokens").is_none(),
        "counts of two accounts are not mixed"
    );
}

#[test]
fn a_call_whose_stream_goes_on_is_written_when_the_stream_has_ended() {
    for (ending, status) in [(Ending::Ok, "ok"), (Ending::Cancelled, "cancelled")] {
        let seen = llms(|_| {
            let outer = llm(Source::Value, "gpt-4");
            let inside = outer.place().enter();
            let mut stream = llm(Source::Wire, "gpt-4");
            drop(inside);
            outer.end(Ending::Ok);
            stream.learn(|facts| facts.completion("part"));
            stream.end(ending);
        });
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0]["completion"]["string"], "part");
        assert_eq!(seen[0]["status"], status);
    }
}

#[test]
fn an_attempt_that_failed_and_was_repeated_is_a_child() {
    let seen = capture(|_| {
        let outer = llm(Source::Span, "gpt-4");
        let inside = outer.place().enter();
        let refused = Failure::new("rate_limit_error")
            .message("slow down")
            .code("429");
        llm(Source::Wire, "gpt-4").end(Ending::Failed(refused));
        let mut second = llm(Source::Wire, "gpt-4");
        second.learn(|facts| facts.usage(Usage::new(150, 80)));
        second.end(Ending::Ok);
        drop(inside);
        outer.end(Ending::Ok);
    });
    let [call, attempt] = seen.events("llms") else {
        panic!("{:?}", seen.export["llms"]);
    };
    assert_eq!(
        (&call["status"], &attempt["status"]),
        (&json!("ok"), &json!("error"))
    );
    assert_eq!(attempt["parent_id"], call["id"]);
    assert_eq!(seen.export["stats"]["prompt_tokens"], 150);
    let error = &seen.events("errors")[0];
    assert_eq!(error["trigger_event_id"], attempt["id"]);
    assert_eq!(
        (&error["error_type"], &error["code"]),
        (&json!("rate_limit_error"), &json!("429"))
    );
    assert_eq!(error["details"]["message"], "slow down");
}

#[test]
fn one_failure_that_two_have_seen_is_one_error_told_by_the_fuller_account() {
    let seen = capture(|_| {
        let outer = llm(Source::Span, "gpt-4");
        let inside = outer.place().enter();
        let wire = Failure::new("invalid_request_error")
            .message("no such model")
            .code("404");
        llm(Source::Wire, "gpt-4").end(Ending::Failed(wire));
        drop(inside);
        outer.end(Ending::Failed(Failure::new("http_error")));
    });
    assert_eq!(
        (seen.events("llms").len(), seen.events("errors").len()),
        (1, 1)
    );
    assert_eq!(
        seen.events("errors")[0]["details"]["message"],
        "no such model"
    );
}

#[test]
fn two_calls_inside_of_one_are_counted_once_each() {
    let counted = |model: &str, tokens| {
        let mut call = llm(Source::Wire, model);
        call.learn(|facts| facts.usage(Usage::new(tokens, 0)));
        call
    };
    let seen = capture(|_| {
        let mut outer = llm(Source::Value, "both");
        outer.learn(|facts| facts.usage(Usage::new(30, 0)));
        let inside = outer.place().enter();
        counted("first", 10).end(Ending::Ok);
        // One after it, and one beside that.
        let (second, third) = (counted("second", 20), counted("third", 40));
        second.end(Ending::Ok);
        third.end(Ending::Ok);
        drop(inside);
        outer.end(Ending::Ok);
    });
    assert_eq!(seen.events("llms").len(), 3);
    assert_eq!(seen.export["stats"]["prompt_tokens"], 70);
}

#[test]
fn what_the_nearer_one_knows_decides_where_the_outer_one_only_guesses() {
    for (known, guess, status) in [
        (Ending::Ok, Ending::Cancelled, "ok"),
        (Ending::Cancelled, Ending::Ok, "cancelled"),
    ] {
        let seen = llms(|_| {
            let outer = llm(Source::Span, "gpt-4");
            let inside = outer.place().enter();
            llm(Source::Wire, "gpt-4").end(known);
            drop(inside);
            outer.end_unsure(guess);
        });
        assert_eq!(seen[0]["status"], status);
    }
}

#[test]
fn a_call_inside_a_tool_or_in_another_session_is_another_call() {
    let seen = capture(|session| {
        let outer = llm(Source::Span, "planner");
        let inside = outer.place().enter();
        let tool = Observed::open(What::Tool, Source::Span, here(), "search", |_| {});
        let in_tool = tool.place().enter();
        llm(Source::Wire, "summariser").end(Ending::Ok);
        drop(in_tool);
        tool.end(Ending::Ok);
        let other = session.client().start_session(SessionOptions::new());
        let in_other = other.enter();
        llm(Source::Wire, "elsewhere").end(Ending::Ok);
        drop(in_other);
        drop(inside);
        outer.end(Ending::Ok);
    });
    let names: Vec<&Value> = seen
        .events("llms")
        .iter()
        .map(|call| &call["model"])
        .collect();
    assert_eq!(names, ["planner", "summariser"]);
    assert_eq!(
        seen.events("llms")[1]["parent_id"],
        seen.events("tools")[0]["id"]
    );
}

#[test]
fn a_call_that_is_dropped_was_cancelled_and_one_that_unwinds_panicked() {
    let seen = capture(|_| {
        drop(llm(Source::Wire, "dropped"));
        let unwound = std::panic::catch_unwind(|| {
            let _call = llm(Source::Wire, "unwound");
            panic!("no way");
        });
        assert!(unwound.is_err());
    });
    let [dropped, unwound] = seen.events("llms") else {
        panic!("{:?}", seen.export["llms"]);
    };
    assert_eq!(
        (&dropped["status"], &unwound["status"]),
        (&json!("cancelled"), &json!("panicked"))
    );
    assert_eq!(seen.events("errors")[0]["details"]["message"], "no way");
}

#[test]
fn places_nest_with_calls_of_every_kind_on_every_thread() {
    let seen = capture(|session| {
        let call = Observed::open(
            What::Action,
            Source::Span,
            here().acting("Critic"),
            "judge",
            |_| {},
        );
        let place = call.place();
        let session = session.clone();
        std::thread::spawn(move || {
            let _inside = place.enter();
            session.record(ToolEvent::new("search"));
        })
        .join()
        .unwrap();
        call.end(Ending::Ok);
    });
    let (action, tool) = (&seen.events("actions")[0], &seen.events("tools")[0]);
    assert_eq!(tool["parent_id"], action["id"]);
    assert_eq!(tool["agent_id"], action["agent_id"]);
    let agents = seen.export["agents"].as_array().unwrap();
    let agent = agents
        .iter()
        .find(|agent| agent["id"] == tool["agent_id"])
        .unwrap();
    assert_eq!(agent["name"], "Critic");
}

#[test]
fn a_value_is_cut_and_what_is_metadata_is_not_looked_at() {
    struct Never;
    impl serde::Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("looked at");
        }
    }
    let seen = llms(|_| {
        let mut call = llm(Source::Wire, "gpt-4");
        call.learn(|facts| facts.prompt(&"x".repeat(1 << 20)));
        call.end(Ending::Ok);
    });
    assert!(seen[0]["prompt"].to_string().contains("truncated"));

    let dir = tempfile::tempdir().unwrap();
    let config = crate::Config::new()
        .data_dir(dir.path())
        .content(crate::Content::MetadataOnly);
    let session = crate::Client::new(config).start_session(SessionOptions::new());
    let _inside = session.enter();
    let mut call = llm(Source::Wire, "gpt-4");
    assert!(!call.wants_content());
    call.learn(|facts| {
        facts.completion(&Never);
        facts.cost("0.5".parse::<Usd>().unwrap());
    });
    call.end(Ending::Ok);
    let ended = session.end(crate::EndState::Success).wait();
    assert_eq!(ended.stats.llms, 1);
}

#[test]
fn without_a_session_there_is_no_place() {
    // Other tests of the process may have sessions: only what is current here counts.
    assert!(is_off() || Place::current().is_none());
}

#[test]
fn calls_that_end_on_other_threads_at_once_are_each_written_once() {
    let seen = capture(|_| {
        for _ in 0..200 {
            let outer = llm(Source::Span, "gpt-4");
            let place = outer.place();
            let inner = Observed::open(What::Llm, Source::Wire, place, "gpt-4", |_| {});
            let both = Arc::new(Mutex::new(vec![outer, inner]));
            let end = |both: Arc<Mutex<Vec<Observed>>>| {
                std::thread::spawn(move || {
                    let call = both.lock().unwrap().pop();
                    call.unwrap().end(Ending::Ok);
                })
            };
            let threads = [end(Arc::clone(&both)), end(both)];
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }
    });
    assert_eq!(seen.events("llms").len(), 200);
}
