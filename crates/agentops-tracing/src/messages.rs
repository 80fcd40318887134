//! Chat messages as spans tell them, made into the messages that every reader of a session knows.
//!
//! ```text
//! gen_ai.input.messages      [{"role","parts":[{"type":"text","content"}, {"type":"tool_call",..}, ..]}]
//! gen_ai.prompt.0.role, gen_ai.prompt.0.content, gen_ai.prompt.1.role, ..
//! ->                         [{"role","content","tool_calls"}]
//! ```

use serde_json::{Map, Value, json};

use crate::fields::{Fields, parsed};

/// Most messages that are numbered one by one in field names.
const MOST_INDEXED: usize = 256;

/// The messages of `gen_ai.input.messages` or `gen_ai.output.messages`, each made plain; anything else as it is.
pub(crate) fn plain(told: &Value) -> Value {
    match parsed(told) {
        Value::Array(messages) => Value::Array(messages.iter().flat_map(message).collect()),
        other => other,
    }
}

/// The system's instructions as the first message, unless they are that already.
pub(crate) fn with_instructions(told: Option<&Value>, messages: Value) -> Value {
    let Some(told) = told else {
        return messages;
    };
    let first = json!({"role": "system", "content": instructions(told)});
    match messages {
        Value::Array(messages) if messages.first() == Some(&first) => Value::Array(messages),
        Value::Array(mut messages) => {
            messages.insert(0, first);
            Value::Array(messages)
        }
        Value::Null => json!([first]),
        text => json!([first, {"role": "user", "content": text}]),
    }
}

/// The parts of `gen_ai.system_instructions`, as one content.
pub(crate) fn instructions(told: &Value) -> Value {
    match parsed(told) {
        Value::Array(parts) => content(&parts.iter().collect::<Vec<_>>()),
        other => other,
    }
}

/// `PREFIX.0.role`, `PREFIX.0.content`, `PREFIX.0.tool_calls.0.name` and so on.
pub(crate) fn indexed(fields: &Fields, prefix: &str) -> Option<Value> {
    let mut messages: Vec<Map<String, Value>> = Vec::new();
    for (name, value) in fields.iter() {
        let Some((index, path)) = name
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let Some(index) = index.parse::<usize>().ok().filter(|at| *at < MOST_INDEXED) else {
            continue;
        };
        if messages.len() <= index {
            messages.resize_with(index + 1, Map::new);
        }
        messages[index].insert(path.to_owned(), parsed(value));
    }
    let messages: Vec<Value> = messages
        .into_iter()
        .filter(|message| !message.is_empty())
        .map(with_tool_calls)
        .collect();
    (!messages.is_empty()).then_some(Value::Array(messages))
}

/// Puts `tool_calls.0.name` and `tool_calls.0.arguments` together.
fn with_tool_calls(message: Map<String, Value>) -> Value {
    let (mut plain, mut calls) = (Map::new(), Vec::<Map<String, Value>>::new());
    for (path, value) in message {
        let call = path.strip_prefix("tool_calls.").and_then(|rest| {
            let (index, key) = rest.split_once('.')?;
            Some((
                index
                    .parse::<usize>()
                    .ok()
                    .filter(|at| *at < MOST_INDEXED)?,
                key,
            ))
        });
        match call {
            Some((index, key)) => {
                if calls.len() <= index {
                    calls.resize_with(index + 1, Map::new);
                }
                calls[index].insert(key.to_owned(), value);
            }
            None => drop(plain.insert(path, value)),
        }
    }
    if !calls.is_empty() {
        let calls = calls
            .iter()
            .map(|call| tool_call(&Value::Object(call.clone())));
        plain.insert("tool_calls".to_owned(), calls.collect());
    }
    Value::Object(plain)
}

/// The last message alone, or the only one: what was answered.
pub(crate) fn only(messages: Value) -> Value {
    match messages {
        Value::Array(mut list) if list.len() == 1 => list.remove(0),
        other => other,
    }
}

/// One message of parts; the results of tools that it carries are messages of their own.
fn message(told: &Value) -> Vec<Value> {
    let Some(parts) = told.get("parts").and_then(Value::as_array) else {
        return vec![told.clone()];
    };
    let is = |part: &Value, kind: &str| part["type"] == kind;
    let mut plain = Map::new();
    plain.insert(
        "role".to_owned(),
        told.get("role").cloned().unwrap_or_default(),
    );
    let said: Vec<&Value> = parts
        .iter()
        .filter(|part| !is(part, "tool_call") && !is(part, "tool_call_response"))
        .collect();
    let calls: Vec<Value> = parts
        .iter()
        .filter(|part| is(part, "tool_call"))
        .map(tool_call)
        .collect();
    plain.insert("content".to_owned(), content(&said));
    let has_calls = !calls.is_empty();
    if has_calls {
        plain.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    // rig's word for a reason that it does not pass on.
    if let Some(reason) = told
        .get("finish_reason")
        .filter(|reason| **reason != "unknown")
    {
        plain.insert("finish_reason".to_owned(), reason.clone());
    }
    let results = parts.iter().filter(|part| is(part, "tool_call_response"));
    let results = results.map(|part| {
        let result = ["response", "result"].iter().find_map(|key| part.get(key));
        json!({"role": "tool", "tool_call_id": part.get("id"), "content": result})
    });
    let has_own = has_calls || !said.is_empty() || parts.is_empty();
    has_own
        .then_some(Value::Object(plain))
        .into_iter()
        .chain(results)
        .collect()
}

/// One text if there is nothing but texts.
fn content(parts: &[&Value]) -> Value {
    match parts
        .iter()
        .map(|part| text_of(part))
        .collect::<Option<Vec<&str>>>()
    {
        Some(texts) if texts.is_empty() => Value::Null,
        Some(texts) => texts.join("\n").into(),
        None => parts.iter().map(|part| part_of(part)).collect(),
    }
}

fn text_of(part: &Value) -> Option<&str> {
    let text = part["content"].as_str().or_else(|| part["text"].as_str());
    text.filter(|_| part["type"] == "text")
}

/// A part that is more than text; what is inline of a picture or sound is told by its size.
fn part_of(part: &Value) -> Value {
    let mut part = part.clone();
    if part["type"] == "blob"
        && let Some(bytes) = part["content"].as_str().map(str::len)
    {
        let kind = part["mime_type"].as_str().unwrap_or("data");
        // Four characters of base64 are three bytes.
        part["content"] = format!("[{kind}, {} bytes]", bytes / 4 * 3).into();
    }
    part
}

fn tool_call(told: &Value) -> Value {
    let arguments = match told.get("arguments") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let function = json!({"name": told.get("name"), "arguments": arguments});
    json!({"id": told.get("id"), "type": "function", "function": function})
}
