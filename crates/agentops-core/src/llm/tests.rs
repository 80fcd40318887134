//! Real bodies, shortened, of every format: whole, as a stream, broken off.

use agentops_protocol::Usage;
use serde_json::{Value, json};

use super::{Answer, Format, ProviderError, Request, Squeeze};

#[track_caller]
fn check(format: Format, chunks: &[Value], completion: Value, usage: Usage) -> Answer {
    let mut answer = Answer::new(format);
    for chunk in chunks {
        answer.read(chunk);
    }
    assert_eq!(answer.completion().unwrap_or_default(), completion);
    assert_eq!(answer.usage(), usage);
    answer
}

fn says(text: &str) -> Value {
    json!({ "role": "assistant", "content": text })
}

fn calls(content: Value, id: Value, name: &str, arguments: &str) -> Value {
    json!({
        "role": "assistant",
        "content": content,
        "tool_calls": [{ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } }],
    })
}

#[test]
fn openai_chat_whole() {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-2024-08-06",
        "choices": [
            { "index": 0, "message": { "role": "assistant", "content": "4", "refusal": null }, "finish_reason": "stop" },
            { "index": 1, "message": { "role": "assistant", "content": "four" }, "finish_reason": "stop" },
        ],
        "usage": {
            "prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
            "prompt_tokens_details": { "cached_tokens": 800 },
            "completion_tokens_details": { "reasoning_tokens": 30 },
        },
    });
    assert_eq!(Format::of_answer(&body), Some(Format::OpenAiChat));
    let usage = Usage::new(1000, 50).cached_read(800).reasoning(30);
    let answer = check(Format::OpenAiChat, &[body], says("4"), usage);
    assert!(answer.is_done() && answer.has_content());
    assert_eq!(
        answer.details(),
        Some(json!({
            "finish_reason": "stop", "response_id": "chatcmpl-1", "response_model": "gpt-4o-2024-08-06",
            "other_choices": [says("four")],
        }))
    );
}

#[test]
fn openai_chat_stream_with_two_tool_calls_in_pieces() {
    let delta = |delta: Value| json!({ "model": "gpt-4o", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    let piece = |index: u64, call: Value| {
        let mut call = call;
        call["index"] = index.into();
        delta(json!({ "tool_calls": [call] }))
    };
    let chunks = [
        delta(json!({ "role": "assistant", "content": null })),
        piece(
            0,
            json!({ "id": "a", "type": "function", "function": { "name": "search", "arguments": "" } }),
        ),
        piece(0, json!({ "function": { "arguments": "{\"q\":" } })),
        piece(
            1,
            json!({ "id": "b", "function": { "name": "add", "arguments": "{}" } }),
        ),
        piece(0, json!({ "function": { "arguments": "1}" } })),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }),
        json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14 } }),
    ];
    let expected = json!({
        "role": "assistant", "content": null,
        "tool_calls": [
            { "id": "a", "type": "function", "function": { "name": "search", "arguments": "{\"q\":1}" } },
            { "id": "b", "type": "function", "function": { "name": "add", "arguments": "{}" } },
        ],
    });
    let answer = check(Format::OpenAiChat, &chunks, expected, Usage::new(9, 5));
    assert_eq!(answer.finish_reason(), Some("tool_calls"));
}

#[test]
fn hosts_that_count_parts_beside_the_whole_are_brought_to_one_meaning() {
    let usage =
        |usage: Value| json!({ "choices": [{ "message": { "content": "x" } }], "usage": usage });
    let one = |json, expected| check(Format::OpenAiChat, &[usage(json)], says("x"), expected);
    // xAI: 10 + 2 + 30 = 42.
    one(
        json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 42,
                "completion_tokens_details": { "reasoning_tokens": 30 } }),
        Usage::new(10, 32).reasoning(30),
    );
    one(
        json!({ "prompt_tokens": 10, "completion_tokens": 32, "total_tokens": 42,
                "completion_tokens_details": { "reasoning_tokens": 30 } }),
        Usage::new(10, 32).reasoning(30),
    );
    // DeepSeek: hit + miss = prompt.
    one(
        json!({ "prompt_tokens": 100, "completion_tokens": 2, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36 }),
        Usage::new(100, 2).cached_read(64),
    );
    // A gateway that passes Anthropic's numbers on.
    one(
        json!({ "prompt_tokens": 10, "completion_tokens": 2, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5 }),
        Usage::new(105, 2).cached_read(90).cached_write(5),
    );
    // Zero parts are no parts.
    one(
        json!({ "prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": { "cached_tokens": 0 } }),
        Usage::new(10, 2),
    );
}

#[test]
fn openrouter_says_what_it_charges_and_deepseek_reasons() {
    let mut answer = Answer::new(Format::OpenAiChat);
    answer.read(&json!({
        "choices": [{ "message": { "content": "4", "reasoning_content": "two and two" } }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0000125 },
    }));
    assert_eq!(
        answer.cost().map(|cost| cost.to_string()).as_deref(),
        Some("0.0000125")
    );
    assert_eq!(
        answer.completion(),
        Some(json!({ "role": "assistant", "content": "4", "reasoning": "two and two" }))
    );
}

#[test]
fn openai_responses_whole_and_streamed_are_the_same() {
    let response = json!({
        "id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5",
        "output": [
            { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "hm" }], "encrypted_content": "AAAA" },
            { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "four" }] },
            { "type": "function_call", "call_id": "c1", "name": "add", "arguments": "{\"a\":2}" },
        ],
        "usage": {
            "input_tokens": 100, "output_tokens": 20, "total_tokens": 120,
            "input_tokens_details": { "cached_tokens": 64 }, "output_tokens_details": { "reasoning_tokens": 10 },
        },
    });
    let mut message = calls("four".into(), "c1".into(), "add", "{\"a\":2}");
    message["reasoning"] = "hm".into();
    let usage = Usage::new(100, 20).cached_read(64).reasoning(10);
    assert_eq!(Format::of_answer(&response), Some(Format::OpenAiResponses));
    check(
        Format::OpenAiResponses,
        std::slice::from_ref(&response),
        message.clone(),
        usage,
    );

    let event = |kind: &str, rest: Value| {
        let mut event = rest;
        event["type"] = kind.into();
        event
    };
    let mut chunks = vec![
        event(
            "response.created",
            json!({ "response": { "id": "resp_1", "model": "gpt-5" } }),
        ),
        event(
            "response.reasoning_summary_text.delta",
            json!({ "delta": "hm" }),
        ),
        event(
            "response.output_text.delta",
            json!({ "output_index": 1, "delta": "fo" }),
        ),
        event(
            "response.output_text.delta",
            json!({ "output_index": 1, "delta": "ur" }),
        ),
        event(
            "response.output_item.added",
            json!({ "output_index": 2, "item": { "type": "function_call", "call_id": "c1", "name": "add", "arguments": "" } }),
        ),
        event(
            "response.function_call_arguments.delta",
            json!({ "output_index": 2, "delta": "{\"a\":2}" }),
        ),
    ];
    // Broken off here, all of it is there but the tokens.
    let broken = check(
        Format::OpenAiResponses,
        &chunks,
        message.clone(),
        Usage::default(),
    );
    assert!(!broken.is_done());
    assert_eq!(broken.model(), Some("gpt-5"));
    chunks.push(event("response.completed", json!({ "response": response })));
    let whole = check(Format::OpenAiResponses, &chunks, message, usage);
    assert!(whole.is_done());
    assert_eq!(whole.finish_reason(), Some("completed"));
}

#[test]
fn a_response_that_failed_says_why() {
    let mut answer = Answer::new(Format::OpenAiResponses);
    answer.read(&json!({
        "type": "response.failed",
        "response": { "status": "failed", "error": { "code": "server_error", "message": "it broke" } },
    }));
    assert_eq!(
        answer.error().map(ToString::to_string).as_deref(),
        Some("it broke")
    );
    let mut answer = Answer::new(Format::OpenAiResponses);
    answer.read(&json!({ "type": "error", "code": "rate_limit_exceeded", "message": "slow down" }));
    let error = answer.error().unwrap();
    assert_eq!(
        (error.message.as_str(), error.code.as_deref()),
        ("slow down", Some("rate_limit_exceeded"))
    );
}

#[test]
fn anthropic_whole() {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
        "content": [
            { "type": "thinking", "thinking": "hm", "signature": "AAAA" },
            { "type": "text", "text": "Let me see." },
            { "type": "tool_use", "id": "t1", "name": "search", "input": { "q": "rust" } },
        ],
        "stop_reason": "tool_use",
        "usage": { "input_tokens": 10, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 100, "output_tokens": 20 },
    });
    assert_eq!(Format::of_answer(&body), Some(Format::Anthropic));
    let mut message = calls(
        "Let me see.".into(),
        "t1".into(),
        "search",
        "{\"q\":\"rust\"}",
    );
    message["reasoning"] = "hm".into();
    let usage = Usage::new(910, 20).cached_read(800).cached_write(100);
    let answer = check(Format::Anthropic, &[body], message, usage);
    assert_eq!(answer.finish_reason(), Some("tool_use"));
}

#[test]
fn anthropic_stream_and_the_same_broken_off() {
    let chunks = [
        json!({ "type": "message_start", "message": { "id": "msg_1", "model": "claude-sonnet-4-5", "content": [],
                "usage": { "input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 3 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "fo" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "ur" } }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "tool_use", "id": "t", "name": "add", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"a\"" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": ":1}" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 42 } }),
        json!({ "type": "message_stop" }),
    ];
    for chunk in &chunks {
        let known = chunk["type"] == "ping" || Format::of_answer(chunk) == Some(Format::Anthropic);
        assert!(known, "{chunk}");
    }
    let expected = calls("four".into(), "t".into(), "add", "{\"a\":1}");
    let usage = Usage::new(100, 42).cached_read(90);
    assert!(check(Format::Anthropic, &chunks, expected, usage).is_done());
    // The first event's count of three output tokens is no answer's length.
    let mut partial = Usage::default();
    partial.prompt = Some(100);
    partial.cached_read = Some(90);
    let broken = check(Format::Anthropic, &chunks[..4], says("fo"), partial);
    assert!(!broken.is_done());
}

#[test]
fn gemini_stream() {
    let chunk = |parts: Value, usage: Value| json!({ "candidates": [{ "content": { "role": "model", "parts": parts } }], "usageMetadata": usage, "modelVersion": "gemini-2.5-pro" });
    let chunks = [
        chunk(
            json!([{ "text": "hm", "thought": true }]),
            json!({ "promptTokenCount": 50 }),
        ),
        chunk(
            json!([{ "text": "four" }]),
            json!({ "promptTokenCount": 50, "candidatesTokenCount": 1 }),
        ),
        json!({
            "candidates": [{ "finishReason": "STOP", "content": { "parts": [{ "functionCall": { "name": "add", "args": { "a": 2 } } }] } }],
            "usageMetadata": { "promptTokenCount": 50, "cachedContentTokenCount": 20, "candidatesTokenCount": 10,
                               "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 5, "totalTokenCount": 95 },
        }),
    ];
    assert_eq!(Format::of_answer(&chunks[0]), Some(Format::Gemini));
    let mut message = calls("four".into(), Value::Null, "add", "{\"a\":2}");
    message["reasoning"] = "hm".into();
    let usage = Usage::new(55, 40).cached_read(20).reasoning(30);
    let answer = check(Format::Gemini, &chunks, message.clone(), usage);
    assert_eq!(
        (answer.model(), answer.finish_reason()),
        (Some("gemini-2.5-pro"), Some("STOP"))
    );
    // Without `alt=sse` it is one list.
    check(
        Format::Gemini,
        &[Value::from(chunks.to_vec())],
        message,
        usage,
    );
}

#[test]
fn ollama_chat_generate_and_embed() {
    let chunks = [
        json!({ "model": "llama3.2", "message": { "role": "assistant", "content": "fo" }, "done": false }),
        json!({ "model": "llama3.2", "message": { "role": "assistant", "content": "ur",
                "tool_calls": [{ "function": { "name": "add", "arguments": { "a": 2 } } }] }, "done": false }),
        json!({ "model": "llama3.2", "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop",
                "prompt_eval_count": 26, "eval_count": 8 }),
    ];
    assert!(
        chunks
            .iter()
            .all(|chunk| Format::of_answer(chunk) == Some(Format::OllamaChat))
    );
    let expected = calls("four".into(), Value::Null, "add", "{\"a\":2}");
    check(Format::OllamaChat, &chunks, expected, Usage::new(26, 8));
    let body = json!({ "model": "llama3.2", "response": "four", "done": true, "prompt_eval_count": 5, "eval_count": 1 });
    assert_eq!(Format::of_answer(&body), Some(Format::OllamaGenerate));
    check(
        Format::OllamaGenerate,
        &[body],
        says("four"),
        Usage::new(5, 1),
    );
    let body = json!({ "model": "nomic", "embeddings": [[0.1, 0.2, 0.3], [1, 2, 3]], "prompt_eval_count": 7 });
    let vectors = json!({ "embeddings": 2, "dimensions": 3 });
    check(Format::OllamaEmbed, &[body], vectors, Usage::new(7, 0));
}

#[test]
fn embeddings_and_plain_completions() {
    let body = json!({ "object": "list", "model": "text-embedding-3-small",
        "data": [{ "embedding": [0.5, 0.25] }], "usage": { "prompt_tokens": 8, "total_tokens": 8 } });
    assert_eq!(Format::of_answer(&body), Some(Format::OpenAiEmbeddings));
    let vectors = json!({ "embeddings": 1, "dimensions": 2 });
    check(Format::OpenAiEmbeddings, &[body], vectors, Usage::new(8, 0));
    // Two floats are eight bytes.
    let body =
        json!({ "data": [{ "embedding": "AAAAPwAAgD4=" }], "usage": { "prompt_tokens": 8 } });
    let vectors = json!({ "embeddings": 1, "dimensions": 2 });
    check(Format::OpenAiEmbeddings, &[body], vectors, Usage::new(8, 0));
    let body = json!({ "object": "text_completion", "choices": [{ "text": "four", "index": 0, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 1 } });
    assert_eq!(Format::of_answer(&body), Some(Format::OpenAiCompletions));
    check(
        Format::OpenAiCompletions,
        &[body],
        says("four"),
        Usage::new(3, 1),
    );
}

#[test]
fn libraries_as_serde_writes_them() {
    let body = json!({
        "choice": [
            { "type": "reasoning", "text": "hm" },
            { "type": "text", "text": "four" },
            { "type": "toolcall", "id": { "Provider": "c1" }, "function": { "name": "add", "arguments": { "a": 2 } } },
        ],
        "usage": { "input_tokens": 100, "output_tokens": 20, "total_tokens": 120, "cached_input_tokens": 64, "reasoning_tokens": 5 },
        "origin": { "api": "openai", "provider": "openai", "model": "gpt-4o", "response_id": "r" },
    });
    assert_eq!(Format::of_answer(&body), Some(Format::Rig));
    let mut message = calls("four".into(), "c1".into(), "add", "{\"a\":2}");
    message["reasoning"] = "hm".into();
    let usage = Usage::new(100, 20).cached_read(64).reasoning(5);
    let answer = check(Format::Rig, &[body], message, usage);
    assert_eq!(answer.model(), Some("gpt-4o"));

    let body = json!({
        "content": [{ "Text": "four" }, { "ToolCall": { "call_id": "c1", "fn_name": "add", "fn_arguments": { "a": 2 } } }],
        "model_iden": { "adapter_kind": "OpenAI", "model_name": "gpt-4o" },
        "stop_reason": { "Completed": "stop" },
        "usage": { "prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": { "cache_creation_tokens": 4, "cached_tokens": 3 } },
    });
    assert_eq!(Format::of_answer(&body), Some(Format::Genai));
    let message = calls("four".into(), "c1".into(), "add", "{\"a\":2}");
    let usage = Usage::new(10, 2).cached_read(3).cached_write(4);
    let answer = check(Format::Genai, &[body], message, usage);
    assert_eq!(
        (answer.model(), answer.finish_reason()),
        (Some("gpt-4o"), Some("stop"))
    );

    let chunks = [
        json!("Start"),
        json!({ "Chunk": { "content": "fo" } }),
        json!({ "Chunk": { "content": "ur" } }),
        json!({ "End": { "captured_usage": { "prompt_tokens": 3, "completion_tokens": 1 } } }),
    ];
    assert_eq!(Format::of_answer(&chunks[1]), Some(Format::Genai));
    assert!(check(Format::Genai, &chunks, says("four"), Usage::new(3, 1)).is_done());
}

#[test]
fn what_is_no_answer_is_not_taken_for_one() {
    for json in [
        json!(null),
        json!("four"),
        json!([1, 2]),
        json!({}),
        json!({ "content": "text", "id": 3 }),
        json!({ "rows": [], "total": 3 }),
        json!({ "message": "hello" }),
        json!({ "choice": "left" }),
    ] {
        assert_eq!(Format::of_answer(&json), None, "{json}");
        for format in [
            Format::OpenAiChat,
            Format::Anthropic,
            Format::Gemini,
            Format::Rig,
            Format::OllamaEmbed,
        ] {
            let mut answer = Answer::new(format);
            answer.read(&json);
            assert_eq!(answer.usage(), Usage::default(), "{json}");
        }
    }
}

#[test]
fn a_hostile_stream_stays_small() {
    let mut answer = Answer::new(Format::OpenAiChat);
    let text = "x".repeat(100_000);
    for index in 0..2_000_u64 {
        answer.read(&json!({ "choices": [
            { "index": index, "delta": { "content": text } },
            { "index": 0, "delta": { "tool_calls": [{ "index": index, "id": text, "function": { "name": text, "arguments": text } }] } },
            { "index": 0, "delta": { "audio": { "data": text } } },
        ] }));
    }
    let shown = answer.completion().unwrap().to_string().len()
        + answer.details().unwrap().to_string().len();
    assert!(shown < 2 << 20, "{shown}");
}

#[test]
fn a_cut_text_says_by_how_much() {
    let mut answer = Answer::new(Format::OllamaGenerate);
    let text = "\u{e9}".repeat(300_000);
    for _ in 0..2 {
        answer.read(&json!({ "response": text }));
    }
    let completion = answer.completion().unwrap();
    let content = completion["content"].as_str().unwrap();
    assert!(
        content.ends_with(&format!("\u{2026} [{} bytes more]", 1_200_000 - (1 << 20))),
        "{}",
        content.len()
    );
}

#[test]
fn errors_of_every_provider() {
    let check = |body: Value, kind: Option<&str>, code: Option<&str>, message: &str| {
        let error = ProviderError::of_body(&body).unwrap();
        let found = (
            error.kind.as_deref(),
            error.code.as_deref(),
            error.message.as_str(),
        );
        assert_eq!(found, (kind, code, message));
    };
    check(
        json!({ "error": { "message": "Incorrect API key", "type": "invalid_request_error", "code": "invalid_api_key" } }),
        Some("invalid_request_error"),
        Some("invalid_api_key"),
        "Incorrect API key",
    );
    check(
        json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
        Some("overloaded_error"),
        None,
        "Overloaded",
    );
    check(
        json!([{ "error": { "code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED" } }]),
        Some("RESOURCE_EXHAUSTED"),
        Some("429"),
        "Quota",
    );
    check(
        json!({ "error": "model 'x' not found" }),
        None,
        None,
        "model 'x' not found",
    );
    check(json!({ "detail": "Not Found" }), None, None, "Not Found");
    assert!(ProviderError::of_body(&json!({ "choices": [] })).is_none());
}

#[test]
fn requests_of_every_format() {
    let check =
        |format, body: Value, model: Option<&str>, prompt: Value, params: Value, stream: bool| {
            let request = Request::read(format, body);
            assert_eq!(request.model.as_deref(), model, "{format:?}");
            assert_eq!(request.prompt.unwrap_or_default(), prompt, "{format:?}");
            assert_eq!(request.params.unwrap_or_default(), params, "{format:?}");
            assert_eq!(request.stream, stream, "{format:?}");
        };
    let user = json!({ "role": "user", "content": "hi" });
    let system = json!({ "role": "system", "content": "Be brief." });
    check(
        Format::OpenAiChat,
        json!({ "model": "gpt-4o", "messages": [user], "stream": true, "stream_options": {}, "tools": [{ "type": "function" }], "temperature": 0.5 }),
        Some("gpt-4o"),
        json!([user]),
        json!({ "tools": [{ "type": "function" }], "temperature": 0.5 }),
        true,
    );
    check(
        Format::Anthropic,
        json!({ "model": "claude", "system": [{ "type": "text", "text": "Be brief.", "cache_control": {} }], "messages": [user] }),
        Some("claude"),
        json!([system, user]),
        Value::Null,
        false,
    );
    check(
        Format::OpenAiResponses,
        json!({ "model": "gpt-5", "instructions": "Be brief.", "input": "hi", "max_output_tokens": 3 }),
        Some("gpt-5"),
        json!([system, user]),
        json!({ "max_output_tokens": 3 }),
        false,
    );
    check(
        Format::Gemini,
        json!({
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "contents": [{ "parts": [{ "text": "hi" }] }, { "role": "model", "parts": [{ "text": "a" }, { "functionCall": {} }] }],
            "generationConfig": { "temperature": 1 },
        }),
        None,
        json!([system, user, { "role": "assistant", "content": [{ "text": "a" }, { "functionCall": {} }] }]),
        json!({ "generationConfig": { "temperature": 1 } }),
        false,
    );
    check(
        Format::OllamaChat,
        json!({ "model": "llama3.2", "messages": [user], "options": { "seed": 1 } }),
        Some("llama3.2"),
        json!([user]),
        json!({ "options": { "seed": 1 } }),
        true,
    );
    check(
        Format::OllamaGenerate,
        json!({ "model": "llava", "system": "Be brief.", "prompt": "hi", "stream": false, "images": ["A".repeat(400)] }),
        Some("llava"),
        json!([system, { "role": "user", "content": "hi", "images": ["[data, 300 bytes]"] }]),
        Value::Null,
        false,
    );
    check(
        Format::OpenAiEmbeddings,
        json!({ "model": "e", "input": ["a", "b"] }),
        Some("e"),
        json!(["a", "b"]),
        Value::Null,
        false,
    );
    assert_eq!(
        Request::read(Format::OpenAiChat, json!("nonsense")),
        Request::default()
    );
}

#[test]
fn inline_data_is_named_and_measured() {
    let encoded = "iVBORw0KGgo=".repeat(100).replace('=', "A");
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": [
        { "type": "text", "text": "What is this?" },
        { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{encoded}") } },
        { "type": "image_url", "image_url": { "url": "https://example.org/a.png" } },
        { "type": "image", "source": { "type": "base64", "media_type": "image/jpeg", "data": encoded } },
        { "type": "input_audio", "input_audio": { "format": "wav", "data": encoded } },
        { "inlineData": { "mimeType": "image/webp", "data": encoded } },
    ] }] });
    let prompt = Request::read(Format::OpenAiChat, body).prompt.unwrap();
    assert_eq!(
        prompt[0]["content"],
        json!([
            { "type": "text", "text": "What is this?" },
            { "type": "image_url", "image_url": { "url": "[image/png, 900 bytes]" } },
            { "type": "image_url", "image_url": { "url": "https://example.org/a.png" } },
            { "type": "image", "source": { "type": "base64", "media_type": "image/jpeg", "data": "[image/jpeg, 900 bytes]" } },
            { "type": "input_audio", "input_audio": { "format": "wav", "data": "[wav, 900 bytes]" } },
            { "inlineData": { "mimeType": "image/webp", "data": "[image/webp, 900 bytes]" } },
        ])
    );
}

#[test]
fn squeezed_anywhere_it_is_json_and_its_media_keep_their_size() {
    let image = "QUJD".repeat(50_000);
    let body = json!({ "model": "m", "messages": [
        { "role": "user", "content": format!("data:image/png;base64,{image}") },
        { "role": "user", "content": "\u{1F600}\n\"\\ \u{e9} word ".repeat(500) },
        { "role": "user", "content": "short" },
    ] });
    let mut text = serde_json::to_string(&body).unwrap();
    text = text.replace('\u{1F600}', "\\ud83d\\ude00");
    for longest in [
        1_000, 1_001, 1_002, 1_003, 1_004, 1_005, 1_006, 1_007, 1_013, 1_017,
    ] {
        for piece in [1, 3, 1_000, text.len()] {
            let mut squeeze = Squeeze::new(100_000, longest);
            text.as_bytes()
                .chunks(piece)
                .for_each(|piece| squeeze.push(piece));
            let small = squeeze.finish().unwrap();
            assert!(small.len() < 5_000, "{}", small.len());
            let read: Value = serde_json::from_slice(&small).unwrap();
            let request = Request::read(Format::OpenAiChat, read).prompt.unwrap();
            assert_eq!(
                request[0]["content"], "[image/png, 150000 bytes]",
                "{longest} {piece}"
            );
            assert_eq!(request[2]["content"], "short");
            let cut = request[1]["content"].as_str().unwrap();
            assert!(cut.contains("word") && cut.contains("\u{2026}[+"), "{cut}");
        }
    }
    let mut squeeze = Squeeze::new(10_000, 100);
    for _ in 0..100_000 {
        squeeze.push(b"[1,2,3],");
    }
    assert!(squeeze.is_empty(), "given up, it holds nothing");
    assert_eq!(squeeze.finish(), None);
}
