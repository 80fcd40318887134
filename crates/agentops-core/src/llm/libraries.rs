//! Responses of libraries as serde writes them: rig's, and genai's with its stream events.

use serde_json::Value;

use super::draft::{Draft, Kind};
use super::openai::{self, list};
use super::tokens;

/// `{"choice":[{"type":"text","text":…}],"usage":{…},"origin":{…}}`, in older releases with `raw_response`.
pub(super) fn rig(draft: &mut Draft, json: &Value) {
    if let Some(origin) = json.get("origin") {
        draft.name(origin, "model", "response_id");
    }
    for (index, part) in list(json, "choice").iter().enumerate() {
        let word = |key: &str| part.get(key).and_then(Value::as_str);
        match word("type") {
            Some("reasoning") => {
                let text = word("text").or_else(|| word("reasoning"));
                draft.push_text(0, text.unwrap_or(""), Kind::Reasoning);
            }
            _ if part.get("function").is_some() => {
                openai::tool_call(draft, 0, index as u64, &with_plain_id(part));
            }
            _ => match word("text") {
                Some(text) => draft.push_text(0, text, Kind::Text),
                None => draft.push_part(0, part),
            },
        }
    }
    if let Some(usage) = json.get("usage") {
        draft.usage = tokens::rig(usage);
    }
    if let Some(error) = json.get("error").and_then(Value::as_str) {
        draft.error = Some(super::provider_error::ProviderError::new(error));
    }
    draft.done = true;
}

/// rig's ids are `{"Provider":"call_1"}` or a string.
fn with_plain_id(call: &Value) -> Value {
    let mut call = call.clone();
    if let Some(Value::Object(id)) = call.get("id") {
        let plain = id.values().find(|id| id.is_string()).cloned();
        call["id"] = plain.unwrap_or_default();
    }
    call
}

/// A `ChatResponse`, or a `ChatStreamEvent` as `{"Chunk":{"content":…}}`.
pub(super) fn genai(draft: &mut Draft, json: &Value) {
    let content = |json: &Value| {
        json.get("content")
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    if let Some(chunk) = json.get("Chunk") {
        draft.push_text(0, &content(chunk), Kind::Text);
    } else if let Some(chunk) = json.get("ReasoningChunk") {
        draft.push_text(0, &content(chunk), Kind::Reasoning);
    } else if let Some(chunk) = json.get("ToolCallChunk") {
        if let Some(call) = chunk.get("tool_call") {
            genai_call(draft, call);
        }
    } else if let Some(end) = json.get("End") {
        read_usage(draft, end, "captured_usage");
        draft.name(end, "", "captured_response_id");
        stop_reason(draft, end.get("captured_stop_reason"));
        draft.done = true;
    } else {
        genai_response(draft, json);
    }
}

fn genai_response(draft: &mut Draft, json: &Value) {
    for key in ["model_iden", "provider_model_iden"] {
        if let Some(model) = json.get(key) {
            draft.name(model, "model_name", "");
        }
    }
    draft.name(json, "", "response_id");
    // Since 0.4 a list of parts, `{"Text":…}`; before that one part.
    let parts = match json.get("content") {
        Some(Value::Array(parts)) => parts.as_slice(),
        Some(part) => std::slice::from_ref(part),
        None => &[],
    };
    for part in parts {
        if let Some(text) = part.get("Text").and_then(Value::as_str) {
            draft.push_text(0, text, Kind::Text);
        } else if let Some(call) = part.get("ToolCall") {
            genai_call(draft, call);
        } else if let Some(calls) = part.get("ToolCalls").and_then(Value::as_array) {
            for call in calls {
                genai_call(draft, call);
            }
        } else if let Some(text) = part.get("ReasoningContent").and_then(Value::as_str) {
            draft.push_text(0, text, Kind::Reasoning);
        } else if part.is_object() && part.get("ThoughtSignature").is_none() {
            draft.push_part(0, part);
        }
    }
    let reasoning = json.get("reasoning_content").and_then(Value::as_str);
    draft.push_text(0, reasoning.unwrap_or(""), Kind::Reasoning);
    stop_reason(draft, json.get("stop_reason"));
    read_usage(draft, json, "usage");
    draft.done = true;
}

fn genai_call(draft: &mut Draft, call: &Value) {
    let number = draft.choice(0).map_or(0, |choice| choice.tool_calls.len());
    let word = |key: &str| call.get(key).and_then(Value::as_str);
    let arguments = call.get("fn_arguments").map(ToString::to_string);
    let arguments = arguments.as_deref().unwrap_or("");
    draft.push_tool_call(
        0,
        number as u64,
        word("call_id"),
        word("fn_name"),
        arguments,
    );
}

/// `{"Completed":"stop"}`: the provider's own word is inside.
fn stop_reason(draft: &mut Draft, reason: Option<&Value>) {
    let inner = reason.and_then(Value::as_object);
    let word = inner.and_then(|reason| reason.values().next()?.as_str());
    draft.finish(0, word);
}

fn read_usage(draft: &mut Draft, json: &Value, key: &str) {
    if let Some(usage) = json.get(key).filter(|usage| usage.is_object()) {
        draft.usage = tokens::openai(usage);
    }
}
