//! The messages of an LLM call, whatever provider's form they were recorded in.
//!
//! Known forms are those of chat completions, of blocks (`text`, `thinking`, `tool_use`,
//! `tool_result`) and of `parts`; whatever is none of them is shown as the JSON it is.

use agentops_protocol::Json;
use serde_json::Value;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Message {
    /// Who speaks: `system`, `user`, `assistant`, `tool`, or whatever was recorded.
    pub(super) role: String,
    /// What is said, in order.
    pub(super) parts: Vec<Part>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Text, maybe Markdown.
    Text(String),
    /// What a model thought before it answered.
    Thinking(String),
    /// A tool that the model wants called.
    Call { name: String, arguments: Json },
    /// What a tool answered.
    Result(Json),
    /// Anything else.
    Other(Json),
}

/// The messages of a prompt or a completion; `role` is that of one that names none.
pub(super) fn messages(json: &Json, role: &str) -> Vec<Message> {
    match json.to_value() {
        Value::Null => Vec::new(),
        Value::Object(mut form) if form.get("type").is_some_and(|form| form == "string") => {
            let text = form.remove("string").unwrap_or_default();
            vec![message(text, role)]
        }
        Value::Object(mut form) if form.get("type").is_some_and(|form| form == "chatml") => {
            list(form.remove("messages").unwrap_or_default(), role)
        }
        other => list(other, role),
    }
}

fn list(value: Value, role: &str) -> Vec<Message> {
    match value {
        Value::Array(items) => items.into_iter().map(|item| message(item, role)).collect(),
        Value::Null => Vec::new(),
        other => vec![message(other, role)],
    }
}

fn message(value: Value, role: &str) -> Message {
    let Value::Object(mut fields) = value else {
        return Message {
            role: role.to_owned(),
            parts: parts(value),
        };
    };
    let is_message = ["content", "parts", "tool_calls"]
        .iter()
        .any(|name| fields.contains_key(*name));
    if !is_message {
        return Message {
            role: text_of(fields.get("role")).unwrap_or_else(|| role.to_owned()),
            parts: vec![part(Value::Object(fields))],
        };
    }
    let role = text_of(fields.get("role")).unwrap_or_else(|| role.to_owned());
    let content = fields.remove("content").or_else(|| fields.remove("parts"));
    let mut said = Vec::new();
    if let Some(thought) = text_of(fields.get("reasoning_content")) {
        said.push(Part::Thinking(thought));
    }
    match content {
        Some(content) if role == "tool" || role == "function" => {
            said.push(Part::Result(json(&unquoted(content))));
        }
        Some(content) => said.extend(parts(content)),
        None => {}
    }
    if let Some(Value::Array(calls)) = fields.remove("tool_calls") {
        said.extend(calls.into_iter().map(tool_call));
    }
    Message { role, parts: said }
}

fn parts(content: Value) -> Vec<Part> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) => vec![Part::Text(text)],
        Value::Array(items) => items.into_iter().map(part).collect(),
        other => vec![part(other)],
    }
}

fn part(value: Value) -> Part {
    if let Value::String(text) = value {
        return Part::Text(text);
    }
    let kind = text_of(value.get("type")).unwrap_or_default();
    let text = |name: &str| text_of(value.get(name));
    let known = match kind.as_str() {
        "thinking" | "reasoning" => text("thinking")
            .or_else(|| text("text"))
            .map(Part::Thinking),
        "tool_use" => Some(Part::Call {
            name: text("name").unwrap_or_default(),
            arguments: json(value.get("input").unwrap_or(&Value::Null)),
        }),
        "tool_result" => Some(Part::Result(json(
            value.get("content").unwrap_or(&Value::Null),
        ))),
        "function" => Some(tool_call(value.clone())),
        _ => text("text").map(Part::Text),
    };
    known.unwrap_or_else(|| Part::Other(json(&value)))
}

/// `{"function":{"name","arguments"}}`, or the same without the wrapping.
fn tool_call(value: Value) -> Part {
    let function = value.get("function").unwrap_or(&value);
    let name = text_of(function.get("name"));
    let arguments = function.get("arguments").or_else(|| function.get("args"));
    match name {
        Some(name) => Part::Call {
            name,
            arguments: json(&unquoted(arguments.cloned().unwrap_or_default())),
        },
        None => Part::Other(json(&value)),
    }
}

/// JSON that was put into a string, as providers send arguments; anything else as it is.
fn unquoted(value: Value) -> Value {
    match &value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or(value)
        }
        _ => value,
    }
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

fn json(value: &Value) -> Json {
    // Only what nests too deep for a recorded value cannot be one.
    Json::of(value).unwrap_or_else(|_| Json::string("too deep to show"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Vec<Message> {
        messages(&Json::parse(json).unwrap(), "user")
    }

    fn check(json: &str, expected: &str) {
        let read = read(json);
        let told = read.iter().map(|message| {
            let parts = message.parts.iter().map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Thinking(text) => format!("({text})"),
                Part::Call { name, arguments } => format!("{name}{}", arguments.get()),
                Part::Result(json) => format!("= {}", json.get()),
                Part::Other(json) => format!("? {}", json.get()),
            });
            format!(
                "{}: {}",
                message.role,
                parts.collect::<Vec<_>>().join(" | ")
            )
        });
        assert_eq!(told.collect::<Vec<_>>().join("\n"), expected);
    }

    #[test]
    fn every_form_is_read() {
        check(r#""hi""#, "user: hi");
        check(r#"{"type":"string","string":"hi"}"#, "user: hi");
        check(
            r#"{"type":"chatml","messages":[{"role":"system","content":"be"},{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"x"}}]}]}"#,
            "system: be\nuser: hi | ? {\"image_url\":{\"url\":\"x\"},\"type\":\"image_url\"}",
        );
        check(
            r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","content":"{\"b\":2}"}]"#,
            "assistant: f{\"a\":1}\ntool: = {\"b\":2}",
        );
        check(
            r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","content":"x"}]}]"#,
            "assistant: (hm) | f{\"a\":1}\nuser: = \"x\"",
        );
        check(r#"[{"role":"model","parts":[{"text":"hi"}]}]"#, "model: hi");
        check(r#"{"a":1}"#, "user: ? {\"a\":1}");
        check("null", "");
        check("5", "user: ? 5");
    }
}
