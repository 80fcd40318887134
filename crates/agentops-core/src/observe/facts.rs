//! What is known of a call, and from whom.

use std::time::Duration;

use agentops_protocol::{Usage, Usd};
use serde::Serialize;

use crate::events::cost_text;
use crate::recording::Kind;
use crate::recording::cut::Cut;

/// Where a fact comes from. Of two accounts of one call the greater source wins, fact by fact, and of two of one source
/// the nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// Fields of a `tracing` span: what a library chose to tell.
    Span,
    /// Arguments and result of a function.
    Value,
    /// Request and answer as they went over the wire.
    Wire,
    /// Said by the user, for this very call.
    User,
}

/// What one observer knows of a call. Values are written when they are told, cut at the size limit of one field;
/// where a session records no content, messages, arguments and results are not even looked at.
#[derive(Clone, Debug)]
pub struct Facts {
    source: Source,
    content: bool,
    name: Option<String>,
    prompt: Option<Vec<u8>>,
    completion: Option<Vec<u8>>,
    params: Option<Vec<u8>>,
    returns: Option<Vec<u8>>,
    logs: Option<Vec<u8>>,
    thread: Option<String>,
    usage: Usage,
    cost: Option<Usd>,
    first_token: Option<Duration>,
}

impl Facts {
    pub(super) fn new(source: Source, content: bool) -> Self {
        Self {
            source,
            content,
            name: None,
            prompt: None,
            completion: None,
            params: None,
            returns: None,
            logs: None,
            thread: None,
            usage: Usage::default(),
            cost: None,
            first_token: None,
        }
    }

    /// The model of an LLM call as the provider knows it, the name of a tool or an action. Replaces the one that the
    /// call was opened with.
    pub fn name(&mut self, name: impl Into<String>) {
        self.name = Some(name.into());
    }

    /// What was asked: a string, chat messages, or any JSON.
    pub fn prompt(&mut self, prompt: &(impl Serialize + ?Sized)) {
        write(self.content, &mut self.prompt, prompt);
    }

    /// What was answered: a string, a chat message, or any JSON.
    pub fn completion(&mut self, completion: &(impl Serialize + ?Sized)) {
        write(self.content, &mut self.completion, completion);
    }

    /// Arguments.
    pub fn params(&mut self, params: &(impl Serialize + ?Sized)) {
        write(self.content, &mut self.params, params);
    }

    /// The result.
    pub fn returns(&mut self, returns: &(impl Serialize + ?Sized)) {
        write(self.content, &mut self.returns, returns);
    }

    /// Log text or any JSON.
    pub fn logs(&mut self, logs: &(impl Serialize + ?Sized)) {
        write(self.content, &mut self.logs, logs);
    }

    /// The conversation thread it belongs to.
    pub fn thread(&mut self, id: impl Into<String>) {
        self.thread = Some(id.into());
    }

    /// Tokens; replaces what was told before, count by count.
    pub fn usage(&mut self, usage: Usage) {
        let known = &mut self.usage;
        known.prompt = usage.prompt.or(known.prompt);
        known.completion = usage.completion.or(known.completion);
        known.cached_read = usage.cached_read.or(known.cached_read);
        known.cached_write = usage.cached_write.or(known.cached_write);
        known.reasoning = usage.reasoning.or(known.reasoning);
    }

    /// What it cost, where that is known better than the price book knows.
    pub fn cost(&mut self, cost: Usd) {
        self.cost = Some(cost);
    }

    /// The time until the first token came.
    pub fn time_to_first_token(&mut self, time: Duration) {
        self.first_token = Some(time);
    }

    /// Whether messages, arguments and results are recorded: no need to build them otherwise.
    #[must_use]
    pub fn wants_content(&self) -> bool {
        self.content
    }

    /// One account out of two; of two that are as good the `other` counts, which is from nearer.
    pub(super) fn merge(self, other: Facts) -> Facts {
        let (best, rest) = if other.source >= self.source {
            (other, self)
        } else {
            (self, other)
        };
        // Counts of two accounts are not mixed: one may have the cached tokens among the prompt's, one beside them.
        let usage = match best.usage.total() {
            Some(_) => best.usage,
            None => rest.usage,
        };
        Facts {
            name: best.name.or(rest.name),
            prompt: best.prompt.or(rest.prompt),
            completion: best.completion.or(rest.completion),
            params: best.params.or(rest.params),
            returns: best.returns.or(rest.returns),
            logs: best.logs.or(rest.logs),
            thread: best.thread.or(rest.thread),
            usage,
            cost: best.cost.or(rest.cost),
            first_token: best.first_token.or(rest.first_token),
            ..best
        }
    }

    /// Without tokens and cost: what others have counted already.
    pub(super) fn uncounted(self) -> Facts {
        Facts {
            usage: Usage::default(),
            cost: None,
            ..self
        }
    }

    pub(super) fn known_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn set_name_if_none(&mut self, name: &str) {
        self.name.get_or_insert_with(|| name.to_owned());
    }

    /// All of it but the name, as members.
    pub(super) fn write(&self, cut: &mut Cut<'_>) {
        for (key, value) in [
            ("prompt", &self.prompt),
            ("completion", &self.completion),
            ("params", &self.params),
            ("returns", &self.returns),
            ("logs", &self.logs),
        ] {
            if let Some(json) = value {
                cut.key(key).written(json);
            }
        }
        let usage = &self.usage;
        for (key, count) in [
            ("prompt_tokens", usage.prompt),
            ("completion_tokens", usage.completion),
            ("cached_read_tokens", usage.cached_read),
            ("cached_write_tokens", usage.cached_write),
            ("reasoning_tokens", usage.reasoning),
        ] {
            if let Some(count) = count {
                cut.key(key).plain(&count);
            }
        }
        if let Some(cost) = self.cost {
            cut.key("cost").raw(&cost_text(cost));
        }
        if let Some(time) = self.first_token {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            cut.key("time_to_first_token").plain(&micros);
        }
        if let Some(thread) = &self.thread {
            cut.key("thread_id").plain(thread.as_str());
        }
    }

    /// The name first and then all the rest: by that the worker knows that nothing of the start counts any more.
    pub(super) fn write_whole(&self, kind: Kind, cut: &mut Cut<'_>) {
        cut.quoted_key(kind.name_key());
        cut.plain(self.name.as_deref().unwrap_or_default());
        self.write(cut);
    }
}

fn write<T: Serialize + ?Sized>(content: bool, into: &mut Option<Vec<u8>>, value: &T) {
    if content {
        let mut json = Vec::new();
        Cut::new(&mut json).value(value);
        *into = Some(json);
    }
}
