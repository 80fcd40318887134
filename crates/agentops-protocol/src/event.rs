//! Events: what happened in a session. Four kinds share an id, a parent, times and a status.

mod action;
mod error;
mod kind;
mod llm;
mod patch;
mod shown;
mod tool;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use action::Action;
pub use error::ErrorInfo;
pub use kind::EventKind;
pub use llm::Llm;
pub use patch::{EventPatch, Patch};
pub use tool::Tool;

use crate::{AgentId, EventId, Json, Timestamp};

/// One event of a session, complete or still running.
///
/// Serialises to the canonical form: what our client sends and what an export holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique in its session.
    pub id: EventId,
    /// The event inside which this one happened; `None` at the top.
    pub parent_id: Option<EventId>,
    /// The agent that did it; `None`: the session's default agent.
    pub agent_id: Option<AgentId>,
    /// When it began.
    pub init_timestamp: Timestamp,
    /// When it ended; `None` while it runs.
    pub end_timestamp: Option<Timestamp>,
    /// How it ended, or that it runs.
    pub status: Status,
    /// Arguments.
    pub params: Option<Json>,
    /// Result.
    pub returns: Option<Json>,
    /// Log text or any JSON.
    pub logs: Option<Json>,
    /// What only this kind has.
    pub body: EventBody,
}

/// What only one kind of event has.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// Something the agent did.
    Action(Action),
    /// A call of a language model.
    Llm(Llm),
    /// A call of a tool.
    Tool(Tool),
    /// Something that failed.
    Error(ErrorInfo),
}

/// How an event ended, or that it has not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Ended without an error.
    Ok,
    /// Ended with an error, or is one.
    Error,
    /// A panic went through it.
    Panicked,
    /// Its future was dropped, or its guard without being finished.
    Cancelled,
    /// Has not ended yet.
    Running,
    /// Its process ended before it did.
    Interrupted,
    /// A status that this version does not know, kept as it came.
    Unknown(String),
}

impl Status {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Unknown(text) => text,
        }
    }

    /// The status of a word; an unknown word is kept.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "ok" => Self::Ok,
            "error" => Self::Error,
            "panicked" => Self::Panicked,
            "cancelled" => Self::Cancelled,
            "running" => Self::Running,
            "interrupted" => Self::Interrupted,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::from_name(&name))
    }
}

impl EventBody {
    /// An empty body of `kind`.
    #[must_use]
    pub fn empty(kind: EventKind) -> Self {
        match kind {
            EventKind::Action => Self::Action(Action::default()),
            EventKind::Llm => Self::Llm(Llm::default()),
            EventKind::Tool => Self::Tool(Tool::default()),
            EventKind::Error => Self::Error(ErrorInfo::default()),
        }
    }

    /// Which kind this is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Action(_) => EventKind::Action,
            Self::Llm(_) => EventKind::Llm,
            Self::Tool(_) => EventKind::Tool,
            Self::Error(_) => EventKind::Error,
        }
    }
}

impl Event {
    /// An event of `kind` that began at `start` and still runs.
    #[must_use]
    pub fn started(id: EventId, kind: EventKind, start: Timestamp) -> Self {
        Self {
            id,
            parent_id: None,
            agent_id: None,
            init_timestamp: start,
            end_timestamp: None,
            status: Status::Running,
            params: None,
            returns: None,
            logs: None,
            body: EventBody::empty(kind),
        }
    }

    /// Which kind this is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.body.kind()
    }

    /// The name a reader knows it by: an action's type, a tool's name, a call's model, an
    /// error's type.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.body {
            EventBody::Action(action) => action.action_type.as_deref(),
            EventBody::Llm(llm) => llm.model.as_deref(),
            EventBody::Tool(tool) => tool.name.as_deref(),
            EventBody::Error(error) => error.error_type.as_deref(),
        }
    }

    /// Microseconds from start to end; `None` while it runs; never negative.
    #[must_use]
    pub fn duration_micros(&self) -> Option<u64> {
        let end = self.end_timestamp?;
        Some(u64::try_from(end.micros_since(self.init_timestamp)).unwrap_or(0))
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entries(&mut map)?;
        map.end()
    }
}

impl Event {
    /// Its members, for whoever has others to put in front.
    pub(crate) fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("event_type", self.kind().as_str())?;
        map.serialize_entry("parent_id", &self.parent_id)?;
        map.serialize_entry("agent_id", &self.agent_id)?;
        map.serialize_entry("init_timestamp", &self.init_timestamp)?;
        map.serialize_entry("end_timestamp", &self.end_timestamp)?;
        map.serialize_entry("status", &self.status)?;
        match &self.body {
            EventBody::Action(action) => action.entries(map)?,
            EventBody::Llm(llm) => llm.entries(map)?,
            EventBody::Tool(tool) => tool.entries(map)?,
            EventBody::Error(error) => error.entries(map, self.init_timestamp)?,
        }
        map.serialize_entry("params", &self.params)?;
        map.serialize_entry("returns", &self.returns)?;
        map.serialize_entry("logs", &self.logs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_status_is_kept() {
        let status: Status = serde_json::from_str("\"queued\"").unwrap();
        assert_eq!(status, Status::Unknown("queued".to_owned()));
        assert_eq!(serde_json::to_string(&status).unwrap(), "\"queued\"");
    }
}
