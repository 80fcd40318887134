//! Gemini's generateContent, whole or in chunks of the same shape, and its embeddings.

use serde_json::Value;

use super::draft::{Draft, Kind, Vectors};
use super::openai::list;
use super::tokens;

pub(super) fn read(draft: &mut Draft, json: &Value) {
    // Without `alt=sse` a stream is one JSON list of chunks.
    if let Value::Array(chunks) = json {
        for chunk in chunks {
            read(draft, chunk);
        }
        return;
    }
    draft.name(json, "modelVersion", "responseId");
    for candidate in list(json, "candidates") {
        let index = candidate.get("index").and_then(Value::as_u64).unwrap_or(0);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let content = candidate.get("content").unwrap_or(&Value::Null);
        for part in list(content, "parts") {
            read_part(draft, index, part);
        }
        let reason = candidate.get("finishReason").and_then(Value::as_str);
        draft.finish(index, reason);
        draft.done |= reason.is_some();
    }
    let blocked = json
        .pointer("/promptFeedback/blockReason")
        .and_then(Value::as_str);
    if blocked.is_some() {
        draft.finish(0, blocked);
        draft.done = true;
    }
    let usage = json
        .get("usageMetadata")
        .or_else(|| json.get("usage_metadata"));
    if let Some(usage) = usage.filter(|usage| usage.is_object()) {
        draft.usage = tokens::gemini(usage);
    }
}

fn read_part(draft: &mut Draft, index: usize, part: &Value) {
    if let Some(text) = part.get("text").and_then(Value::as_str) {
        let thought = part.get("thought").and_then(Value::as_bool) == Some(true);
        let kind = if thought { Kind::Reasoning } else { Kind::Text };
        draft.push_text(index, text, kind);
    } else if let Some(call) = part.get("functionCall") {
        let number = draft
            .choice(index)
            .map_or(0, |choice| choice.tool_calls.len());
        let word = |key: &str| call.get(key).and_then(Value::as_str);
        let arguments = call.get("args").map(ToString::to_string);
        let arguments = arguments.as_deref().unwrap_or("");
        draft.push_tool_call(index, number as u64, word("id"), word("name"), arguments);
    } else {
        draft.push_part(index, part);
    }
}

pub(super) fn embed(draft: &mut Draft, json: &Value) {
    let many = list(json, "embeddings");
    let one = json.get("embedding").or_else(|| many.first());
    if let Some(one) = one {
        draft.vectors = Some(Vectors {
            count: many.len().max(1),
            dimensions: list(one, "values").len(),
        });
        draft.done = true;
    }
    if let Some(usage) = json.get("usageMetadata") {
        draft.usage = tokens::embeddings(tokens::gemini(usage).prompt);
    }
}
