//! What is read.

use agentops_protocol::api::{ExportedSession, SessionSummary, Stats};
use agentops_protocol::{Event, EventKind, Json, ProjectId, SessionId, Timestamp, Usd};

use crate::facts::Facts;

/// A session with its counts.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The session. In a list it comes without its host environment, which is large.
    pub session: ExportedSession,
    /// Its counts; `status` says whether it runs.
    pub stats: Stats,
    /// What the first action among the first 200 events (or else the first event) is called.
    pub first_name: Option<String>,
}

impl From<SessionRow> for SessionSummary {
    fn from(row: SessionRow) -> Self {
        Self {
            session_id: row.session.id.into(),
            project_id: row.session.project_id,
            init_timestamp: row.session.init_timestamp,
            end_timestamp: row.session.end_timestamp,
            end_state: row.session.end_state,
            end_state_reason: row.session.end_state_reason,
            tags: row.session.tags,
            status: row.stats.status.clone(),
            stats: row.stats,
        }
    }
}

/// An event of a list.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// The event, whole or its head.
    pub event: Event,
    /// Its position in the session's order, from 0.
    pub index: u64,
}

/// An event of a list over many sessions.
#[derive(Debug, Clone)]
pub struct FoundEvent {
    /// Its session.
    pub session: SessionId,
    /// The session's project.
    pub project: ProjectId,
    /// The event, whole or its head.
    pub event: Event,
}

impl EventRow {
    /// Its cost, where it is an LLM call with a known one.
    #[must_use]
    pub fn cost(&self) -> Option<Usd> {
        match &self.event.body {
            agentops_protocol::EventBody::Llm(llm) => llm.cost,
            _ => None,
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.event.kind()
    }

    /// Its arguments.
    #[must_use]
    pub fn params(&self) -> Option<&Json> {
        self.event.params.as_ref()
    }
}

/// A state of the store that one can go on from. One of another store, or of one whose newest
/// changes were lost, is told from it by the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Which store.
    pub epoch: String,
    /// How many changes it has had.
    pub number: u64,
}

/// A session that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which; `None` when it was deleted.
    pub session: Option<SessionId>,
    /// Its project.
    pub project: ProjectId,
}

/// What changed since a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The sessions, each once.
    pub changes: Vec<Change>,
    /// From where to go on.
    pub next: Revision,
    /// What changed is not known any more: everything may have.
    pub reset: bool,
}

/// The part of the counts that follows from a session's facts and its last event.
pub(crate) fn stats_of(session: &str, facts: &Facts, last_event: Option<Timestamp>) -> Stats {
    let mut stats = Stats::default();
    stats.session_id = session.to_owned();
    stats.duration = facts.duration_micros(last_event) as f64 / 1_000_000.0;
    stats.status = if facts.end.is_some() {
        "ended"
    } else {
        "running"
    }
    .to_owned();
    stats.dropped = facts.dropped.clone();
    stats
}
