//! genai: the spans of its feature `otel`.

use agentops_examples_llm::{Provider, Reply};
use futures_util::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, Tool, ToolResponse};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};
use serde_json::{Value, json};

use crate::support::{recorded, take_first_token, told};

fn client(provider: &Provider, kind: AdapterKind) -> Client {
    let endpoint = Endpoint::from_owned(format!("{}/v1/", provider.origin()));
    let resolver = ServiceTargetResolver::from_resolver_fn(
        move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
            Ok(ServiceTarget {
                endpoint: endpoint.clone(),
                auth: AuthData::from_single("key"),
                model: ModelIden::new(kind, target.model.model_name),
            })
        },
    );
    let client = Client::builder().with_service_target_resolver(resolver);
    client.build().expect("a client")
}

fn question() -> ChatRequest {
    ChatRequest::new(vec![ChatMessage::user("2 + 2?")]).with_system("Be brief.")
}

fn asked() -> Value {
    json!({"type": "chatml", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2 + 2?"},
    ]})
}

/// What is recorded of a plain call that is answered by a text.
fn answered(text: &str, reason: &str) -> Value {
    json!({
        "model": "gpt-4",
        "status": "ok",
        "prompt": asked(),
        "completion": {"type": "chatml", "messages":
            {"role": "assistant", "content": text, "finish_reason": reason}},
        "params": {"operation": "chat", "provider": "openai", "stream": false},
        "returns": {"finish_reasons": [reason]},
    })
}

#[tokio::test]
async fn plain() {
    let script = [Reply::text("4").tokens(150, 80).cached(100).reasoning(20)];
    let seen = recorded(script, async |provider| {
        let answer = client(provider, AdapterKind::OpenAI)
            .exec_chat("gpt-4", question(), None)
            .await;
        answer.unwrap().first_text().map(str::to_owned)
    })
    .await;
    assert_eq!(seen.result.as_deref(), Some("4"));
    let mut expected = answered("4", "stop");
    expected["prompt_tokens"] = json!(150);
    expected["completion_tokens"] = json!(80);
    expected["cached_read_tokens"] = json!(100);
    expected["reasoning_tokens"] = json!(20);
    expected["cost"] = json!(0.0093);
    assert_eq!(told(&seen, "llms"), [expected]);
}

#[tokio::test]
async fn plain_anthropic() {
    let script = [Reply::text("4").tokens(150, 80).cached(100)];
    let seen = recorded(script, async |provider| {
        let client = client(provider, AdapterKind::Anthropic);
        client
            .exec_chat("claude-sonnet-4-5", question(), None)
            .await
            .unwrap();
    })
    .await;
    let mut expected = answered("4", "end_turn");
    expected["model"] = json!("claude-sonnet-4-5");
    expected["params"]["provider"] = json!("anthropic");
    // Anthropic counts cached tokens beside the prompt's; here they are among them.
    expected["prompt_tokens"] = json!(150);
    expected["completion_tokens"] = json!(80);
    expected["cached_read_tokens"] = json!(100);
    expected["cached_write_tokens"] = json!(0);
    expected["cost"] = json!(0.00138);
    assert_eq!(told(&seen, "llms"), [expected]);
}

#[tokio::test]
async fn embeddings() {
    let seen = recorded([Reply::text("").tokens(7, 0)], async |provider| {
        let client = client(provider, AdapterKind::OpenAI);
        client
            .embed("text-embedding-3-small", "2 + 2?", None)
            .await
            .unwrap();
    })
    .await;
    let expected = json!({
        "model": "text-embedding-3-small",
        "status": "ok",
        "params": {"operation": "embeddings", "provider": "openai"},
        "prompt_tokens": 7,
        "cost": 1.4e-7,
    });
    assert_eq!(told(&seen, "llms"), [expected]);
}

#[tokio::test]
async fn tool_call() {
    let script = [
        Reply::tool("add", json!({"a": 2, "b": 2})).tokens(150, 80),
        Reply::text("4").tokens(200, 1),
    ];
    let seen = recorded(script, async |provider| {
        let client = client(provider, AdapterKind::OpenAI);
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}});
        let request = question().with_tools(vec![Tool::new("add").with_schema(schema)]);
        let calls = client.exec_chat("gpt-4", request.clone(), None).await.unwrap().into_tool_calls();
        let span = genai::otel::agent::execute_tool_span(&calls[0]);
        let sum = span.in_scope(|| add(2, 2));
        genai::otel::agent::ExecuteToolSpan::record_result(&span, sum.to_string());
        drop(span);
        let result = ToolResponse::new(calls[0].call_id.clone(), sum.to_string());
        let request = request.append_message(calls).append_message(result);
        client.exec_chat("gpt-4", request, None).await.unwrap();
    })
    .await;
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":2,\"b\":2}"}});
    let wants = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let llms = told(&seen, "llms");
    let mut answer = wants.clone();
    answer["finish_reason"] = json!("tool_calls");
    assert_eq!(llms[0]["completion"]["messages"], answer);
    let prompt = asked()["messages"].as_array().cloned().unwrap();
    let result = json!({"role": "tool", "tool_call_id": "call_1", "content": "4"});
    let prompt: Vec<Value> = prompt.into_iter().chain([wants, result]).collect();
    assert_eq!(llms[1]["prompt"]["messages"], Value::from(prompt));
    assert_eq!(llms[1]["params"]["tools"][0]["name"], "add");
    assert_eq!(
        (&llms[0]["cost"], &llms[1]["cost"]),
        (&json!(0.0093), &json!(0.00606))
    );
    let tool = json!({"name": "add", "status": "ok", "params": {"a": 2, "b": 2}, "returns": "4"});
    assert_eq!(told(&seen, "tools"), [tool]);
    assert_eq!(
        seen.events("actions")[0]["parent_id"],
        seen.events("tools")[0]["id"]
    );
    assert_eq!(seen.export["stats"]["cost"], "0.01536");
}

#[agentops::record_action]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[tokio::test]
async fn stream() {
    let script = [Reply::text("two and two is four").tokens(150, 80)];
    let seen = recorded(script, async |provider| {
        let options = ChatOptions::default()
            .with_capture_usage(true)
            .with_capture_content(true);
        let client = client(provider, AdapterKind::OpenAI);
        let mut stream = client
            .exec_chat_stream("gpt-4", question(), Some(&options))
            .await
            .unwrap()
            .stream;
        let mut text = String::new();
        while let Some(event) = stream.next().await {
            if let ChatStreamEvent::Chunk(chunk) = event.unwrap() {
                text.push_str(&chunk.content);
            }
        }
        text
    })
    .await;
    assert_eq!(seen.result, "two and two is four");
    let mut llms = told(&seen, "llms");
    take_first_token(&mut llms[0]);
    let mut expected = answered("two and two is four", "stop");
    expected["params"]["stream"] = json!(true);
    expected["prompt_tokens"] = json!(150);
    expected["completion_tokens"] = json!(80);
    expected["cost"] = json!(0.0093);
    assert_eq!(llms, [expected]);
}

/// Without the options that make genai keep what it streams, its span still says that the stream has ended.
#[tokio::test]
async fn stream_that_keeps_nothing() {
    let seen = recorded(
        [Reply::text("two and two is four").tokens(150, 80)],
        async |provider| {
            let client = client(provider, AdapterKind::OpenAI);
            let mut stream = client
                .exec_chat_stream("gpt-4", question(), None)
                .await
                .unwrap()
                .stream;
            while let Some(event) = stream.next().await {
                event.unwrap();
            }
        },
    )
    .await;
    let mut llms = told(&seen, "llms");
    take_first_token(&mut llms[0]);
    let mut expected = answered("", "stop");
    expected["params"]["stream"] = json!(true);
    expected.as_object_mut().unwrap().remove("completion");
    assert_eq!(llms, [expected]);
}

#[tokio::test]
async fn cancelled_stream() {
    let seen = recorded(
        [Reply::text("two and two is four").stalls_after(2)],
        async |provider| {
            let client = client(provider, AdapterKind::OpenAI);
            let mut stream = client
                .exec_chat_stream("gpt-4", question(), None)
                .await
                .unwrap()
                .stream;
            loop {
                let event = stream.next().await.expect("it stalls, and does not end");
                if matches!(event.unwrap(), ChatStreamEvent::Chunk(_)) {
                    break;
                }
            }
        },
    )
    .await;
    let mut llms = told(&seen, "llms");
    take_first_token(&mut llms[0]);
    let expected = json!({
        "model": "gpt-4",
        "status": "cancelled",
        "prompt": asked(),
        "params": {"operation": "chat", "provider": "openai", "stream": true},
    });
    assert_eq!(llms, [expected]);
}

#[tokio::test]
async fn error() {
    let seen = recorded([Reply::error(401, "no such key")], async |provider| {
        client(provider, AdapterKind::OpenAI)
            .exec_chat("gpt-4", question(), None)
            .await
            .map(|_| ())
    })
    .await;
    assert!(seen.result.is_err());
    let expected = json!({
        "model": "gpt-4",
        "status": "error",
        "prompt": asked(),
        "params": {"operation": "chat", "provider": "openai", "stream": false},
    });
    assert_eq!(told(&seen, "llms"), [expected]);
    // The status is all that genai's span tells.
    let expected = json!({
        "error_type": "401",
        "status": "error",
        "trigger_event_type": "llms",
        "details": {"message": null, "chain": [], "location": null},
    });
    assert_eq!(told(&seen, "errors"), [expected]);
    assert_eq!(
        seen.events("errors")[0]["trigger_event_id"],
        seen.events("llms")[0]["id"]
    );
}
