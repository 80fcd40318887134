//! Anthropic: messages. Cached tokens are counted beside the prompt's, not among them.

use serde_json::{Value, json};

use super::format::{Asked, Format, Streamed, asks_for_stream, named_sse};
use crate::reply::{Reply, Says, words};

pub(crate) const MESSAGES: Format = Format {
    streams: asks_for_stream,
    whole,
    stream,
    error,
};

fn whole(asked: &Asked, reply: &Reply) -> Value {
    let (content, reason) = match &reply.says {
        Says::Text(text) => (json!([{"type": "text", "text": text}]), "end_turn"),
        Says::Tools(calls) => {
            let block = |call: &crate::reply::ToolCall| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments});
            (calls.iter().map(block).collect(), "tool_use")
        }
        Says::Error { .. } => (json!([]), "end_turn"),
    };
    message(
        asked,
        content,
        json!(reason),
        usage(reply, reply.tokens.completion),
    )
}

fn message(asked: &Asked, content: Value, reason: Value, usage: Value) -> Value {
    json!({
        "id": format!("msg_{}", asked.number),
        "type": "message",
        "role": "assistant",
        "model": asked.model(),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": null,
        "usage": usage,
    })
}

fn usage(reply: &Reply, completion: u64) -> Value {
    json!({
        "input_tokens": reply.tokens.prompt - reply.tokens.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": reply.tokens.cached,
        "output_tokens": completion,
    })
}

fn stream(asked: &Asked, reply: &Reply) -> Streamed {
    let start = message(asked, json!([]), Value::Null, usage(reply, 1));
    let mut streamed = Streamed {
        content_type: "text/event-stream",
        head: vec![event("message_start", json!({"message": start}))],
        ..Streamed::default()
    };
    let reason = match &reply.says {
        Says::Tools(calls) => {
            for (index, call) in calls.iter().enumerate() {
                let block =
                    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
                let part =
                    json!({"type": "input_json_delta", "partial_json": call.arguments.to_string()});
                streamed.words.push(
                    block_start(index, block) + &block_delta(index, part) + &block_stop(index),
                );
            }
            "tool_use"
        }
        Says::Text(text) => {
            streamed
                .head
                .push(block_start(0, json!({"type": "text", "text": ""})));
            streamed.head.push(event("ping", json!({})));
            let frame = |word| block_delta(0, json!({"type": "text_delta", "text": word}));
            streamed.words = words(text).into_iter().map(frame).collect();
            streamed.tail.push(block_stop(0));
            "end_turn"
        }
        Says::Error { .. } => "end_turn",
    };
    let delta = json!({"stop_reason": reason, "stop_sequence": null});
    let usage = json!({"output_tokens": reply.tokens.completion});
    streamed.tail.push(event(
        "message_delta",
        json!({"delta": delta, "usage": usage}),
    ));
    streamed.tail.push(event("message_stop", json!({})));
    streamed
}

fn block_start(index: usize, block: Value) -> String {
    event(
        "content_block_start",
        json!({"index": index, "content_block": block}),
    )
}

fn block_delta(index: usize, delta: Value) -> String {
    event(
        "content_block_delta",
        json!({"index": index, "delta": delta}),
    )
}

fn block_stop(index: usize) -> String {
    event("content_block_stop", json!({"index": index}))
}

/// An event says its name twice.
fn event(name: &str, mut data: Value) -> String {
    data["type"] = json!(name);
    named_sse(name, &data)
}

fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}
