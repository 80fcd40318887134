//! Anthropic's messages: the whole object, and the events of a stream.

use serde_json::Value;

use super::draft::{Draft, Kind};
use super::openai::list;

pub(super) fn read(draft: &mut Draft, json: &Value) {
    let index = json.get("index").and_then(Value::as_u64).unwrap_or(0);
    match json.get("type").and_then(Value::as_str).unwrap_or("") {
        "message_start" => {
            if let Some(message) = json.get("message") {
                draft.name(message, "model", "id");
                usage(draft, message, false);
            }
        }
        "content_block_start" => {
            if let Some(part) = json.get("content_block") {
                block(draft, index, part, true);
            }
        }
        "content_block_delta" => {
            if let Some(part) = json.get("delta") {
                delta(draft, index, part);
            }
        }
        "message_delta" => {
            let reason = json.pointer("/delta/stop_reason").and_then(Value::as_str);
            draft.finish(0, reason);
            usage(draft, json, true);
        }
        "message_stop" => draft.done = true,
        "content_block_stop" | "ping" | "error" => {}
        _ => whole(draft, json),
    }
}

fn whole(draft: &mut Draft, json: &Value) {
    draft.name(json, "model", "id");
    for (index, part) in list(json, "content").iter().enumerate() {
        block(draft, index as u64, part, false);
    }
    draft.finish(0, json.get("stop_reason").and_then(Value::as_str));
    usage(draft, json, true);
    draft.done |= json.get("content").is_some();
}

fn block(draft: &mut Draft, index: u64, block: &Value, streamed: bool) {
    let word = |key: &str| block.get(key).and_then(Value::as_str);
    match word("type") {
        Some("text") => draft.push_text(0, word("text").unwrap_or(""), Kind::Text),
        Some("thinking") => draft.push_text(0, word("thinking").unwrap_or(""), Kind::Reasoning),
        Some("redacted_thinking") => draft.push_text(0, "[redacted]", Kind::Reasoning),
        Some("tool_use" | "server_tool_use" | "mcp_tool_use") => {
            // A stream begins with an empty object and sends the real one in pieces.
            let input = block.get("input").filter(|_| !streamed);
            let arguments = input.map(ToString::to_string).unwrap_or_default();
            draft.push_tool_call(0, index, word("id"), word("name"), &arguments);
        }
        Some(_) => draft.push_part(0, block),
        None => {}
    }
}

fn delta(draft: &mut Draft, index: u64, delta: &Value) {
    let text = |key: &str| delta.get(key).and_then(Value::as_str).unwrap_or("");
    match text("type") {
        "text_delta" => draft.push_text(0, text("text"), Kind::Text),
        "thinking_delta" => draft.push_text(0, text("thinking"), Kind::Reasoning),
        "input_json_delta" => {
            draft.push_tool_call(0, index, None, None, text("partial_json"));
        }
        _ => {}
    }
}

fn usage(draft: &mut Draft, json: &Value, with_output: bool) {
    if let Some(usage) = json.get("usage") {
        draft.beside.read(usage, with_output);
        draft.usage = draft.beside.usage();
    }
}
