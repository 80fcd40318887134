//! Spans as the libraries write them, and what is recorded of them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agentops_core::observe::{Ending, Observed, Place, Source, What};
use agentops_core::testing::{Captured, capture};
use agentops_core::{Client, Config, Content, EndState, Session, SessionOptions, Usage};
use agentops_macros::record_tool;
use agentops_tracing::{LayerExt as _, layer};
use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{Instrument as _, Subscriber, info_span, subscriber::with_default};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Registry, reload};

/// What code records under a subscriber with the layer.
fn recorded(code: impl FnOnce(&Session)) -> Captured<()> {
    recorded_under(Registry::default().with(layer()), code)
}

fn recorded_under(
    subscriber: impl Subscriber + Send + Sync + 'static,
    code: impl FnOnce(&Session),
) -> Captured<()> {
    with_default(subscriber, || capture(code))
}

/// The only event of a list, without what differs from run to run.
fn only(seen: &Captured<()>, list: &str) -> Value {
    let [event] = seen.events(list) else {
        panic!("not one: {}", seen.export);
    };
    let mut event = event.clone();
    let members = event.as_object_mut().unwrap();
    for volatile in [
        "id",
        "parent_id",
        "agent_id",
        "init_timestamp",
        "end_timestamp",
        "session_id",
        "event_type",
    ] {
        members.remove(volatile);
    }
    members.retain(|_, value| !value.is_null());
    event
}

fn agent_name(seen: &Captured<()>, event: &Value) -> String {
    let agents = seen.export["agents"].as_array().unwrap();
    let agent = agents.iter().find(|agent| agent["id"] == event["agent_id"]);
    agent.map_or_else(String::new, |agent| {
        agent["name"].as_str().unwrap_or_default().to_owned()
    })
}

#[record_tool(crate = agentops_core)]
fn search(query: &str) -> usize {
    query.len()
}

/// A span as rig's agent opens it for a turn: what it is of is told later.
fn rig_chat(agent: &str) -> tracing::Span {
    info_span!(
        target: "rig::agent_chat",
        "chat",
        rig.completion_parent = true,
        gen_ai.operation.name = "chat",
        gen_ai.system_instructions = Empty,
        gen_ai.provider.name = Empty,
        gen_ai.request.model = Empty,
        gen_ai.response.id = Empty,
        gen_ai.response.model = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.reasoning_tokens = Empty,
        gen_ai.input.messages = Empty,
        gen_ai.output.messages = Empty,
        gen_ai.agent.name = agent,
    )
}

#[test]
fn a_call_whose_every_fact_comes_late_is_told_in_full() {
    let seen = recorded(|_| {
        let span = rig_chat("Researcher");
        span.record("gen_ai.provider.name", "openai");
        span.record("gen_ai.request.model", "gpt-4");
        span.record(
            "gen_ai.system_instructions",
            r#"[{"type":"text","content":"Be brief."}]"#,
        );
        span.record(
            "gen_ai.input.messages",
            r#"[{"role":"user","parts":[{"type":"text","content":"2 + 2?"},{"type":"blob","mime_type":"image/png","modality":"image","content":"AAAAAAAA"}]},
                {"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"add","arguments":{"a":2}}]},
                {"role":"user","parts":[{"type":"tool_call_response","id":"c1","response":"4"}]}]"#,
        );
        span.record("gen_ai.response.id", "r1");
        span.record("gen_ai.response.model", "gpt-4-0613");
        span.record("gen_ai.usage.input_tokens", 150u64);
        span.record("gen_ai.usage.output_tokens", 80u64);
        span.record("gen_ai.usage.cache_read.input_tokens", 100u64);
        span.record("gen_ai.usage.reasoning_tokens", 30u64);
        span.record(
            "gen_ai.output.messages",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"4"}],"finish_reason":"stop"}]"#,
        );
    });
    assert_eq!(agent_name(&seen, &seen.events("llms")[0]), "Researcher");
    let mut call = only(&seen, "llms");
    assert!(call["cost"].is_string() || call["cost"].is_number());
    call.as_object_mut().unwrap().remove("cost");
    assert_eq!(
        call,
        json!({
            "model": "gpt-4-0613",
            "status": "ok",
            "prompt": {"type": "chatml", "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "content": "2 + 2?"},
                    {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "[image/png, 6 bytes]"},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":2}"}},
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "4"},
            ]},
            "completion": {"type": "chatml", "messages": {"role": "assistant", "content": "4", "finish_reason": "stop"}},
            "params": {"operation": "chat", "provider": "openai"},
            "returns": {"response_id": "r1"},
            "prompt_tokens": 150, "completion_tokens": 80, "cached_read_tokens": 100, "reasoning_tokens": 30,
        })
    );
}

#[test]
fn older_spellings_are_read() {
    let seen = recorded(|_| {
        let _span = info_span!(
            "openai.chat",
            "gen_ai.request.model" = "gpt-4",
            "gen_ai.request.temperature" = 0.5,
            "gen_ai.prompt.0.role" = "system",
            "gen_ai.prompt.0.content" = "Be brief.",
            "gen_ai.prompt.1.role" = "user",
            "gen_ai.prompt.1.content" = "2 + 2?",
            "gen_ai.completion.0.role" = "assistant",
            "gen_ai.completion.0.tool_calls.0.name" = "add",
            "gen_ai.completion.0.tool_calls.0.arguments" = "{}",
            "gen_ai.usage.prompt_tokens" = 150,
            "gen_ai.usage.completion_tokens" = 80,
        );
    });
    let call = only(&seen, "llms");
    assert_eq!(
        call["prompt"]["messages"][1],
        json!({"role": "user", "content": "2 + 2?"})
    );
    assert_eq!(
        call["completion"]["messages"]["tool_calls"][0]["function"]["name"],
        "add"
    );
    assert_eq!(call["params"]["temperature"], 0.5);
    assert_eq!(call["cost"], 0.0093);
}

#[test]
fn langfuse_spans_are_told_by_the_events_inside() {
    let seen = recorded(|_| {
        let span = info_span!("prompt", langfuse.type = "GENERATION");
        let _inside = span.enter();
        let request = json!({"model": "gpt-4", "messages": [{"role": "user", "content": "2 + 2?"}], "temperature": 0});
        let response = json!({"choices": [{"message": {"role": "assistant", "content": "4"}}]});
        tracing::debug!(
            langfuse.model = "gpt-4",
            langfuse.input = %request,
            langfuse.output = %response,
            langfuse.usage = %json!({"prompt_tokens": 150, "completion_tokens": 80}),
        );
    });
    let call = only(&seen, "llms");
    assert_eq!(call["model"], "gpt-4");
    assert_eq!(
        call["prompt"]["messages"],
        json!([{"role": "user", "content": "2 + 2?"}])
    );
    assert!(call["completion"].to_string().contains("\"4\""), "{call}");
    assert_eq!(call["params"], json!({"temperature": 0}));
    assert_eq!(
        (&call["cost"], &call["status"]),
        (&json!(0.0093), &json!("ok"))
    );
}

#[test]
fn tokens_counted_beside_the_prompt_are_added_to_it() {
    let seen = recorded(|_| {
        let _span = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "claude-sonnet-4-5",
            gen_ai.usage.input_tokens = 10,
            gen_ai.usage.output_tokens = 5,
            gen_ai.usage.cache_read_input_tokens = 90,
        );
    });
    let call = only(&seen, "llms");
    assert_eq!(
        (&call["prompt_tokens"], &call["cached_read_tokens"]),
        (&json!(100), &json!(90))
    );
}

#[test]
fn tools_and_agents_nest_with_functions_that_are_recorded() {
    let seen = recorded(|_| {
        #[agentops_macros::record_action(crate = agentops_core)]
        fn plan() {
            // A root span, as rig's: it is inside of the call all the same.
            let agent = info_span!(
                parent: None,
                "invoke_agent",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.agent.name = "Planner",
                gen_ai.prompt = "why?",
                gen_ai.completion = Empty,
                gen_ai.usage.input_tokens = 150,
            );
            agent.record("gen_ai.completion", "because");
            agent.in_scope(|| {
                let tool = info_span!(
                    "execute_tool",
                    gen_ai.operation.name = "execute_tool",
                    gen_ai.tool.name = Empty,
                    gen_ai.tool.call.arguments = Empty,
                    gen_ai.tool.call.result = Empty,
                    gen_ai.tool.call.outcome = Empty,
                );
                tool.record("gen_ai.tool.name", "lookup");
                tool.record("gen_ai.tool.call.arguments", r#"{"q":"x"}"#);
                tool.in_scope(|| search("inner"));
                tool.record("gen_ai.tool.call.result", "found");
                tool.record("gen_ai.tool.call.outcome", "success");
            });
        }
        plan();
    });
    let (actions, tools) = (seen.events("actions"), seen.events("tools"));
    assert_eq!(actions[0]["action_type"], "plan");
    assert_eq!(
        (&actions[1]["action_type"], &actions[1]["parent_id"]),
        (&json!("invoke_agent"), &actions[0]["id"])
    );
    assert_eq!(
        (&actions[1]["params"]["prompt"], &actions[1]["returns"]),
        (&json!("why?"), &json!("because"))
    );
    assert_eq!(actions[1]["status"], "ok");
    assert_eq!(
        (&tools[0]["name"], &tools[0]["parent_id"]),
        (&json!("lookup"), &actions[1]["id"])
    );
    assert_eq!(
        (&tools[0]["params"], &tools[0]["returns"]),
        (&json!({"q": "x"}), &json!("found"))
    );
    assert_eq!(
        (&tools[1]["name"], &tools[1]["parent_id"]),
        (&json!("search"), &tools[0]["id"])
    );
    for event in [&actions[1], &tools[0], &tools[1]] {
        assert_eq!(agent_name(&seen, event), "Planner");
    }
    assert_ne!(agent_name(&seen, &actions[0]), "Planner");
    assert_eq!(
        seen.export["stats"]["prompt_tokens"], 0,
        "an agent's tokens are those of its calls"
    );
}

#[test]
fn errors_are_told_by_fields_and_by_events() {
    let seen = recorded(|_| {
        let failed = || {
            info_span!("genai.chat", gen_ai.operation.name = "chat", gen_ai.request.model = "gpt-4",
                otel.status_code = Empty, error.type = Empty, gen_ai.response.model = Empty)
        };
        let by_status = failed();
        by_status.record("otel.status_code", "ERROR");
        by_status.record("error.type", "HttpError");
        drop(by_status);

        let by_field = info_span!(
            "llm.generate",
            model = "gpt-4",
            prompt_tokens = Empty,
            error = Empty
        );
        by_field.record("error", tracing::field::display("status 429: slow down"));
        drop(by_field);

        failed().in_scope(|| tracing::error!(error = "no route to host"));

        // Logged on the way to an answer.
        let recovered = failed();
        recovered.in_scope(|| tracing::warn!(error = "first try failed"));
        recovered.record("gen_ai.response.model", "gpt-4");
    });
    let status: Vec<&Value> = seen
        .events("llms")
        .iter()
        .map(|call| &call["status"])
        .collect();
    assert_eq!(status, ["error", "error", "error", "ok"]);
    let told: Vec<(&Value, &Value)> = seen
        .events("errors")
        .iter()
        .map(|error| (&error["error_type"], &error["details"]["message"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("HttpError"), &Value::Null),
            (&json!("error"), &json!("status 429: slow down")),
            (&json!("error"), &json!("no route to host")),
        ]
    );
}

#[test]
fn a_span_without_an_answer_was_cancelled_and_one_that_unwinds_panicked() {
    let seen = recorded(|_| {
        drop(rig_chat("a"));
        let unwound = std::panic::catch_unwind(|| {
            let span = rig_chat("a");
            let _inside = span.enter();
            panic!("no way");
        });
        assert!(unwound.is_err());
        // No field for an answer, so nothing can be missing.
        drop(info_span!("tool.call", tool = "lookup", error = Empty));
    });
    let status: Vec<&Value> = seen
        .events("llms")
        .iter()
        .map(|call| &call["status"])
        .collect();
    assert_eq!(status, ["cancelled", "panicked"]);
    assert_eq!(seen.events("errors")[0]["details"]["message"], "no way");
    assert_eq!(
        only(&seen, "tools"),
        json!({"name": "lookup", "status": "ok"})
    );
}

#[test]
fn a_call_that_is_seen_from_nearer_is_recorded_once() {
    let seen = recorded(|_| {
        let span = rig_chat("a");
        span.in_scope(|| {
            let mut request = Observed::open(
                What::Llm,
                Source::Wire,
                Place::current().unwrap(),
                "gpt-4",
                |facts| {
                    facts.prompt("as it was sent");
                },
            );
            request.learn(|facts| facts.usage(Usage::new(150, 80)));
            request.end(Ending::Ok);
            // Another library's span for the same call, inside.
            let _inner = info_span!("genai.chat", gen_ai.operation.name = "other");
        });
        span.record("gen_ai.request.model", "alias");
    });
    let call = only(&seen, "llms");
    assert_eq!(
        (&call["model"], &call["prompt"]["string"]),
        (&json!("gpt-4"), &json!("as it was sent"))
    );
    assert_eq!(
        (&call["status"], &call["cost"]),
        (&json!("ok"), &json!(0.0093))
    );

    // Two libraries, one on top of the other.
    let seen = recorded(|_| {
        let outer = rig_chat("a");
        let _inside = outer.enter();
        let inner = info_span!(
            "genai.chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "gpt-4",
            gen_ai.usage.input_tokens = Empty
        );
        inner.record("gen_ai.usage.input_tokens", 150);
    });
    assert_eq!(only(&seen, "llms")["prompt_tokens"], 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_carry_their_place_across_awaits_and_threads() {
    let subscriber = Registry::default().with(layer());
    let dispatch = tracing::Dispatch::new(subscriber);
    let span = |number: i64| {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "gpt-4",
            gen_ai.usage.input_tokens = number
        )
    };
    use tracing::instrument::WithSubscriber as _;
    let code = async {
        agentops_core::testing::capture_async(async |_: &Session| {
            let spawned = |number| {
                let work = async move {
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                        search("inner");
                    }
                };
                tokio::spawn(work.instrument(span(number)).with_current_subscriber())
            };
            let (first, second) = (spawned(1), spawned(2));
            // Meanwhile this task is in neither of them.
            for _ in 0..20 {
                tokio::task::yield_now().await;
                search("outer");
            }
            first.await.unwrap();
            second.await.unwrap();
        })
        .await
    };
    let seen = code.with_subscriber(dispatch).await;
    assert_eq!(seen.events("llms").len(), 2);
    for call in seen.events("llms") {
        let inside = seen
            .events("tools")
            .iter()
            .filter(|tool| tool["parent_id"] == call["id"]);
        assert!(
            inside
                .clone()
                .all(|tool| tool["params"]["query"] == "inner")
        );
        assert_eq!(inside.count(), 20);
    }
    let outside = seen
        .events("tools")
        .iter()
        .filter(|tool| tool["parent_id"].is_null());
    assert_eq!(outside.count(), 20);
}

#[test]
fn spans_left_in_another_order_than_entered_leave_nothing_behind() {
    let seen = recorded(|_| {
        let (a, b) = (rig_chat("a"), info_span!("tool.call", tool = "t"));
        let (in_a, in_b) = (a.enter(), b.enter());
        drop(in_a);
        search("in b");
        drop(in_b);
        search("outside");
        for _ in 0..3 {
            a.in_scope(|| search("in a"));
        }
    });
    let named = |query: &str| {
        let tools = seen.events("tools").iter();
        tools
            .filter(|tool| tool["params"]["query"] == query)
            .collect::<Vec<_>>()
    };
    let tool = seen
        .events("tools")
        .iter()
        .find(|tool| tool["name"] == "t")
        .unwrap();
    assert_eq!(named("in b")[0]["parent_id"], tool["id"]);
    assert!(named("outside")[0]["parent_id"].is_null());
    assert_eq!(named("in a").len(), 3);
    assert!(
        named("in a")
            .iter()
            .all(|tool| tool["parent_id"] == seen.events("llms")[0]["id"])
    );
}

#[test]
fn an_explicit_parent_that_is_recorded_is_the_parent() {
    let seen = recorded(|_| {
        let agent = info_span!("agent.run", max_iterations = 3, total_tokens = 5);
        drop(info_span!(parent: &agent, "tool.call", tool = "far"));
        let unrecorded = info_span!("request");
        drop(info_span!(parent: &unrecorded, "tool.call", tool = "near"));
    });
    let [far, near] = seen.events("tools") else {
        panic!()
    };
    assert_eq!(far["parent_id"], seen.events("actions")[0]["id"]);
    assert_eq!(agent_name(&seen, far), "agent.run");
    assert!(near["parent_id"].is_null());
}

#[test]
fn nothing_is_recorded_outside_of_a_session_and_each_session_has_its_own() {
    with_default(Registry::default().with(layer()), || {
        let early = rig_chat("a");
        let dir = tempfile::tempdir().unwrap();
        let client = Client::new(Config::new().data_dir(dir.path()));
        let sessions =
            ["one", "two"].map(|tag| client.start_session(SessionOptions::new().tags([tag])));
        // No scope: it belongs to nobody.
        drop(info_span!("tool.call", tool = "homeless"));
        let span_of_one = {
            let _inside = sessions[0].enter();
            early.record("gen_ai.request.model", "gpt-4");
            drop(early);
            info_span!("tool.call", tool = "of one")
        };
        let _inside = sessions[1].enter();
        drop(info_span!("tool.call", tool = "of two"));
        // A span of the first session, entered in a task of the second: what happens inside is the first's.
        span_of_one.in_scope(|| search("x"));
        search("y");
        let late = {
            let _inside = sessions[0].enter();
            rig_chat("late")
        };
        drop(span_of_one);
        let first = sessions[0].end(EndState::Success).wait();
        drop(late);
        let second = sessions[1].end(EndState::Success).wait();
        assert_eq!((first.stats.tools, first.stats.llms), (2, 0), "{first:?}");
        assert_eq!(
            (second.stats.tools, second.stats.llms),
            (2, 0),
            "{second:?}"
        );
    });
}

#[test]
fn fields_may_be_huge_panic_or_come_back_to_their_span() {
    struct Panics;
    impl std::fmt::Debug for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no text")
        }
    }
    struct ComesBack(tracing::Span);
    impl std::fmt::Debug for ComesBack {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.record("gen_ai.request.model", "gpt-4");
            self.0
                .in_scope(|| tracing::warn!(error = "while it is shown"));
            f.write_str("shown")
        }
    }
    struct Endless;
    impl std::fmt::Debug for Endless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            loop {
                f.write_str("endless ")?;
            }
        }
    }
    let seen = recorded(|_| {
        let span = rig_chat("a");
        let long = "x".repeat(3 << 20);
        let messages = json!([{"role": "user", "parts": [{"type": "text", "content": long}]}]);
        span.record("gen_ai.input.messages", messages.to_string());
        span.record("gen_ai.response.id", tracing::field::debug(Panics));
        span.record(
            "gen_ai.response.model",
            tracing::field::debug(ComesBack(span.clone())),
        );
        span.record("gen_ai.provider.name", tracing::field::debug(Endless));
    });
    let call = only(&seen, "llms");
    assert_eq!(call["model"], "shown");
    assert_eq!(
        call["prompt"]["messages"][0]["role"],
        "user",
        "{}",
        &call["prompt"].to_string()[..200]
    );
    assert!(call["prompt"].to_string().len() < 100_000);
    assert!(call["params"].to_string().len() < 100_000);
}

#[test]
fn metadata_only_keeps_what_was_said_out() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::new()
        .data_dir(dir.path())
        .content(Content::MetadataOnly);
    let session = Client::new(config).start_session(SessionOptions::new());
    with_default(Registry::default().with(layer()), || {
        let _inside = session.enter();
        let span = rig_chat("a");
        span.record("gen_ai.request.model", "gpt-4");
        span.record("gen_ai.input.messages", "a secret");
        span.record("gen_ai.usage.input_tokens", 150);
    });
    let id = session.id().to_owned();
    let stats = session.end(EndState::Success).wait().stats;
    assert_eq!(stats.prompt_tokens, 150);
    let mut files = Vec::new();
    let mut dirs = vec![dir.path().to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push(path);
            }
        }
    }
    let texts: Vec<String> = files
        .iter()
        .map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
        .collect();
    assert!(texts.iter().any(|text| text.contains(&id)), "{files:?}");
    assert!(!texts.iter().any(|text| text.contains("a secret")));
}

#[test]
fn other_spans_are_not_recorded_unless_they_are_asked_for() {
    let seen = recorded(|_| {
        drop(info_span!("request"));
        drop(info_span!("genai.plan", gen_ai.agent.name = "a"));
        drop(info_span!("genai.plan", gen_ai.operation.name = "plan"));
    });
    assert!(seen.events("actions").is_empty());

    let asked = Registry::default().with(layer().record_spans(|span| span.name() == "job"));
    let seen = recorded_under(asked, |_| {
        drop(info_span!("request"));
        let job = info_span!("job", number = 7, late = Empty);
        job.record("late", true);
        job.in_scope(|| search("in the job"));
        info_span!("job").in_scope(|| tracing::error!(err = "broken"));
    });
    let [job, broken] = seen.events("actions") else {
        panic!()
    };
    assert_eq!(
        (&job["action_type"], &job["params"], &job["status"]),
        (
            &json!("job"),
            &json!({"number": 7, "late": true}),
            &json!("ok")
        )
    );
    assert_eq!(broken["status"], "error");
    assert_eq!(seen.events("tools")[0]["parent_id"], job["id"]);
}

/// Counts what reaches it, as an exporter would.
#[derive(Clone, Default)]
struct Exporter(Arc<AtomicUsize>);

impl<S: Subscriber> tracing_subscriber::Layer<S> for Exporter {
    fn on_new_span(
        &self,
        _: &tracing::span::Attributes<'_>,
        _: &tracing::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn it_lives_beside_other_layers_and_filters_in_any_order() {
    let work = |_: &Session| {
        let request = info_span!("request");
        let _inside = request.enter();
        rig_chat("a").record("gen_ai.response.model", "gpt-4");
    };
    let check = |subscriber: Box<dyn FnOnce(Exporter) -> tracing::Dispatch>,
                 exported: usize,
                 recorded: usize| {
        let exporter = Exporter::default();
        let dispatch = subscriber(exporter.clone());
        let seen = tracing::dispatcher::with_default(&dispatch, || capture(work));
        assert_eq!(seen.events("llms").len(), recorded);
        assert_eq!(exporter.0.load(Ordering::Relaxed), exported);
    };
    let registry = Registry::default;
    check(
        Box::new(move |other| registry().with(layer()).with(other).into()),
        2,
        1,
    );
    check(
        Box::new(move |other| registry().with(other).with(layer()).into()),
        2,
        1,
    );
    // A filter of the other layer's alone.
    check(
        Box::new(move |other| {
            registry()
                .with(other.with_filter(LevelFilter::WARN))
                .with(layer())
                .into()
        }),
        0,
        1,
    );
    check(
        Box::new(move |other| {
            registry()
                .with(layer())
                .with(other.with_filter(EnvFilter::new("none=info")))
                .into()
        }),
        0,
        1,
    );
    // A filter for all.
    check(
        Box::new(move |other| {
            registry()
                .with(EnvFilter::new("warn"))
                .with(other)
                .with(layer())
                .into()
        }),
        0,
        0,
    );
    check(
        Box::new(move |other| {
            registry()
                .with(EnvFilter::new("info"))
                .with(other)
                .with(layer())
                .into()
        }),
        2,
        1,
    );
    // A further filter for this one.
    check(
        Box::new(move |other| {
            registry()
                .with(layer().with_filter(LevelFilter::WARN))
                .with(other)
                .into()
        }),
        2,
        0,
    );
    // One that is changed while it runs.
    check(
        Box::new(move |other| {
            let (filter, handle) = reload::Layer::new(LevelFilter::OFF);
            let dispatch = registry().with(filter).with(other).with(layer()).into();
            tracing::dispatcher::with_default(&dispatch, || {
                handle.reload(LevelFilter::INFO).unwrap();
            });
            dispatch
        }),
        2,
        1,
    );
    // Given twice by mistake.
    check(
        Box::new(move |other| registry().with(layer()).with(layer()).with(other).into()),
        2,
        1,
    );
}
