//! Ollama: chat, generate and embed. It streams unless told not to, a JSON object a line.

use serde_json::{Value, json};

use super::format::{Asked, Format, Streamed};
use crate::reply::{Reply, Says, words};

pub(crate) const CHAT: Format = Format {
    streams: |asked| asked.body["stream"] != false,
    whole,
    stream,
    error: |_, message| json!({"error": message}),
};

pub(crate) const GENERATE: Format = Format {
    streams: CHAT.streams,
    whole: |asked, reply| ended(asked, reply, ("response", text(reply))),
    stream: |asked, reply| streamed(asked, reply, |word| ("response", json!(word))),
    error: CHAT.error,
};

pub(crate) const EMBED: Format = Format {
    streams: |_| false,
    whole: embed,
    stream: |_, _| Streamed::default(),
    error: CHAT.error,
};

const CREATED: &str = "2025-01-01T00:00:00Z";

/// What a chunk says, under the name that its path has for it.
type Said = (&'static str, Value);

fn whole(asked: &Asked, reply: &Reply) -> Value {
    ended(asked, reply, ("message", message(reply)))
}

fn text(reply: &Reply) -> Value {
    match &reply.says {
        Says::Text(text) => json!(text),
        _ => json!(""),
    }
}

/// Vectors of three numbers that depend on nothing but the position.
fn embed(asked: &Asked, reply: &Reply) -> Value {
    let inputs = asked.body["input"].as_array().map_or(1, Vec::len);
    let vectors: Vec<Value> = (0..inputs)
        .map(|index| json!([0.25, -0.5, index]))
        .collect();
    json!({"model": asked.model(), "embeddings": vectors, "prompt_eval_count": reply.tokens.prompt})
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
fn ended(asked: &Asked, reply: &Reply, (name, said): Said) -> Value {
    json!({
        "model": asked.model(),
        "created_at": CREATED,
        name: said,
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
    streamed(asked, reply, |word| {
        ("message", json!({"role": "assistant", "content": word}))
    })
}

fn streamed(asked: &Asked, reply: &Reply, say: fn(&str) -> Said) -> Streamed {
    let part = |(name, said): Said| {
        let part =
            json!({"model": asked.model(), "created_at": CREATED, name: said, "done": false});
        format!("{part}\n")
    };
    let parts = match &reply.says {
        Says::Text(text) => words(text)
            .into_iter()
            .map(|word| part(say(word)))
            .collect(),
        _ => vec![part(("message", message(reply)))],
    };
    let last = ended(asked, reply, say(""));
    Streamed {
        content_type: "application/x-ndjson",
        head: Vec::new(),
        words: parts,
        tail: vec![format!("{last}\n")],
    }
}
