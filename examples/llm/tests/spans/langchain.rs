//! langchain-rust: its spans, which tell of model and tokens but never of messages.

use std::sync::Arc;

use agentops_examples_llm::{Provider, Reply};
use futures_util::StreamExt as _;
use langchain_rust::agent::{AgentExecutor, OpenAiToolAgentBuilder};
use langchain_rust::chain::Chain as _;
use langchain_rust::language_models::LLMEvent;
use langchain_rust::language_models::llm::LLM as _;
use langchain_rust::language_models::options::CallOptions;
use langchain_rust::llm::OpenAIConfig;
use langchain_rust::llm::openai::OpenAI;
use langchain_rust::prompt_args;
use langchain_rust::schemas::Message;
use langchain_rust::tools::{FunctionTool, Tool};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{agent, recorded, told};

fn model(provider: &Provider) -> OpenAI<OpenAIConfig> {
    let base = format!("{}/v1", provider.origin());
    let config = OpenAIConfig::new().with_api_base(base).with_api_key("key");
    OpenAI::new(config)
        .with_model("gpt-4")
        .with_options(CallOptions::new().with_stream_usage(true))
}

fn question() -> Vec<Message> {
    vec![Message::new_human_message("2 + 2?")]
}

#[derive(Deserialize)]
struct Numbers {
    a: i64,
    b: i64,
}

#[agentops::record_action]
fn sum(a: i64, b: i64) -> i64 {
    a + b
}

fn add() -> Arc<dyn Tool> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}});
    let run = |numbers: Numbers| async move { Ok::<_, String>(sum(numbers.a, numbers.b)) };
    Arc::new(FunctionTool::new("add", "Adds two numbers", schema, run))
}

/// What is recorded of a call of 150 and 80 tokens.
fn answered(stream: bool) -> Value {
    json!({
        "model": "gpt-4",
        "status": "ok",
        "params": {"provider": "openai", "stream": stream},
        "prompt_tokens": 150,
        "completion_tokens": 80,
        "cost": 0.0093,
    })
}

#[tokio::test]
async fn plain() {
    let seen = recorded([Reply::text("4").tokens(150, 80)], async |provider| {
        model(provider)
            .generate(&question())
            .await
            .unwrap()
            .generation
    })
    .await;
    assert_eq!(seen.result, "4");
    assert_eq!(told(&seen, "llms"), [answered(false)]);
}

#[tokio::test]
async fn tool_call() {
    let script = [
        Reply::tool("add", json!({"a": 2, "b": 2})).tokens(150, 80),
        Reply::text("4").tokens(200, 1),
    ];
    let seen = recorded(script, async |provider| {
        let agent = OpenAiToolAgentBuilder::new()
            .tools(&[add()])
            .build(model(provider))
            .unwrap();
        AgentExecutor::from_agent(agent)
            .invoke(prompt_args! {"input" => "2 + 2?"})
            .await
            .unwrap()
    })
    .await;
    assert_eq!(seen.result, "4");
    let second = json!({"prompt_tokens": 200, "completion_tokens": 1, "cost": 0.00606});
    let mut expected = answered(false);
    for (key, value) in second.as_object().unwrap() {
        expected[key] = value.clone();
    }
    assert_eq!(told(&seen, "llms"), [answered(false), expected]);
    assert_eq!(
        told(&seen, "tools"),
        [json!({"name": "add", "status": "ok"})]
    );
    let run = json!({"action_type": "agent.run", "status": "ok", "params": {"max_iterations": 10}});
    assert_eq!(told(&seen, "actions")[0], run);
    let (run, inner) = (&seen.events("actions")[0], &seen.events("actions")[1]);
    for event in seen.events("llms").iter().chain(seen.events("tools")) {
        assert_eq!(event["parent_id"], run["id"]);
        assert_eq!(agent(&seen, event), "agent.run");
    }
    assert_eq!(
        (&inner["action_type"], &inner["parent_id"]),
        (&json!("sum"), &seen.events("tools")[0]["id"])
    );
    assert_eq!(seen.export["stats"]["cost"], "0.01536");
}

#[tokio::test]
async fn stream() {
    let script = [Reply::text("two and two is four").tokens(150, 80)];
    let seen = recorded(script, async |provider| {
        let (model, question) = (model(provider), question());
        let mut events = model.generate_stream(&question);
        let mut text = String::new();
        while let Some(event) = events.next().await {
            if let LLMEvent::Text(part) = event.unwrap() {
                text.push_str(&part);
            }
        }
        text
    })
    .await;
    assert_eq!(seen.result, "two and two is four");
    assert_eq!(told(&seen, "llms"), [answered(true)]);
}

#[tokio::test]
async fn cancelled_stream() {
    let seen = recorded(
        [Reply::text("two and two is four").stalls_after(2)],
        async |provider| {
            let (model, question) = (model(provider), question());
            let mut events = model.generate_stream(&question);
            events.next().await.expect("a first word").unwrap();
        },
    )
    .await;
    let params = json!({"provider": "openai", "stream": true});
    let expected = json!({"model": "gpt-4", "status": "cancelled", "params": params});
    assert_eq!(told(&seen, "llms"), [expected]);
}

#[tokio::test]
async fn error() {
    let seen = recorded([Reply::error(401, "no such key")], async |provider| {
        model(provider)
            .generate(&question())
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
    .await;
    let params = json!({"provider": "openai", "stream": false});
    let expected = json!({"model": "gpt-4", "status": "error", "params": params});
    assert_eq!(told(&seen, "llms"), [expected]);
    let message = seen.result.as_ref().unwrap_err();
    assert!(message.contains("no such key"), "{message}");
    let expected = json!({
        "error_type": "error",
        "status": "error",
        "trigger_event_type": "llms",
        "details": {"message": message, "chain": [], "location": null},
    });
    assert_eq!(told(&seen, "errors"), [expected]);
}
