//! OpenAI's chat completions, completions and embeddings, and what other hosts add to them.

use agentops_protocol::Usd;
use serde_json::Value;

use super::draft::{Draft, Kind, Vectors};
use super::tokens;

/// A response's `message` and a chunk's `delta` have the same members.
pub(super) fn chat(draft: &mut Draft, json: &Value) {
    draft.name(json, "model", "id");
    for choice in list(json, "choices") {
        let index = place(choice);
        let message = choice.get("delta").or_else(|| choice.get("message"));
        if let Some(message) = message {
            read_message(draft, index, message);
        }
        let reason = choice.get("finish_reason").and_then(Value::as_str);
        draft.finish(index, reason);
        draft.done |= reason.is_some();
    }
    read_usage(draft, json);
}

fn read_message(draft: &mut Draft, index: usize, message: &Value) {
    match message.get("content") {
        Some(Value::String(text)) => draft.push_text(index, text, Kind::Text),
        Some(Value::Array(parts)) => {
            for part in parts {
                match part.get("text").and_then(Value::as_str) {
                    Some(text) => draft.push_text(index, text, Kind::Text),
                    None => draft.push_part(index, part),
                }
            }
        }
        _ => {}
    }
    // DeepSeek and others, OpenRouter, Ollama's thinking models.
    let reasoning = ["reasoning_content", "reasoning", "thinking"]
        .iter()
        .find_map(|key| message.get(*key)?.as_str());
    draft.push_text(index, reasoning.unwrap_or(""), Kind::Reasoning);
    let refusal = message.get("refusal").and_then(Value::as_str);
    draft.push_text(index, refusal.unwrap_or(""), Kind::Refusal);
    for (place, call) in list(message, "tool_calls").iter().enumerate() {
        let number = call.get("index").and_then(Value::as_u64);
        tool_call(draft, index, number.unwrap_or(place as u64), call);
    }
    // The form before tool calls.
    if let Some(function) = message.get("function_call").filter(|call| call.is_object()) {
        let name = function.get("name").and_then(Value::as_str);
        let arguments = function.get("arguments").and_then(Value::as_str);
        draft.push_tool_call(index, 0, None, name, arguments.unwrap_or(""));
    }
    for key in ["audio", "images"] {
        if let Some(part) = message.get(key).filter(|part| !part.is_null()) {
            draft.push_part(index, &serde_json::json!({ "type": key, key: part }));
        }
    }
}

/// A tool call or a piece of one; arguments are text here and an object with Ollama.
pub(super) fn tool_call(draft: &mut Draft, choice: usize, index: u64, call: &Value) {
    let function = call.get("function").or_else(|| call.get("custom"));
    let Some(function) = function else { return };
    let id = call.get("id").and_then(Value::as_str);
    let name = function.get("name").and_then(Value::as_str);
    let arguments = match function.get("arguments").or_else(|| function.get("input")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    draft.push_tool_call(choice, index, id, name, &arguments);
}

pub(super) fn completions(draft: &mut Draft, json: &Value) {
    draft.name(json, "model", "id");
    for choice in list(json, "choices") {
        let index = place(choice);
        let text = choice.get("text").and_then(Value::as_str);
        draft.push_text(index, text.unwrap_or(""), Kind::Text);
        let reason = choice.get("finish_reason").and_then(Value::as_str);
        draft.finish(index, reason);
        draft.done |= reason.is_some();
    }
    read_usage(draft, json);
}

pub(super) fn embeddings(draft: &mut Draft, json: &Value) {
    draft.name(json, "model", "id");
    let data = list(json, "data");
    let dimensions = match data.first().and_then(|item| item.get("embedding")) {
        Some(Value::Array(numbers)) => numbers.len(),
        // base64 of 32-bit floats.
        Some(Value::String(text)) => text.trim_end_matches('=').len() * 3 / 16,
        _ => 0,
    };
    if !data.is_empty() {
        draft.vectors = Some(Vectors {
            count: data.len(),
            dimensions,
        });
        draft.done = true;
    }
    if let Some(usage) = json.get("usage") {
        draft.usage = tokens::embeddings(tokens::openai(usage).prompt);
    }
}

pub(super) fn read_usage(draft: &mut Draft, json: &Value) {
    // Groq puts a stream's usage beside its own things.
    let usage = json.get("usage").or_else(|| json.pointer("/x_groq/usage"));
    let Some(usage) = usage.filter(|usage| usage.is_object()) else {
        return;
    };
    draft.usage = tokens::openai(usage);
    draft.cost = cost(usage).or(draft.cost);
}

/// OpenRouter says what it charges, in dollars. Its number is read by its digits.
fn cost(usage: &Value) -> Option<Usd> {
    let cost = usage.get("cost")?.as_number()?;
    cost.to_string().parse().ok()
}

pub(super) fn list<'a>(json: &'a Value, key: &str) -> &'a [Value] {
    json.get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn place(choice: &Value) -> usize {
    let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(index).unwrap_or(usize::MAX)
}
