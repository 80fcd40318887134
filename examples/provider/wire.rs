//! The chat-completions format, as far as the responder speaks it: text in, text out, no stream.
//! Fields it has no use for (`temperature`, `tools`, …) are ignored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Answer, Message};

/// A request body.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest {
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) stream: bool,
    messages: Vec<RequestMessage>,
}

#[derive(Debug, Deserialize)]
struct RequestMessage {
    role: String,
    #[serde(default)]
    content: Value,
}

impl ChatRequest {
    pub(crate) fn messages(&self) -> Vec<Message> {
        let plain = |message: &RequestMessage| Message {
            role: message.role.clone(),
            content: plain_text(&message.content),
        };
        self.messages.iter().map(plain).collect()
    }
}

/// Content is a string, or a list of parts of which the text parts count.
fn plain_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|p| p.get("text")?.as_str())
                .collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

/// An answer body.
#[derive(Debug, Serialize)]
pub(crate) struct ChatAnswer {
    id: String,
    object: &'static str,
    created: u64,
    model: &'static str,
    choices: [Choice; 1],
    usage: Usage,
}

#[derive(Debug, Serialize)]
struct Choice {
    index: u32,
    message: AnswerMessage,
    finish_reason: &'static str,
}

#[derive(Debug, Serialize)]
struct AnswerMessage {
    role: &'static str,
    content: String,
}

#[derive(Debug, Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

impl ChatAnswer {
    pub(crate) fn new(id: u64, created: u64, model: &'static str, answer: Answer) -> Self {
        Self {
            id: format!("chatcmpl-{id}"),
            object: "chat.completion",
            created,
            model,
            usage: Usage {
                prompt_tokens: answer.prompt_tokens,
                completion_tokens: answer.completion_tokens,
                total_tokens: answer.prompt_tokens + answer.completion_tokens,
            },
            choices: [Choice {
                index: 0,
                message: AnswerMessage {
                    role: "assistant",
                    content: answer.completion,
                },
                finish_reason: "stop",
            }],
        }
    }
}

/// An error body: `{"error":{"message","type","code"}}`.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorAnswer {
    error: ErrorDetails,
}

#[derive(Debug, Serialize)]
struct ErrorDetails {
    message: String,
    r#type: &'static str,
    code: &'static str,
}

impl ErrorAnswer {
    pub(crate) fn new(code: &'static str, message: String) -> Self {
        Self {
            error: ErrorDetails {
                message,
                r#type: "invalid_request_error",
                code,
            },
        }
    }
}
