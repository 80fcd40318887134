//! Gemini: generateContent. The path names the model and whether the answer is a stream; thoughts are counted beside
//! the answer's tokens, not among them.

use serde_json::{Value, json};

use super::format::{Asked, Format, Streamed, sse};
use crate::reply::{Reply, Says, words};

pub(crate) const GENERATE: Format = Format {
    streams: |asked| action(asked) == "streamGenerateContent",
    whole,
    stream,
    error,
};

/// `gemini-2.5-pro:generateContent` is the path's last part.
fn action(asked: &Asked) -> &str {
    let rest = asked.rest.as_deref().unwrap_or_default();
    rest.rsplit_once(':').map_or("", |(_, action)| action)
}

fn model(asked: &Asked) -> &str {
    let rest = asked.rest.as_deref().unwrap_or_default();
    rest.rsplit_once(':').map_or(rest, |(model, _)| model)
}

fn chunk(asked: &Asked, parts: Value, reason: Option<&str>, usage: Value) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    if let Some(reason) = reason {
        candidate["finishReason"] = reason.into();
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model(asked),
        "responseId": format!("gemini-{}", asked.number),
    })
}

fn parts(reply: &Reply) -> Value {
    match &reply.says {
        Says::Text(text) => json!([{"text": text}]),
        Says::Tools(calls) => calls
            .iter()
            .map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments}}))
            .collect(),
        Says::Error { .. } => json!([]),
    }
}

fn usage(reply: &Reply) -> Value {
    let tokens = reply.tokens;
    json!({
        "promptTokenCount": tokens.prompt,
        "cachedContentTokenCount": tokens.cached,
        "candidatesTokenCount": tokens.completion - tokens.reasoning,
        "thoughtsTokenCount": tokens.reasoning,
        "totalTokenCount": tokens.prompt + tokens.completion,
    })
}

fn whole(asked: &Asked, reply: &Reply) -> Value {
    chunk(asked, parts(reply), Some("STOP"), usage(reply))
}

fn stream(asked: &Asked, reply: &Reply) -> Streamed {
    let prompt_only =
        json!({"promptTokenCount": reply.tokens.prompt, "totalTokenCount": reply.tokens.prompt});
    let say = |parts: Value| sse(&chunk(asked, parts, None, prompt_only.clone()));
    let frames = match &reply.says {
        Says::Text(text) => words(text)
            .into_iter()
            .map(|word| say(json!([{"text": word}])))
            .collect(),
        _ => vec![say(parts(reply))],
    };
    Streamed {
        content_type: "text/event-stream",
        head: Vec::new(),
        words: frames,
        tail: vec![sse(&chunk(
            asked,
            json!([{"text": ""}]),
            Some("STOP"),
            usage(reply),
        ))],
    }
}

fn error(status: u16, message: &str) -> Value {
    let name = match status {
        401 => "UNAUTHENTICATED",
        429 => "RESOURCE_EXHAUSTED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    json!({"error": {"code": status, "message": message, "status": name}})
}
