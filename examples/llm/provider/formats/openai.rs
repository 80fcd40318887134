//! OpenAI: chat completions and embeddings.

use serde_json::{Value, json};

use super::format::{Asked, Format, Streamed, asks_for_stream, sse};
use crate::reply::{Reply, Says, ToolCall, words};

pub(crate) const CHAT: Format = Format {
    streams: asks_for_stream,
    whole,
    stream,
    error,
};

pub(crate) const EMBEDDINGS: Format = Format {
    streams: |_| false,
    whole: embeddings,
    stream: |_, _| Streamed::default(),
    error,
};

/// 2025-01-01: a clock would make answers differ.
pub(super) const CREATED: u64 = 1_735_689_600;

fn whole(asked: &Asked, reply: &Reply) -> Value {
    let (message, reason) = match &reply.says {
        Says::Tools(calls) => {
            let calls: Vec<Value> = calls.iter().map(tool_call).collect();
            let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
            (message, "tool_calls")
        }
        Says::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Says::Error { .. } => (Value::Null, "stop"),
    };
    json!({
        "id": format!("chatcmpl-{}", asked.number),
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model(),
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}],
        "usage": usage(reply),
        "system_fingerprint": "fp_scripted",
    })
}

fn tool_call(call: &ToolCall) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
    json!({"id": call.id, "type": "function", "function": function})
}

fn usage(reply: &Reply) -> Value {
    let tokens = reply.tokens;
    json!({
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0},
    })
}

fn stream(asked: &Asked, reply: &Reply) -> Streamed {
    let chunk = |choices: Value, usage: Value| {
        sse(&json!({
            "id": format!("chatcmpl-{}", asked.number),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": asked.model(),
            "system_fingerprint": "fp_scripted",
            "choices": choices,
            "usage": usage,
        }))
    };
    let delta = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason});
        chunk(json!([choice]), Value::Null)
    };
    let (frames, reason) = match &reply.says {
        Says::Tools(calls) => (tool_frames(calls, &delta), "tool_calls"),
        Says::Text(text) => {
            let frame = |word| delta(json!({"content": word}), Value::Null);
            (words(text).into_iter().map(frame).collect(), "stop")
        }
        Says::Error { .. } => (Vec::new(), "stop"),
    };
    let mut tail = vec![delta(json!({}), json!(reason))];
    // The usage comes only where it was asked for, in a chunk of its own.
    if asked.body["stream_options"]["include_usage"] == true {
        tail.push(chunk(json!([]), usage(reply)));
    }
    tail.push("data: [DONE]\n\n".to_owned());
    Streamed {
        content_type: "text/event-stream",
        head: vec![delta(
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        )],
        words: frames,
        tail,
    }
}

/// A call's name comes first, its arguments in two parts behind: a client has to put them together.
fn tool_frames(calls: &[ToolCall], delta: &dyn Fn(Value, Value) -> String) -> Vec<String> {
    let mut frames = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        let arguments = call.arguments.to_string();
        // JSON begins with one byte that is no part of a longer character.
        let (first, second) = arguments.split_at(1);
        let begin = json!({
            "index": index,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        });
        let more = |part: &str| json!({"index": index, "function": {"arguments": part}});
        for part in [begin, more(first), more(second)] {
            frames.push(delta(json!({"tool_calls": [part]}), Value::Null));
        }
    }
    frames
}

/// Vectors of three numbers that depend on nothing but the position.
fn embeddings(asked: &Asked, reply: &Reply) -> Value {
    let inputs = asked.body["input"].as_array().map_or(1, Vec::len);
    let data: Vec<Value> = (0..inputs)
        .map(|index| json!({"object": "embedding", "index": index, "embedding": [0.25, -0.5, index]}))
        .collect();
    let tokens = reply.tokens.prompt;
    json!({
        "object": "list",
        "data": data,
        "model": asked.model(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })
}

pub(super) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}
