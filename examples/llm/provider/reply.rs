//! What the model says, in no provider's format.

use serde_json::Value;

/// One answer of the script.
#[derive(Clone, Debug)]
#[must_use = "a reply is given to `Provider::start` or `Provider::script`"]
pub struct Reply {
    pub(crate) says: Says,
    pub(crate) tokens: Tokens,
    pub(crate) stalls_after: Option<usize>,
}

/// What it consists of.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Text(String),
    Tools(Vec<ToolCall>),
    Error { status: u16, message: String },
}

/// A tool that the model wants called.
#[derive(Clone, Debug)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// What the answer is said to have cost in tokens. As OpenAI counts: `prompt` holds the cached ones, `completion`
/// the reasoning ones; a format that counts otherwise converts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    pub(crate) cached: u64,
    pub(crate) reasoning: u64,
}

impl Reply {
    fn new(says: Says) -> Self {
        Self {
            says,
            tokens: Tokens::default(),
            stalls_after: None,
        }
    }

    /// The model says this. A stream brings it word by word.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Says::Text(text.into()))
    }

    /// The model wants this tool called.
    pub fn tool(name: &str, arguments: Value) -> Self {
        Self::new(Says::Tools(Vec::new())).and_tool(name, arguments)
    }

    /// The model wants this tool called, too.
    pub fn and_tool(mut self, name: &str, arguments: Value) -> Self {
        if let Says::Tools(calls) = &mut self.says {
            calls.push(ToolCall {
                id: format!("call_{}", calls.len() + 1),
                name: name.to_owned(),
                arguments,
            });
        }
        self
    }

    /// The provider refuses, with this status and message.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self::new(Says::Error {
            status,
            message: message.into(),
        })
    }

    /// The tokens of the prompt and of the completion.
    pub fn tokens(mut self, prompt: u64, completion: u64) -> Self {
        (self.tokens.prompt, self.tokens.completion) = (prompt, completion);
        self
    }

    /// So many tokens of the prompt came from the provider's cache.
    pub fn cached(mut self, tokens: u64) -> Self {
        self.tokens.cached = tokens;
        self
    }

    /// So many tokens of the completion were reasoning.
    pub fn reasoning(mut self, tokens: u64) -> Self {
        self.tokens.reasoning = tokens;
        self
    }

    /// The answer stops coming after so many words of a stream, and the connection stays open until the client goes
    /// away. An answer that is no stream does not begin.
    pub fn stalls_after(mut self, words: usize) -> Self {
        self.stalls_after = Some(words);
        self
    }
}

/// The pieces in which a stream brings a text: words, each with the space behind it.
pub(crate) fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}
