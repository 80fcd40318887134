//! The parts of an answer while it is put together, within bounds.

use agentops_protocol::{Usage, Usd};
use serde_json::{Value, json};

use super::media;
use super::provider_error::ProviderError;
use super::text::{Room, Text};
use super::tokens::CountedBeside;

/// How much text one answer keeps, its tool calls and reasoning included.
const MAX_TEXT: usize = 1 << 20;

/// Most alternatives of one answer that are kept.
const MAX_CHOICES: usize = 16;

/// Most tool calls of one alternative that are kept.
const MAX_TOOL_CALLS: usize = 128;

/// Most parts of one alternative that are neither text nor tool calls.
const MAX_PARTS: usize = 64;

/// What is known of an answer so far; the reader of each format adds to it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    room: Room,
    pub(super) choices: Vec<Choice>,
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    pub(super) usage: Usage,
    pub(super) beside: CountedBeside,
    pub(super) cost: Option<Usd>,
    pub(super) error: Option<ProviderError>,
    pub(super) vectors: Option<Vectors>,
    pub(super) done: bool,
}

/// One alternative of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    pub(super) text: Text,
    pub(super) reasoning: Text,
    pub(super) refusal: Text,
    pub(super) tool_calls: Vec<ToolCall>,
    /// Images, audio and whatever else stands beside the text.
    pub(super) parts: Vec<Value>,
    pub(super) finish_reason: Option<String>,
}

/// A call that the model asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct ToolCall {
    /// Its place in the provider's numbering, by which later pieces find it.
    pub(super) index: u64,
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Text,
}

/// What came back of texts that were embedded; the numbers themselves are not kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vectors {
    pub(super) count: usize,
    pub(super) dimensions: usize,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            room: Room::new(MAX_TEXT),
            choices: Vec::new(),
            model: None,
            id: None,
            usage: Usage::default(),
            beside: CountedBeside::default(),
            cost: None,
            error: None,
            vectors: None,
            done: false,
        }
    }

    /// The alternative of that number; those beyond the bound are not kept.
    pub(super) fn choice(&mut self, index: usize) -> Option<&mut Choice> {
        if index >= MAX_CHOICES {
            return None;
        }
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        self.choices.get_mut(index)
    }

    pub(super) fn push_text(&mut self, index: usize, piece: &str, kind: Kind) {
        if piece.is_empty() || index >= MAX_CHOICES {
            return;
        }
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        let choice = &mut self.choices[index];
        let text = match kind {
            Kind::Text => &mut choice.text,
            Kind::Reasoning => &mut choice.reasoning,
            Kind::Refusal => &mut choice.refusal,
        };
        text.push(piece, &mut self.room);
    }

    /// Adds to the tool call of that number, which begins with its first piece.
    pub(super) fn push_tool_call(
        &mut self,
        choice: usize,
        index: u64,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
    ) {
        if choice >= MAX_CHOICES {
            return;
        }
        if self.choices.len() <= choice {
            self.choices.resize_with(choice + 1, Choice::default);
        }
        let calls = &mut self.choices[choice].tool_calls;
        let at = calls.iter().position(|call| call.index == index);
        let at = match at {
            Some(at) => at,
            None if calls.len() < MAX_TOOL_CALLS => {
                calls.push(ToolCall {
                    index,
                    ..ToolCall::default()
                });
                calls.len() - 1
            }
            None => return,
        };
        let call = &mut calls[at];
        if let Some(id) =
            id.filter(|id| call.id.is_none() && !id.is_empty() && self.room.take(id.len()))
        {
            call.id = Some(id.to_owned());
        }
        if let Some(name) = name.filter(|name| call.name.is_empty() && self.room.take(name.len())) {
            name.clone_into(&mut call.name);
        }
        call.arguments.push(arguments, &mut self.room);
    }

    /// Adds something that is neither text nor a tool call.
    pub(super) fn push_part(&mut self, choice: usize, part: &Value) {
        let mut part = part.clone();
        media::without_data(&mut part);
        let size = part.to_string().len();
        let fits = self.room.take(size);
        if let Some(choice) = self.choice(choice)
            && fits
            && choice.parts.len() < MAX_PARTS
        {
            choice.parts.push(part);
        }
    }

    pub(super) fn finish(&mut self, choice: usize, reason: Option<&str>) {
        if let Some(reason) = reason
            && let Some(choice) = self.choice(choice)
        {
            choice.finish_reason = Some(reason.to_owned());
        }
    }

    /// Takes a model and id where `json` has them.
    pub(super) fn name(&mut self, json: &Value, model: &str, id: &str) {
        let word = |key: &str| {
            let text = json.get(key)?.as_str()?;
            (!text.is_empty() && text.len() <= 512).then(|| text.to_owned())
        };
        self.model = word(model).or(self.model.take());
        self.id = word(id).or(self.id.take());
    }
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Reasoning,
    Refusal,
}

impl Choice {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
            && self.reasoning.is_empty()
            && self.refusal.is_empty()
            && self.tool_calls.is_empty()
            && self.parts.is_empty()
    }

    pub(super) fn message(&self) -> Value {
        let text = self.text.shown();
        let content: Value = match (self.parts.as_slice(), self.text.is_empty()) {
            ([], true) => Value::Null,
            ([], false) => text.into(),
            (parts, empty) => {
                let mut all = Vec::new();
                if !empty {
                    all.push(json!({ "type": "text", "text": text }));
                }
                all.extend_from_slice(parts);
                all.into()
            }
        };
        let mut message = json!({ "role": "assistant", "content": content });
        for (key, text) in [("reasoning", &self.reasoning), ("refusal", &self.refusal)] {
            if !text.is_empty() {
                message[key] = text.shown().into();
            }
        }
        if !self.tool_calls.is_empty() {
            message["tool_calls"] = self.tool_calls.iter().map(ToolCall::shown).collect();
        }
        message
    }
}

impl ToolCall {
    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "type": "function",
            "function": { "name": self.name, "arguments": self.arguments.shown() },
        })
    }
}
