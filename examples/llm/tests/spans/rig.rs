//! rig: its spans alone, and together with the requests that its transport sends.

use std::convert::Infallible;

use agentops_examples_llm::{Provider, Reply};
use futures_util::StreamExt as _;
use rig::prelude::*;
use rig::providers::openai::OpenAIConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rig_transport::Recorded;
use crate::support::{agent, recorded, take_first_token, told};

/// Adds two numbers.
struct Add;

#[derive(Deserialize)]
struct Numbers {
    a: i64,
    b: i64,
}

impl rig::tool::Tool for Add {
    const NAME: &'static str = "add";
    type Args = Numbers;
    type Output = i64;
    type Error = Infallible;

    fn description(&self) -> String {
        "Adds two numbers".to_owned()
    }

    fn parameters(&self) -> Value {
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}})
    }

    async fn call(
        &self,
        _: &mut rig::tool::ToolContext,
        numbers: Numbers,
    ) -> Result<i64, Infallible> {
        Ok(sum(numbers.a, numbers.b))
    }
}

#[agentops::record_action]
fn sum(a: i64, b: i64) -> i64 {
    a + b
}

fn clerk(provider: &Provider) -> Agent {
    let config = OpenAIConfig::new("key").with_base_url(format!("{}/v1", provider.origin()));
    AgentBuilder::new(config.client().chat("gpt-4"))
        .name("Clerk")
        .preamble("Be brief.")
        .record_content_telemetry(true)
        .tool(Add)
        .build()
}

fn asked(question: &str) -> Value {
    json!({"type": "chatml", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": question},
    ]})
}

/// What is recorded of a call of 150 and 80 tokens that is answered by a text.
fn answered(text: &str) -> Value {
    json!({
        "model": "gpt-4",
        "status": "ok",
        "prompt": asked("2 + 2?"),
        "completion": {"type": "chatml", "messages": {"role": "assistant", "content": text}},
        "params": {"operation": "chat", "provider": "openai", "stream": false},
        "returns": {"response_id": "chatcmpl-1"},
        "prompt_tokens": 150,
        "completion_tokens": 80,
        "cached_read_tokens": 0,
        "reasoning_tokens": 0,
        "cost": 0.0093,
    })
}

#[tokio::test]
async fn plain() {
    let script = [Reply::text("4").tokens(150, 80).cached(100).reasoning(20)];
    let seen = recorded(script, async |provider| {
        let answer = clerk(provider).prompt("2 + 2?").await;
        answer.map(|answer| answer.output().to_owned())
    })
    .await;
    assert_eq!(seen.result.as_deref().unwrap(), "4");
    let mut expected = answered("4");
    expected["cached_read_tokens"] = json!(100);
    expected["reasoning_tokens"] = json!(20);
    assert_eq!(told(&seen, "llms"), [expected]);
    let run = json!({
        "action_type": "invoke_agent",
        "status": "ok",
        "params": {"prompt": "2 + 2?", "instructions": "Be brief."},
        "returns": "4",
    });
    assert_eq!(told(&seen, "actions"), [run]);
    assert_eq!(
        seen.events("llms")[0]["parent_id"],
        seen.events("actions")[0]["id"]
    );
    assert_eq!(agent(&seen, &seen.events("llms")[0]), "Clerk");
}

#[tokio::test]
async fn tool_call() {
    let script = [
        Reply::tool("add", json!({"a": 2, "b": 2})).tokens(150, 80),
        Reply::text("4").tokens(200, 1),
    ];
    let seen = recorded(script, async |provider| {
        let answer = clerk(provider).prompt("2 + 2?").max_turns(3).await;
        answer.map(|answer| answer.output().to_owned())
    })
    .await;
    assert_eq!(seen.result.as_deref().unwrap(), "4");
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":2,\"b\":2}"}});
    let wants = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let (mut first, mut second) = (answered(""), answered("4"));
    first["completion"]["messages"] = wants.clone();
    first["completion"]["messages"]["finish_reason"] = json!("tool_call");
    let result = json!({"role": "tool", "tool_call_id": "call_1", "content": 4});
    second["prompt"]["messages"]
        .as_array_mut()
        .unwrap()
        .extend([wants, result]);
    second["returns"]["response_id"] = json!("chatcmpl-2");
    (second["prompt_tokens"], second["completion_tokens"]) = (json!(200), json!(1));
    second["cost"] = json!(0.00606);
    assert_eq!(told(&seen, "llms"), [first, second]);
    let tool = json!({"name": "add", "status": "ok", "params": {"a": 2, "b": 2}, "returns": "4"});
    assert_eq!(told(&seen, "tools"), [tool]);
    let (run, inner) = (&seen.events("actions")[0], &seen.events("actions")[1]);
    for event in seen.events("llms").iter().chain(seen.events("tools")) {
        assert_eq!(event["parent_id"], run["id"]);
        assert_eq!(agent(&seen, event), "Clerk");
    }
    assert_eq!(
        (&inner["action_type"], &inner["parent_id"]),
        (&json!("sum"), &seen.events("tools")[0]["id"])
    );
    assert_eq!(seen.export["stats"]["cost"], "0.01536");
}

#[tokio::test]
async fn stream() {
    let seen = recorded(
        [Reply::text("two and two is four").tokens(150, 80)],
        async |provider| {
            let mut items = clerk(provider).prompt("2 + 2?").stream();
            let mut count = 0;
            while let Some(item) = items.next().await {
                item.unwrap();
                count += 1;
            }
            count
        },
    )
    .await;
    assert!(seen.result > 1);
    let mut expected = answered("two and two is four");
    expected["params"]["stream"] = json!(true);
    assert_eq!(told(&seen, "llms"), [expected]);
    assert_eq!(told(&seen, "actions")[0]["returns"], "two and two is four");
}

#[tokio::test]
async fn cancelled_stream() {
    let seen = recorded(
        [Reply::text("two and two is four").stalls_after(2)],
        async |provider| {
            let mut items = clerk(provider).prompt("2 + 2?").stream();
            let mut text = String::new();
            while text.is_empty() {
                let item = items
                    .next()
                    .await
                    .expect("it stalls, and does not end")
                    .unwrap();
                text = format!("{item:?}");
            }
        },
    )
    .await;
    let expected = json!({
        "model": "gpt-4",
        "status": "cancelled",
        "prompt": asked("2 + 2?"),
        "params": {"operation": "chat", "provider": "openai", "stream": true},
    });
    assert_eq!(told(&seen, "llms"), [expected]);
    assert_eq!(seen.events("actions")[0]["status"], "cancelled");
}

/// With its requests seen, too, each call is recorded once and with what either knows: the span the agent, the request
/// what was sent and answered, the error among it, of which rig's spans tell nothing.
fn clerk_with_requests(provider: &Provider) -> Agent {
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new());
    let http = client.with(agentops::http::layer()).build();
    let config = OpenAIConfig::new("key").with_base_url(format!("{}/v1", provider.origin()));
    let http = rig::http_client::DynHttpClient::new(Recorded(http));
    let model = config.connect(http).chat("gpt-4");
    AgentBuilder::new(model)
        .name("Clerk")
        .preamble("Be brief.")
        .build()
}

#[tokio::test]
async fn plain_with_requests() {
    let seen = recorded([Reply::text("4").tokens(150, 80)], async |provider| {
        clerk_with_requests(provider)
            .prompt("2 + 2?")
            .await
            .unwrap();
    })
    .await;
    let [call] = told(&seen, "llms").try_into().expect("recorded once");
    assert_eq!(
        call["prompt"]["messages"][1],
        json!({"role": "user", "content": "2 + 2?"})
    );
    assert_eq!(call["completion"]["messages"]["content"], "4");
    assert_eq!(
        (&call["prompt_tokens"], &call["cost"]),
        (&json!(150), &json!(0.0093))
    );
    assert_eq!(agent(&seen, &seen.events("llms")[0]), "Clerk");
}

#[tokio::test]
async fn stream_with_requests() {
    let script = [Reply::text("two and two is four").tokens(150, 80)];
    let seen = recorded(script, async |provider| {
        let mut items = clerk_with_requests(provider).prompt("2 + 2?").stream();
        while let Some(item) = items.next().await {
            item.unwrap();
        }
    })
    .await;
    let [mut call] = told(&seen, "llms").try_into().expect("recorded once");
    take_first_token(&mut call);
    assert_eq!(call["status"], "ok");
    assert_eq!(
        call["completion"]["messages"]["content"],
        "two and two is four"
    );
    assert_eq!(
        (&call["prompt_tokens"], &call["cost"]),
        (&json!(150), &json!(0.0093))
    );
}

#[tokio::test]
async fn cancelled_stream_with_requests() {
    let script = [Reply::text("two and two is four").stalls_after(2)];
    let seen = recorded(script, async |provider| {
        let mut items = clerk_with_requests(provider).prompt("2 + 2?").stream();
        let mut said = String::new();
        while !said.contains("and ") {
            let item = items.next().await.expect("it stalls, and does not end");
            said = format!("{:?}", item.unwrap());
        }
    })
    .await;
    let [mut call] = told(&seen, "llms").try_into().expect("recorded once");
    take_first_token(&mut call);
    assert_eq!(call["status"], "cancelled");
    assert_eq!(call["completion"]["messages"]["content"], "two and ");
}

#[tokio::test]
async fn error() {
    let seen = recorded([Reply::error(401, "no such key")], async |provider| {
        clerk_with_requests(provider)
            .prompt("2 + 2?")
            .await
            .map(|_| ())
    })
    .await;
    assert!(seen.result.is_err());
    let [call] = told(&seen, "llms").try_into().expect("recorded once");
    assert_eq!(
        (&call["model"], &call["status"]),
        (&json!("gpt-4"), &json!("error"))
    );
    let expected = json!({
        "error_type": "authentication_error",
        "code": "401",
        "status": "error",
        "trigger_event_type": "llms",
        "details": {"message": "no such key", "chain": [], "location": null},
    });
    assert_eq!(told(&seen, "errors"), [expected]);
}
