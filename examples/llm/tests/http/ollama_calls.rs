//! ollama-rs: it takes nothing but a URL, so the recorder stands between.

use agentops::http::{Recorder, layer};
use agentops::testing::{Captured, capture_async};
use agentops_examples_llm::{Provider, Reply};
use ollama_rs::Ollama;
use ollama_rs::generation::chat::ChatMessage;
use ollama_rs::generation::chat::request::ChatMessageRequest;
use ollama_rs::generation::completion::request::GenerationRequest;
use ollama_rs::generation::embeddings::request::GenerateEmbeddingsRequest;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

use crate::{assistant, call, errors, llms, recorded};

async fn ollama<R>(reply: Reply, calls: impl AsyncFnOnce(Ollama) -> R) -> Captured<R> {
    let provider = Provider::start([reply]).await.unwrap();
    let recorder = Recorder::start(layer(), crate::client()).await.unwrap();
    capture_async(async |_| {
        let url = recorder.base_url(&provider.origin()).unwrap();
        calls(Ollama::try_new(format!("{url}/")).unwrap()).await
    })
    .await
}

fn question() -> ChatMessageRequest {
    ChatMessageRequest::new(
        "llama3.2".to_owned(),
        vec![ChatMessage::user("2 + 2?".to_owned())],
    )
}

fn expected(more: Value) -> Value {
    let prompt = json!({"type": "chatml", "messages": [{"role": "user", "content": "2 + 2?", "tool_calls": [], "thinking": null}]});
    let all = json!({
        "status": "ok", "model": "llama3.2", "prompt": prompt,
        "params": {"provider": "ollama", "url": "/api/chat"},
        "returns": {"finish_reason": "stop", "response_model": "llama3.2"},
    });
    call(all, more)
}

#[tokio::test]
async fn plain() {
    let seen = ollama(Reply::text("four").tokens(26, 8), async |ollama| {
        ollama.send_chat_messages(question()).await
    })
    .await;
    assert_eq!(seen.result.unwrap().message.content, "four");
    let all = json!({"completion": assistant("four"), "prompt_tokens": 26, "completion_tokens": 8});
    assert_eq!(llms(&seen.export), [expected(all)]);
    assert_eq!(
        seen.export["stats"]["cost"],
        Value::Null,
        "no price is known for it"
    );
}

#[tokio::test]
async fn a_stream() {
    let seen = ollama(Reply::text("one two three").tokens(26, 8), async |ollama| {
        let mut stream = ollama.send_chat_messages_stream(question()).await.unwrap();
        let mut text = String::new();
        while let Some(part) = stream.next().await {
            text.push_str(&part.unwrap().message.content);
        }
        text
    })
    .await;
    assert_eq!(seen.result, "one two three");
    let all = json!({
        "completion": assistant("one two three"), "prompt_tokens": 26, "completion_tokens": 8, "time_to_first_token": true,
    });
    assert_eq!(llms(&seen.export), [expected(all)]);
}

#[tokio::test]
async fn a_tool_call() {
    let reply = Reply::tool("add", json!({"a": 2})).tokens(26, 8);
    let seen = ollama(reply, async |ollama| {
        ollama.send_chat_messages(question()).await
    })
    .await;
    assert_eq!(
        seen.result.unwrap().message.tool_calls[0].function.name,
        "add"
    );
    let completion = json!({"type": "chatml", "messages": {"role": "assistant", "content": null, "tool_calls": [
        {"id": null, "type": "function", "function": {"name": "add", "arguments": "{\"a\":2}"}},
    ]}});
    let all = json!({"completion": completion, "prompt_tokens": 26, "completion_tokens": 8});
    assert_eq!(llms(&seen.export), [expected(all)]);
}

#[tokio::test]
async fn an_error() {
    let reply = Reply::error(404, "model 'llama3.2' not found");
    let seen = ollama(reply, async |ollama| {
        ollama.send_chat_messages(question()).await
    })
    .await;
    // What the client is told is what the provider said.
    assert!(
        seen.result
            .unwrap_err()
            .to_string()
            .contains("model 'llama3.2' not found")
    );
    let mut failed = expected(json!({"status": "error"}));
    failed.as_object_mut().unwrap().remove("returns");
    assert_eq!(llms(&seen.export), [failed]);
    assert_eq!(
        errors(&seen.export),
        [json!(["HTTP 404", "404", "model 'llama3.2' not found"])]
    );
}

#[tokio::test]
async fn a_stream_that_is_dropped() {
    let provider = Provider::start([Reply::text("one two three").stalls_after(2)])
        .await
        .unwrap();
    let recorder = Recorder::start(layer(), crate::client()).await.unwrap();
    let seen = capture_async(async |session| {
        let url = recorder.base_url(&provider.origin()).unwrap();
        let ollama = Ollama::try_new(format!("{url}/")).unwrap();
        let mut stream = ollama.send_chat_messages_stream(question()).await.unwrap();
        for _ in 0..2 {
            stream.next().await.unwrap().unwrap();
        }
        drop(stream);
        // The recorder learns of it by the connection's end.
        recorded(session, 1).await;
    })
    .await;
    let mut cancelled = expected(json!({
        "status": "cancelled", "completion": assistant("one two "), "time_to_first_token": true,
        "returns": {"complete": false},
    }));
    cancelled["returns"]
        .as_object_mut()
        .unwrap()
        .remove("finish_reason");
    assert_eq!(llms(&seen.export), [cancelled]);
}

#[tokio::test]
async fn generate_and_embed() {
    let seen = ollama(Reply::text("four").tokens(5, 1), async |ollama| {
        ollama
            .generate(GenerationRequest::new("llama3.2".to_owned(), "2 + 2?"))
            .await
    })
    .await;
    assert_eq!(seen.result.unwrap().response, "four");
    let found = llms(&seen.export);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0]["prompt"],
        json!({"type": "string", "string": "2 + 2?"})
    );
    assert_eq!(found[0]["completion"], assistant("four"));
    assert_eq!(
        (&found[0]["prompt_tokens"], &found[0]["completion_tokens"]),
        (&json!(5), &json!(1))
    );

    let seen = ollama(Reply::text("").tokens(7, 0), async |ollama| {
        ollama
            .generate_embeddings(GenerateEmbeddingsRequest::new(
                "nomic".to_owned(),
                vec!["a", "b"].into(),
            ))
            .await
    })
    .await;
    assert_eq!(seen.result.unwrap().embeddings.len(), 2);
    let found = llms(&seen.export);
    assert_eq!(
        found[0]["completion"],
        json!({"embeddings": 2, "dimensions": 3})
    );
    assert_eq!(
        (&found[0]["prompt_tokens"], &found[0]["completion_tokens"]),
        (&json!(7), &json!(0))
    );
}
