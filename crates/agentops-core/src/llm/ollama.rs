//! Ollama's chat, generate and embed: a whole response is a stream of one chunk.

use serde_json::Value;

use super::draft::{Draft, Kind, Vectors};
use super::openai::{self, list};
use super::tokens;

pub(super) fn read(draft: &mut Draft, json: &Value) {
    draft.name(json, "model", "");
    let word = |json: &Value, key: &str| {
        json.get(key)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let message = json.get("message").unwrap_or(json);
    let key = if json.get("message").is_some() {
        "content"
    } else {
        "response"
    };
    draft.push_text(0, &word(message, key), Kind::Text);
    draft.push_text(0, &word(message, "thinking"), Kind::Reasoning);
    for call in list(message, "tool_calls") {
        // Each comes whole, and no chunk numbers them.
        let number = draft.choice(0).map_or(0, |choice| choice.tool_calls.len());
        openai::tool_call(draft, 0, number as u64, call);
    }
    if json.get("done").and_then(Value::as_bool) == Some(true) {
        draft.finish(0, json.get("done_reason").and_then(Value::as_str));
        draft.usage = tokens::ollama(json);
        draft.done = true;
    }
}

pub(super) fn embed(draft: &mut Draft, json: &Value) {
    draft.name(json, "model", "");
    let many = list(json, "embeddings");
    // `/api/embeddings` answers with the one vector itself.
    let one = json.get("embedding").or_else(|| many.first());
    if let Some(one) = one.and_then(Value::as_array) {
        draft.vectors = Some(Vectors {
            count: many.len().max(1),
            dimensions: one.len(),
        });
        draft.done = true;
    }
    draft.usage = tokens::embeddings(tokens::ollama(json).prompt);
}
