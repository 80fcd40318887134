//! OpenAI's responses: the whole object, and the events of a stream.

use serde_json::Value;

use super::draft::{Draft, Kind};
use super::openai::{self, list};
use super::provider_error::ProviderError;

pub(super) fn read(draft: &mut Draft, json: &Value) {
    let kind = json.get("type").and_then(Value::as_str).unwrap_or("");
    let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or("");
    let index = json
        .get("output_index")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    match kind {
        "response.output_text.delta" => draft.push_text(0, text("delta"), Kind::Text),
        "response.refusal.delta" => draft.push_text(0, text("delta"), Kind::Refusal),
        "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
            draft.push_text(0, text("delta"), Kind::Reasoning);
        }
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            draft.push_tool_call(0, index, None, None, text("delta"));
        }
        "response.output_item.added" => {
            if let Some(item) = json.get("item").filter(|item| is_call(item)) {
                let (id, name) = named(item);
                draft.push_tool_call(0, index, id, name, "");
            }
        }
        "response.created" | "response.in_progress" | "response.queued" => {
            if let Some(response) = json.get("response") {
                draft.name(response, "model", "id");
            }
        }
        // The last event repeats everything: it replaces what was put together.
        "response.completed" | "response.incomplete" | "response.failed" => {
            if let Some(response) = json.get("response") {
                *draft = Draft::new();
                whole(draft, response);
                draft.done = true;
            }
        }
        "error" => draft.error = Some(event_error(json)),
        _ if kind.starts_with("response.") => {}
        _ => {
            whole(draft, json);
            draft.done = true;
        }
    }
}

/// An `error` event has its members beside its type.
fn event_error(json: &Value) -> ProviderError {
    let mut error = json.clone();
    if let Some(members) = error.as_object_mut() {
        members.remove("type");
    }
    let inner = json.get("error").is_some();
    let wrapped = serde_json::json!({ "error": error });
    ProviderError::read(if inner { json } else { &wrapped })
        .unwrap_or_else(|| ProviderError::new("the provider gave no message"))
}

fn whole(draft: &mut Draft, response: &Value) {
    draft.name(response, "model", "id");
    for (index, item) in list(response, "output").iter().enumerate() {
        match item.get("type").and_then(Value::as_str) {
            Some("message") => {
                for part in list(item, "content") {
                    read_part(draft, part);
                }
            }
            Some("reasoning") => {
                for part in list(item, "summary").iter().chain(list(item, "content")) {
                    let text = part.get("text").and_then(Value::as_str);
                    draft.push_text(0, text.unwrap_or(""), Kind::Reasoning);
                }
            }
            _ if is_call(item) => {
                let (id, name) = named(item);
                let arguments = item.get("arguments").or_else(|| item.get("input"));
                let arguments = arguments.and_then(Value::as_str).unwrap_or("");
                draft.push_tool_call(0, index as u64, id, name, arguments);
            }
            // What OpenAI's own tools did: web search, code, images.
            Some(_) => draft.push_part(0, item),
            None => {}
        }
    }
    let reason = response
        .pointer("/incomplete_details/reason")
        .or_else(|| response.get("status"));
    draft.finish(0, reason.and_then(Value::as_str));
    openai::read_usage(draft, response);
    draft.error = ProviderError::read(response);
}

fn read_part(draft: &mut Draft, part: &Value) {
    let text = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or("");
    match text("type") {
        "refusal" => draft.push_text(0, text("refusal"), Kind::Refusal),
        "output_text" | "text" => draft.push_text(0, text("text"), Kind::Text),
        _ => draft.push_part(0, part),
    }
}

fn is_call(item: &Value) -> bool {
    matches!(
        item.get("type").and_then(Value::as_str),
        Some("function_call" | "custom_tool_call")
    )
}

fn named(item: &Value) -> (Option<&str>, Option<&str>) {
    let word = |key: &str| item.get(key).and_then(Value::as_str);
    (word("call_id").or_else(|| word("id")), word("name"))
}
