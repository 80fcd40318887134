//! async-openai: its own service with ours in it.

use agentops::testing::{Captured, capture_async};
use agentops_examples_llm::{Provider, Reply};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::types::chat::CreateChatCompletionRequest;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tower::ServiceBuilder;

use crate::{assistant, call, errors, llms, recorded, user};

fn client(provider: &Provider) -> Client<OpenAIConfig> {
    let http = ServiceBuilder::new()
        .layer(OpenAIRetryLayer::default())
        .layer(
            agentops::http::layer()
                .requests_by(|factory: HttpRequestFactory| async move { factory.build().await }),
        )
        .service(crate::client());
    let config = OpenAIConfig::new()
        .with_api_base(format!("{}/v1", provider.origin()))
        .with_api_key("sk-SECRET");
    Client::with_config(config).with_http_service(http)
}

fn question(more: Value) -> CreateChatCompletionRequest {
    let asked = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "2 + 2?"}]});
    serde_json::from_value(call(asked, more)).unwrap()
}

fn expected(more: Value) -> Value {
    let all = json!({
        "status": "ok", "model": "gpt-4o", "prompt": user("2 + 2?"),
        "params": {"provider": "openai-compatible", "url": "/v1/chat/completions"},
        "returns": {"finish_reason": "stop", "response_id": "chatcmpl-1", "response_model": "gpt-4o"},
    });
    call(all, more)
}

/// Asks for a stream and reads `most` pieces of text of it.
/// Waits for the end of what was recorded.
async fn streamed(
    replies: impl IntoIterator<Item = Reply>,
    more: Value,
    most: usize,
) -> Captured<Result<String, OpenAIError>> {
    let provider = Provider::start(replies).await.unwrap();
    let client = client(&provider);
    capture_async(async |session| {
        let mut stream = client.chat().create_stream(question(more)).await?;
        let (mut text, mut pieces) = (String::new(), 0);
        while pieces < most
            && let Some(chunk) = stream.next().await
        {
            let chunk = chunk?;
            let said = chunk
                .choices
                .first()
                .and_then(|choice| choice.delta.content.clone());
            if let Some(said) = said.filter(|said| !said.is_empty()) {
                text.push_str(&said);
                pieces += 1;
            }
        }
        drop(stream);
        recorded(session, 1).await;
        Ok(text)
    })
    .await
}

#[tokio::test]
async fn plain() {
    let provider = Provider::start([Reply::text("four")
        .tokens(1_000, 100)
        .cached(800)
        .reasoning(60)])
    .await
    .unwrap();
    let client = client(&provider);
    let seen = capture_async(async |_| {
        client
            .chat()
            .create(question(json!({"temperature": 0.5})))
            .await
    })
    .await;
    let answer = seen.result.unwrap();
    assert_eq!(answer.choices[0].message.content.as_deref(), Some("four"));
    // 200 x 2.50 + 800 x 1.25 + 100 x 10.00 dollars a million.
    assert_eq!(
        llms(&seen.export),
        [expected(json!({
            "completion": assistant("four"), "cost": 0.0025,
            "prompt_tokens": 1000, "completion_tokens": 100, "cached_read_tokens": 800, "reasoning_tokens": 60,
            "params": {"temperature": 0.5},
        }))]
    );
    assert!(!seen.export.to_string().contains("SECRET"));
}

#[tokio::test]
async fn a_stream() {
    let reply = Reply::text("one two three").tokens(150, 80);
    let usage = json!({"stream": true, "stream_options": {"include_usage": true}});
    let seen = streamed([reply], usage, usize::MAX).await;
    assert_eq!(seen.result.unwrap(), "one two three");
    assert_eq!(
        llms(&seen.export),
        [expected(json!({
            "completion": assistant("one two three"), "time_to_first_token": true,
            "prompt_tokens": 150, "completion_tokens": 80, "cost": 0.001175,
        }))]
    );
}

#[tokio::test]
async fn a_stream_whose_usage_was_not_asked_for_has_none() {
    let reply = Reply::text("one two three").tokens(150, 80);
    let seen = streamed([reply], json!({"stream": true}), usize::MAX).await;
    let plain = json!({"completion": assistant("one two three"), "time_to_first_token": true});
    assert_eq!(llms(&seen.export), [expected(plain)]);
    assert_eq!(
        seen.export["stats"]["cost"],
        Value::Null,
        "unknown is not free"
    );
}

#[tokio::test]
async fn a_tool_call_whole_and_streamed() {
    let tools = json!([{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]);
    let reply = || {
        Reply::tool("search", json!({"q": "rust"}))
            .and_tool("add", json!({"a": 2}))
            .tokens(10, 5)
    };
    let tool = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let completion = json!({"type": "chatml", "messages": {"role": "assistant", "content": null, "tool_calls": [
        tool("call_1", "search", "{\"q\":\"rust\"}"), tool("call_2", "add", "{\"a\":2}"),
    ]}});
    let all = json!({
        "completion": completion, "prompt_tokens": 10, "completion_tokens": 5, "cost": 0.000075,
        "params": {"tools": tools}, "returns": {"finish_reason": "tool_calls"},
    });

    let provider = Provider::start([reply()]).await.unwrap();
    let client = client(&provider);
    let asked = question(json!({"tools": tools}));
    let seen = capture_async(async |_| client.chat().create(asked).await).await;
    seen.result.unwrap();
    assert_eq!(llms(&seen.export), [expected(all.clone())]);

    let asked = json!({"tools": tools, "stream": true, "stream_options": {"include_usage": true}});
    let seen = streamed([reply()], asked, usize::MAX).await;
    seen.result.unwrap();
    let all = call(all, json!({"time_to_first_token": true}));
    assert_eq!(llms(&seen.export), [expected(all)]);
}

#[tokio::test]
async fn an_error_says_what_the_provider_says() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
    ] {
        let provider = Provider::start([Reply::error(status, "no such thing")])
            .await
            .unwrap();
        let client = client(&provider);
        let seen = capture_async(async |_| client.chat().create(question(json!({}))).await).await;
        assert!(seen.result.is_err());
        let mut failed = expected(json!({"status": "error"}));
        failed.as_object_mut().unwrap().remove("returns");
        assert_eq!(llms(&seen.export), [failed]);
        assert_eq!(
            errors(&seen.export),
            [json!([kind, status.to_string(), "no such thing"])]
        );
        let error = &seen.export["errors"][0];
        assert_eq!(error["trigger_event_id"], seen.export["llms"][0]["id"]);
    }
}

#[tokio::test]
async fn attempts_are_calls_of_one_group() {
    let replies = [
        Reply::error(429, "slow down"),
        Reply::error(503, "overloaded"),
        Reply::text("four").tokens(10, 1),
        Reply::text("again").tokens(10, 1),
    ];
    let provider = Provider::start(replies).await.unwrap();
    let client = client(&provider);
    let seen = capture_async(async |_| {
        client.chat().create(question(json!({}))).await.unwrap();
        // The same question again is no repetition of one that was answered.
        client.chat().create(question(json!({}))).await.unwrap();
    })
    .await;
    let failed = |more: Value| {
        let mut failed = expected(call(json!({"status": "error"}), more));
        failed.as_object_mut().unwrap().remove("returns");
        failed
    };
    let answered = |number: usize, text: &str, more: Value| {
        let all = json!({
            "completion": assistant(text), "prompt_tokens": 10, "completion_tokens": 1, "cost": 0.000035,
            "returns": {"response_id": format!("chatcmpl-{number}")},
        });
        expected(call(all, more))
    };
    assert_eq!(
        llms(&seen.export),
        [
            failed(json!({})),
            failed(json!({"params": {"attempt": 2, "retry_of": 0}})),
            answered(3, "four", json!({"params": {"attempt": 3, "retry_of": 0}})),
            answered(4, "again", json!({})),
        ]
    );
    assert_eq!(
        errors(&seen.export),
        [
            json!(["rate_limit_error", "429", "slow down"]),
            json!(["HTTP 503", "503", "the answer was not read"])
        ]
    );
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_cancelled_with_what_came() {
    let reply = Reply::text("one two three four")
        .tokens(150, 80)
        .stalls_after(2);
    let seen = streamed([reply], json!({"stream": true}), 2).await;
    assert_eq!(seen.result.unwrap(), "one two ");
    let mut cancelled = expected(json!({
        "status": "cancelled", "completion": assistant("one two "), "time_to_first_token": true,
        "returns": {"complete": false},
    }));
    cancelled["returns"]
        .as_object_mut()
        .unwrap()
        .remove("finish_reason");
    assert_eq!(llms(&seen.export), [cancelled]);
    assert_eq!(errors(&seen.export), Vec::<Value>::new());
}

#[tokio::test]
async fn responses_and_embeddings() {
    let replies = [
        Reply::text("four").tokens(100, 20).cached(64).reasoning(10),
        Reply::text("four and more").tokens(100, 20),
        Reply::text("").tokens(8, 0),
    ];
    let provider = Provider::start(replies).await.unwrap();
    let client = client(&provider);
    let asked = json!({"model": "gpt-4o", "instructions": "Be brief.", "input": "2 + 2?"});
    let seen = capture_async(async |_| {
        let asked = || serde_json::from_value(asked.clone()).unwrap();
        client.responses().create(asked()).await.unwrap();
        let mut stream = client.responses().create_stream(asked()).await.unwrap();
        while let Some(event) = stream.next().await {
            event.unwrap();
        }
        let texts = json!({"model": "text-embedding-3-small", "input": ["a", "b"]});
        client
            .embeddings()
            .create(serde_json::from_value(texts).unwrap())
            .await
            .unwrap();
    })
    .await;
    let found = llms(&seen.export);
    let prompt = json!({"type": "chatml", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"},
    ]});
    let both = json!({
        "status": "ok", "model": "gpt-4o", "prompt": prompt, "prompt_tokens": 100, "completion_tokens": 20,
        "params": {"provider": "openai-compatible", "url": "/v1/responses"},
        "returns": {"finish_reason": "completed", "response_model": "gpt-4o"},
    });
    let first = json!({
        "completion": assistant("four"), "cached_read_tokens": 64, "reasoning_tokens": 10, "cost": 0.00037,
        "returns": {"response_id": "resp_1"},
    });
    let second = json!({
        "completion": assistant("four and more"), "cost": 0.00045, "time_to_first_token": true,
        "returns": {"response_id": "resp_2"},
    });
    assert_eq!(found[0], call(both.clone(), first));
    assert_eq!(found[1], call(both, second));
    assert_eq!(
        found[2],
        json!({
            "status": "ok", "model": "text-embedding-3-small", "prompt": {"type": "chatml", "messages": ["a", "b"]},
            "completion": {"embeddings": 2, "dimensions": 3},
            "prompt_tokens": 8, "completion_tokens": 0, "cost": 0.00000016,
            "params": {"provider": "openai-compatible", "url": "/v1/embeddings"},
            "returns": {"response_model": "text-embedding-3-small"},
        })
    );
}
