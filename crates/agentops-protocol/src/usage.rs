//! Tokens of an LLM call.

use serde::{Deserialize, Serialize};

/// Tokens of one LLM call. `None`: not known.
///
/// The cached counts are parts of `prompt` and `reasoning` is a part of `completion`; nothing is
/// to be added up twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// All tokens of the prompt, cached ones included.
    pub prompt: Option<u64>,
    /// All tokens of the answer, reasoning included.
    pub completion: Option<u64>,
    /// Prompt tokens that were read from the provider's cache.
    pub cached_read: Option<u64>,
    /// Prompt tokens that were written to the provider's cache.
    pub cached_write: Option<u64>,
    /// Completion tokens spent on reasoning.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// `prompt` tokens in, `completion` tokens out.
    ///
    /// ```
    /// # use agentops_protocol::Usage;
    /// let usage = Usage::new(150, 80).cached_read(100);
    /// assert_eq!(usage.total(), Some(230));
    /// ```
    #[must_use]
    pub fn new(prompt: u64, completion: u64) -> Self {
        Self {
            prompt: Some(prompt),
            completion: Some(completion),
            ..Self::default()
        }
    }

    /// Of the prompt tokens, `tokens` were read from the cache.
    #[must_use]
    pub fn cached_read(mut self, tokens: u64) -> Self {
        self.cached_read = Some(tokens);
        self
    }

    /// Of the prompt tokens, `tokens` were written to the cache.
    #[must_use]
    pub fn cached_write(mut self, tokens: u64) -> Self {
        self.cached_write = Some(tokens);
        self
    }

    /// Of the completion tokens, `tokens` were spent on reasoning.
    #[must_use]
    pub fn reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = Some(tokens);
        self
    }

    /// Prompt and completion tokens together; `None` when neither is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        match (self.prompt, self.completion) {
            (None, None) => None,
            (prompt, completion) => {
                Some(prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0)))
            }
        }
    }
}
