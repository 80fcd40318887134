//! Ollama: chat. It streams unless told not to, a JSON object a line.

use serde_json::{Value, json};

use super::format::{Asked, Format, Streamed};
use crate::reply::{Reply, Says, words};

pub(crate) const CHAT: Format = Format {
    streams: |asked| asked.body["stream"] != false,
    whole,
    stream,
    error: |_, message| json!({"error": message}),
};

const CREATED: &str = "2025-01-01T00:00:00Z";

fn whole(asked: &Asked, reply: &Reply) -> Value {
    ended(asked, reply, message(reply))
}

fn message(reply: &Reply) -> Value {
    match &reply.says {
        Says::Text(text) => json!({"role": "assistant", "content": text}),
        Says::Tools(calls) => {
            let call = |call: &crate::reply::ToolCall| json!({"function": {"name": call.name, "arguments": call.arguments}});
            let calls: Vec<Value> = calls.iter().map(call).collect();
            json!({"role": "assistant", "content": "", "tool_calls": calls})
        }
        Says::Error { .. } => Value::Null,
    }
}

/// The last object: it alone has the counts.
fn ended(asked: &Asked, reply: &Reply, message: Value) -> Value {
    json!({
        "model": asked.model(),
        "created_at": CREATED,
        "message": message,
        "done": true,
        "done_reason": "stop",
        "total_duration": 5_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": reply.tokens.prompt,
        "prompt_eval_duration": 1_000_000,
        "eval_count": reply.tokens.completion,
        "eval_duration": 3_000_000,
    })
}

fn stream(asked: &Asked, reply: &Reply) -> Streamed {
    let part = |message: Value| {
        let part = json!({"model": asked.model(), "created_at": CREATED, "message": message, "done": false});
        format!("{part}\n")
    };
    let parts = match &reply.says {
        Says::Text(text) => {
            let say = |word| part(json!({"role": "assistant", "content": word}));
            words(text).into_iter().map(say).collect()
        }
        _ => vec![part(message(reply))],
    };
    let last = ended(asked, reply, json!({"role": "assistant", "content": ""}));
    Streamed {
        content_type: "application/x-ndjson",
        head: Vec::new(),
        words: parts,
        tail: vec![format!("{last}\n")],
    }
}
