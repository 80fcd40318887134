//! What a format is, and what they share.

use serde_json::Value;

use crate::reply::Reply;

/// One request of a format.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its number among all, for ids.
    pub(crate) number: usize,
    /// What the path's `{parameter}` stood for, where the route has one.
    pub(crate) rest: Option<String>,
    pub(crate) body: Value,
}

/// A format's functions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// Whether a stream is asked for.
    pub(crate) streams: fn(&Asked) -> bool,
    /// The answer in one piece.
    pub(crate) whole: fn(&Asked, &Reply) -> Value,
    /// The answer as a stream.
    pub(crate) stream: fn(&Asked, &Reply) -> Streamed,
    /// A refusal.
    pub(crate) error: fn(u16, &str) -> Value,
}

/// The frames of a stream.
#[derive(Debug, Default)]
pub(crate) struct Streamed {
    pub(crate) content_type: &'static str,
    /// What comes before the first word.
    pub(crate) head: Vec<String>,
    /// A frame a word; a tool call counts as one.
    pub(crate) words: Vec<String>,
    /// What comes behind the last word.
    pub(crate) tail: Vec<String>,
}

impl Asked {
    pub(crate) fn new(number: usize, rest: Option<String>, body: Value) -> Self {
        Self { number, rest, body }
    }

    pub(crate) fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or("unnamed")
    }
}

/// Whether the body says `"stream": true`.
pub(crate) fn asks_for_stream(asked: &Asked) -> bool {
    asked.body["stream"] == true
}

/// One server-sent event, without a name.
pub(crate) fn sse(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// One server-sent event by its name.
pub(crate) fn named_sse(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
