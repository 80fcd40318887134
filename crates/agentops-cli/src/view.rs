//! What the commands read of a list and of an export, from whichever server it comes.
//!
//! Only what is shown is read, and nothing is required but the lists: the documents leave open
//! what an export holds, and a field that is missing is shown as missing.

use std::collections::BTreeMap;

use agentops_protocol::api::Stats;
use agentops_protocol::{EventKind, Json, Timestamp, Usd};
use anyhow::Context as _;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text;

/// An export.
#[derive(Debug, Deserialize)]
pub(crate) struct Export {
    pub(crate) session: Session,
    #[serde(default)]
    actions: Vec<Event>,
    #[serde(default)]
    llms: Vec<Event>,
    #[serde(default)]
    tools: Vec<Event>,
    #[serde(default)]
    errors: Vec<Event>,
    pub(crate) stats: Option<Stats>,
}

/// Its session.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    id: Option<String>,
    session_id: Option<String>,
    pub(crate) init_timestamp: Option<Timestamp>,
    pub(crate) end_timestamp: Option<Timestamp>,
    pub(crate) end_state: Option<String>,
    pub(crate) end_state_reason: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) video: Option<String>,
    pub(crate) dropped: Option<BTreeMap<String, u64>>,
}

impl Session {
    /// Its id under either name.
    pub(crate) fn id(&self) -> &str {
        self.id
            .as_deref()
            .or(self.session_id.as_deref())
            .unwrap_or("?")
    }
}

/// One event of any kind.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "event_type", default = "action", deserialize_with = "kind")]
    pub(crate) kind: EventKind,
    pub(crate) session_id: Option<String>,
    pub(crate) id: Option<String>,
    parent_id: Option<String>,
    trigger_event_id: Option<String>,
    pub(crate) init_timestamp: Option<Timestamp>,
    pub(crate) end_timestamp: Option<Timestamp>,
    pub(crate) status: Option<String>,
    action_type: Option<String>,
    name: Option<String>,
    model: Option<String>,
    error_type: Option<String>,
    details: Option<Json>,
    pub(crate) prompt_tokens: Option<u64>,
    pub(crate) completion_tokens: Option<u64>,
    pub(crate) cost: Option<Usd>,
}

fn action() -> EventKind {
    EventKind::Action
}

/// Any word that is no kind is an action's.
fn kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<EventKind, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(word
        .and_then(|word| EventKind::from_name(&word))
        .unwrap_or_else(action))
}

/// A session as a server answers it: with its counts, without its events.
#[derive(Debug, Deserialize)]
pub(crate) struct OneSession {
    pub(crate) session: Session,
    pub(crate) stats: Option<Stats>,
}

/// A page of events, each as it came as well.
#[derive(Debug, Deserialize)]
pub(crate) struct EventPage<'a> {
    #[serde(borrow)]
    pub(crate) events: Vec<&'a RawValue>,
    pub(crate) next_cursor: Option<String>,
}

impl<'a> EventPage<'a> {
    /// Reads a page.
    pub(crate) fn read(text: &'a str) -> anyhow::Result<Self> {
        serde_json::from_str(text).context("the list of events cannot be read")
    }

    /// Its events.
    pub(crate) fn events(&self) -> anyhow::Result<Vec<Event>> {
        self.events
            .iter()
            .map(|raw| Event::read(raw.get()))
            .collect()
    }
}

impl Event {
    /// Reads one event.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        serde_json::from_str(text).context("an event cannot be read")
    }

    /// The event it is shown under: its parent; an error without one, the event that failed.
    pub(crate) fn above(&self) -> Option<&str> {
        self.parent_id
            .as_deref()
            .or(self.trigger_event_id.as_deref())
    }

    /// What people know it by.
    pub(crate) fn label(&self) -> &str {
        let name = match self.kind {
            EventKind::Action => self.action_type.as_deref().or(self.name.as_deref()),
            EventKind::Llm => self.model.as_deref(),
            EventKind::Tool => self.name.as_deref(),
            EventKind::Error => self.error_type.as_deref().map(last_part),
        };
        name.filter(|name| !name.is_empty()).unwrap_or("(no name)")
    }

    /// Trouble, tokens and cost, as far as there are any: clean text.
    pub(crate) fn detail(&self) -> String {
        let mut parts = Vec::new();
        if let Some(status) = self.trouble() {
            parts.push(text::clean(status).into_owned());
        }
        if self.prompt_tokens.is_some() || self.completion_tokens.is_some() {
            let count = |tokens: Option<u64>| tokens.map_or("?".to_owned(), |n| n.to_string());
            let tokens = [self.prompt_tokens, self.completion_tokens].map(count);
            parts.push(format!("{} tok", tokens.join("+")));
        }
        parts.extend(self.cost.map(|cost| format!("${cost}")));
        parts.join(" ")
    }

    /// What an error says; of others, trouble, tokens and cost: clean text.
    pub(crate) fn about(&self) -> String {
        match self.kind {
            EventKind::Error => text::clean(&self.message().unwrap_or_default()).into_owned(),
            _ => self.detail(),
        }
    }

    /// How long it took, for people; dots while it runs.
    pub(crate) fn took(&self) -> String {
        let start = self.init_timestamp;
        match (start, self.end_timestamp) {
            (Some(start), Some(end)) => text::duration(end.micros_since(start)),
            _ => "…".to_owned(),
        }
    }

    /// Its kind in one short word.
    pub(crate) fn kind_word(&self) -> &'static str {
        match self.kind {
            EventKind::Action => "action",
            EventKind::Llm => "llm",
            EventKind::Tool => "tool",
            EventKind::Error => "error",
        }
    }

    /// How it ended, where that is worth a word: not for what ended well, nor for an error,
    /// whose kind says it.
    pub(crate) fn trouble(&self) -> Option<&str> {
        match (self.status.as_deref(), self.end_timestamp) {
            (Some("ok"), _) => None,
            (Some("error"), _) if self.kind == EventKind::Error => None,
            (Some(status), _) => Some(status),
            (None, None) if self.kind != EventKind::Error => Some("running"),
            (None, _) => None,
        }
    }

    /// Whether it went wrong.
    pub(crate) fn is_bad(&self) -> bool {
        let bad = ["error", "panicked", "interrupted"];
        self.kind == EventKind::Error || self.status.as_deref().is_some_and(|s| bad.contains(&s))
    }

    /// What an error says: its details, or the message inside them.
    pub(crate) fn message(&self) -> Option<String> {
        let details = self.details.as_ref()?;
        let inside = || Some(details.to_value().get("message")?.as_str()?.to_owned());
        details.as_string().or_else(inside)
    }
}

/// The name of a type without the way to it.
fn last_part(name: &str) -> &str {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    match name.rsplit_once("::") {
        Some((_, last)) if !last.is_empty() && name.chars().all(plain) => last,
        _ => name,
    }
}

impl Export {
    /// All events in the order they began.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        let mut all = Vec::new();
        for (kind, events) in [
            (EventKind::Action, std::mem::take(&mut self.actions)),
            (EventKind::Llm, std::mem::take(&mut self.llms)),
            (EventKind::Tool, std::mem::take(&mut self.tools)),
            (EventKind::Error, std::mem::take(&mut self.errors)),
        ] {
            all.extend(events.into_iter().map(|event| Event { kind, ..event }));
        }
        sort(&mut all);
        all
    }
}

/// Puts events in the order they began; of equals, those that ended last come first: a call
/// before what happened inside it.
pub(crate) fn sort(events: &mut [Event]) {
    let last = |event: &Event| event.end_timestamp.map_or(i64::MIN, |end| -end.as_micros());
    events.sort_by_key(|event| (event.init_timestamp, last(event)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, json: serde_json::Value) -> Event {
        let event: Event = serde_json::from_value(json).unwrap();
        Event { kind, ..event }
    }

    #[test]
    fn errors_go_by_their_type_without_its_path() {
        for (given, expected) in [
            ("app::tools::ToolError", "ToolError"),
            ("ValueError", "ValueError"),
            ("Box<dyn app::Fault>", "Box<dyn app::Fault>"),
            ("app::", "app::"),
            ("", "(no name)"),
        ] {
            let error = event(EventKind::Error, serde_json::json!({ "error_type": given }));
            assert_eq!(error.label(), expected);
        }
    }

    #[test]
    fn only_trouble_is_worth_a_word() {
        let trouble = |kind, json| event(kind, json).trouble().map(str::to_owned);
        let end = "2024-03-14T12:00:00Z";
        let ended = |status: &str| serde_json::json!({"status": status, "end_timestamp": end});
        assert_eq!(trouble(EventKind::Tool, ended("ok")), None);
        assert_eq!(
            trouble(EventKind::Tool, ended("error")).as_deref(),
            Some("error")
        );
        assert_eq!(trouble(EventKind::Error, ended("error")), None);
        assert_eq!(
            trouble(EventKind::Llm, ended("cancelled")).as_deref(),
            Some("cancelled")
        );
        // A server that knows no status.
        assert_eq!(
            trouble(EventKind::Tool, serde_json::json!({"end_timestamp": end})),
            None
        );
        assert_eq!(
            trouble(EventKind::Tool, serde_json::json!({})).as_deref(),
            Some("running")
        );
    }

    #[test]
    fn an_error_says_its_details_or_the_message_in_them() {
        let message = |details| {
            let json = serde_json::json!({ "details": details });
            event(EventKind::Error, json).message()
        };
        assert_eq!(message(serde_json::json!("boom")).as_deref(), Some("boom"));
        assert_eq!(
            message(serde_json::json!({"message": "boom"})).as_deref(),
            Some("boom")
        );
        assert_eq!(message(serde_json::json!({"chain": []})), None);
        assert_eq!(message(serde_json::json!(null)), None);
    }
}
