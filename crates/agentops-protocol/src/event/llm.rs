//! What only a call of a language model has.

use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use crate::{Json, ThreadId, Usage, Usd};

/// A call of a language model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Llm {
    /// The thread it belongs to.
    pub thread_id: Option<ThreadId>,
    /// The model's name as the caller gave it.
    pub model: Option<String>,
    /// A string, a list of chat messages, or an object.
    pub prompt: Option<Json>,
    /// A string, a chat message, or an object.
    pub completion: Option<Json>,
    /// Tokens.
    pub usage: Usage,
    /// Whether a count of them was estimated by the server, because nobody told it.
    pub tokens_estimated: bool,
    /// Cost in US dollars, given by the client or found by the server; `None`: not known.
    pub cost: Option<Usd>,
    /// Microseconds until the first token came.
    pub time_to_first_token_us: Option<u64>,
}

impl Llm {
    pub(super) fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("thread_id", &self.thread_id)?;
        map.serialize_entry("model", &self.model)?;
        map.serialize_entry("prompt", &self.prompt)?;
        map.serialize_entry("completion", &self.completion)?;
        map.serialize_entry("prompt_tokens", &self.usage.prompt)?;
        map.serialize_entry("completion_tokens", &self.usage.completion)?;
        map.serialize_entry("cached_read_tokens", &self.usage.cached_read)?;
        map.serialize_entry("cached_write_tokens", &self.usage.cached_write)?;
        map.serialize_entry("reasoning_tokens", &self.usage.reasoning)?;
        if self.tokens_estimated {
            map.serialize_entry("tokens_estimated", &true)?;
        }
        map.serialize_entry("cost", &self.cost.map(number))?;
        map.serialize_entry("time_to_first_token", &self.time_to_first_token_us)
    }
}

/// The documented `cost` of an event is a number; written digit by digit, never through a float.
fn number(cost: Usd) -> Box<RawValue> {
    let text = if cost == Usd::ZERO {
        "0".to_owned()
    } else {
        cost.to_string()
    };
    RawValue::from_string(text).expect("a decimal is JSON")
}
