//! Events that a user builds by hand.
//!
//! A builder writes what it is given at once, cut at the limit of one value, and holds no
//! reference to it.

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agentops_protocol::{EventId, Timestamp, Usage, Usd};
use serde::Serialize;

use crate::recording::Kind;
use crate::recording::cut::Cut;
use crate::recording::shield::shielded;

/// Members of an event's JSON, those that are content apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    /// Names, numbers, times.
    pub(crate) facts: Vec<u8>,
    /// Arguments, results, prompts, completions, messages.
    pub(crate) content: Vec<u8>,
}

impl Fields {
    pub(crate) fn content<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        member(&mut self.content, key, |cut| cut.value(value));
    }

    pub(crate) fn fact<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        member(&mut self.facts, key, |cut| cut.value(value));
    }

    pub(crate) fn usage(&mut self, usage: &Usage) {
        for (key, count) in [
            ("prompt_tokens", usage.prompt),
            ("completion_tokens", usage.completion),
            ("cached_read_tokens", usage.cached_read),
            ("cached_write_tokens", usage.cached_write),
            ("reasoning_tokens", usage.reasoning),
        ] {
            if let Some(count) = count {
                self.fact(key, &count);
            }
        }
    }

    pub(crate) fn cost(&mut self, cost: Usd) {
        let text = cost_text(cost);
        member(&mut self.facts, "cost", |cut| cut.raw(&text));
    }

    /// Everything that may be recorded, as members.
    pub(crate) fn write(&self, cut: &mut Cut<'_>, with_content: bool) {
        cut.members(&self.facts);
        if with_content {
            cut.members(&self.content);
        }
    }
}

/// Writes a member; a comma stands between members.
fn member(out: &mut Vec<u8>, key: &str, value: impl FnOnce(&mut Cut<'_>)) {
    if !out.is_empty() {
        out.push(b',');
    }
    let mut cut = Cut::new(out);
    cut.key(key);
    value(&mut cut);
}

/// What [`Session::record`](crate::Session::record) and
/// [`Session::start`](crate::Session::start) take: one of the four kinds of event.
pub trait Event: sealed::Sealed {}

pub(crate) mod sealed {
    use super::{Fields, Kind};

    /// What the session needs to know of an event.
    #[derive(Debug)]
    pub struct Draft {
        pub(crate) kind: Kind,
        pub(crate) name: String,
        pub(crate) fields: Fields,
        pub(crate) started: Option<std::time::SystemTime>,
        pub(crate) took: Option<std::time::Duration>,
    }

    /// Closed: the kinds of event are those of the API.
    pub trait Sealed {
        fn into_draft(self) -> Draft;
    }
}

use sealed::Draft;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident: $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "an event is recorded by `session.record` or `session.start`"]
        pub struct $name(Draft);

        impl sealed::Sealed for $name {
            fn into_draft(self) -> Draft {
                self.0
            }
        }

        impl Event for $name {}

        impl $name {
            fn named(name: impl Into<String>) -> Self {
                Self(Draft {
                    kind: Kind::$kind,
                    name: name.into(),
                    fields: Fields::default(),
                    started: None,
                    took: None,
                })
            }

            /// When it began; default: now.
            pub fn started(mut self, at: SystemTime) -> Self {
                self.0.started = Some(at);
                self
            }

            /// How long it took, for an event that is over; default: no time.
            pub fn took(mut self, duration: Duration) -> Self {
                self.0.took = Some(duration);
                self
            }

            /// Log text or any JSON.
            pub fn logs(mut self, logs: &(impl Serialize + ?Sized)) -> Self {
                self.0.fields.content("logs", logs);
                self
            }
        }
    )*};
}

events! {
    /// Something the agent did.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let client = agentops_core::Client::new(agentops_core::Config::new().data_dir(dir.path()));
    /// # let session = client.start_session(agentops_core::SessionOptions::new());
    /// use agentops_core::ActionEvent;
    /// session.record(ActionEvent::new("click").params(&("button", 1)).returns(&true));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ActionEvent: Action;
    /// A call of a language model.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let client = agentops_core::Client::new(agentops_core::Config::new().data_dir(dir.path()));
    /// # let session = client.start_session(agentops_core::SessionOptions::new());
    /// use agentops_core::{LlmEvent, Usage};
    /// session.record(
    ///     LlmEvent::new("gpt-4").prompt("2 + 2?").completion("4").usage(Usage::new(150, 80)),
    /// );
    /// # Ok::<(), std::io::Error>(())
    /// ```
    LlmEvent: Llm;
    /// A call of a tool.
    ToolEvent: Tool;
    /// Something that failed.
    ErrorEvent: Error;
}

macro_rules! arguments_and_result {
    ($($name:ident),*) => {$(
        impl $name {
            /// Arguments, best as a struct, a map or `json!({…})`.
            pub fn params(mut self, params: &(impl Serialize + ?Sized)) -> Self {
                self.0.fields.content("params", params);
                self
            }

            /// The result.
            pub fn returns(mut self, returns: &(impl Serialize + ?Sized)) -> Self {
                self.0.fields.content("returns", returns);
                self
            }
        }
    )*};
}
arguments_and_result!(ActionEvent, LlmEvent, ToolEvent);

impl ActionEvent {
    /// An action by its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::named(name)
    }

    /// URL or base64 PNG of a picture.
    pub fn screenshot(mut self, picture: impl AsRef<str>) -> Self {
        self.0.fields.content("screenshot", picture.as_ref());
        self
    }
}

impl ToolEvent {
    /// A tool by its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::named(name)
    }
}

impl LlmEvent {
    /// The model and what has been said, as JSON.
    pub(crate) fn told(&self) -> Vec<u8> {
        let mut json = b"{".to_vec();
        let mut cut = Cut::new(&mut json);
        cut.key("model").plain(self.0.name.as_str());
        self.0.fields.write(&mut cut, true);
        json.push(b'}');
        json
    }

    /// A call of `model`, the name as the provider knows it.
    pub fn new(model: impl Into<String>) -> Self {
        Self::named(model)
    }

    /// What was asked: a string, chat messages, or any JSON.
    pub fn prompt(mut self, prompt: &(impl Serialize + ?Sized)) -> Self {
        self.0.fields.content("prompt", prompt);
        self
    }

    /// What was answered: a string, a chat message, or any JSON.
    pub fn completion(mut self, completion: &(impl Serialize + ?Sized)) -> Self {
        self.0.fields.content("completion", completion);
        self
    }

    /// Tokens of the call.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.0.fields.usage(&usage);
        self
    }

    /// What it cost, where that is known better than the price book knows.
    pub fn cost(mut self, cost: Usd) -> Self {
        self.0.fields.cost(cost);
        self
    }

    /// Time until the first token came.
    pub fn time_to_first_token(mut self, time: Duration) -> Self {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.fields.fact("time_to_first_token", &micros);
        self
    }

    /// The thread it belongs to.
    pub fn thread(mut self, id: impl AsRef<str>) -> Self {
        self.0.fields.fact("thread_id", id.as_ref());
        self
    }
}

impl ErrorEvent {
    /// An error by its type.
    pub fn new(error_type: impl Into<String>) -> Self {
        Self::named(error_type)
    }

    /// An error with its type's name, its text and its sources.
    pub fn from_error<E: Error + ?Sized>(error: &E) -> Self {
        let describe = || {
            let mut chain = Vec::new();
            let mut source = error.source();
            while let Some(inner) = source.filter(|_| chain.len() < MAX_CHAIN) {
                chain.push(inner.to_string());
                source = inner.source();
            }
            serde_json::json!({ "message": error.to_string(), "chain": chain })
        };
        let mut event = Self::named(std::any::type_name::<E>());
        if let Some(details) = shielded(describe) {
            event.0.fields.content("details", &details);
        }
        event
    }

    /// What went wrong, for people.
    pub fn message(mut self, message: impl AsRef<str>) -> Self {
        let details = serde_json::json!({ "message": message.as_ref(), "chain": [] });
        self.0.fields.content("details", &details);
        self
    }

    /// A code.
    pub fn code(mut self, code: impl AsRef<str>) -> Self {
        self.0.fields.fact("code", code.as_ref());
        self
    }

    /// The event that failed.
    pub fn trigger(mut self, event: &EventId) -> Self {
        self.0.fields.fact("trigger_event_id", event);
        self
    }
}

/// Most sources of an error that are followed.
const MAX_CHAIN: usize = 32;

/// A cost as a number of JSON.
pub(crate) fn cost_text(cost: Usd) -> String {
    if cost == Usd::ZERO {
        "0".to_owned()
    } else {
        cost.to_string()
    }
}

/// The members that replace a record's own times, in front of all others: see `delivery::join`.
pub(crate) fn own_time(key: &str, at: SystemTime) -> Vec<u8> {
    let micros = match at.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    let mut text = String::new();
    let time = Timestamp::from_micros(micros);
    write!(text, "\"{key}\":\"{time}\"").expect("a string takes every write");
    text.into_bytes()
}
