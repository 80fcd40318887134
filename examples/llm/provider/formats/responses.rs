//! OpenAI: responses. A stream's last event repeats the whole response.

use serde_json::{Value, json};

use super::format::{Asked, Format, Streamed, asks_for_stream, named_sse};
use super::openai;
use crate::reply::{Reply, Says, words};

pub(crate) const RESPONSES: Format = Format {
    streams: asks_for_stream,
    whole,
    stream,
    error: openai::error,
};

fn whole(asked: &Asked, reply: &Reply) -> Value {
    response(asked, "completed", output(asked, reply), usage(reply))
}

fn response(asked: &Asked, status: &str, output: Value, usage: Value) -> Value {
    json!({
        "id": format!("resp_{}", asked.number),
        "object": "response",
        "created_at": openai::CREATED,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": asked.body["instructions"],
        "model": asked.model(),
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    })
}

fn output(asked: &Asked, reply: &Reply) -> Value {
    match &reply.says {
        Says::Text(text) => json!([message(asked, "completed", text)]),
        Says::Tools(calls) => {
            let item = |(at, call): (usize, &crate::reply::ToolCall)| {
                function_call(asked, at, call, &call.arguments.to_string(), "completed")
            };
            calls.iter().enumerate().map(item).collect()
        }
        Says::Error { .. } => json!([]),
    }
}

fn message(asked: &Asked, status: &str, text: &str) -> Value {
    json!({
        "id": format!("msg_{}", asked.number),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    })
}

fn function_call(
    asked: &Asked,
    at: usize,
    call: &crate::reply::ToolCall,
    arguments: &str,
    status: &str,
) -> Value {
    json!({
        "id": format!("fc_{}_{at}", asked.number),
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": arguments,
    })
}

fn usage(reply: &Reply) -> Value {
    let tokens = reply.tokens;
    json!({
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + tokens.completion,
    })
}

fn stream(asked: &Asked, reply: &Reply) -> Streamed {
    let begun = response(asked, "in_progress", json!([]), Value::Null);
    let mut number = 0;
    let mut event = |name: &str, mut data: Value| {
        data["type"] = name.into();
        data["sequence_number"] = number.into();
        number += 1;
        named_sse(name, &data)
    };
    let mut streamed = Streamed {
        content_type: "text/event-stream",
        head: vec![event("response.created", json!({"response": begun}))],
        ..Streamed::default()
    };
    match &reply.says {
        Says::Text(text) => {
            let item = message(asked, "in_progress", "");
            let added = json!({"output_index": 0, "item": item});
            streamed
                .head
                .push(event("response.output_item.added", added));
            for word in words(text) {
                let delta = json!({
                    "item_id": format!("msg_{}", asked.number), "output_index": 0, "content_index": 0,
                    "delta": word, "logprobs": [],
                });
                streamed
                    .words
                    .push(event("response.output_text.delta", delta));
            }
        }
        Says::Tools(calls) => {
            for (at, call) in calls.iter().enumerate() {
                let item = function_call(asked, at, call, "", "in_progress");
                let mut frame = event(
                    "response.output_item.added",
                    json!({"output_index": at, "item": item}),
                );
                let delta = json!({
                    "item_id": format!("fc_{}_{at}", asked.number), "output_index": at,
                    "delta": call.arguments.to_string(),
                });
                frame.push_str(&event("response.function_call_arguments.delta", delta));
                streamed.words.push(frame);
            }
        }
        Says::Error { .. } => {}
    }
    let ended = json!({"response": whole(asked, reply)});
    streamed.tail.push(event("response.completed", ended));
    streamed
}
