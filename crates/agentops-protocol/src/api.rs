//! Requests that our client writes, and every answer.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Agent, Event, Json, ProjectId, Session, SessionId, Thread, Timestamp, Usd};

/// The header of an API key.
pub const API_KEY_HEADER: &str = "x-agentops-api-key";
/// The header of a second project's key that may also see the session.
pub const PARENT_KEY_HEADER: &str = "x-agentops-parent-key";
/// The header by which our server announces itself, with its version.
pub const SERVER_HEADER: &str = "agentops-server";
/// The header of a batch id: a repeated one changes nothing and repeats the stored answer.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";

/// Body of create_session and update_session as our client sends it.
#[derive(Debug, Serialize)]
pub struct SessionRequest<'a> {
    /// The session, wrapped.
    pub session: &'a Session,
}

/// Answer of create_session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateSessionAnswer {
    /// `Success`.
    pub status: String,
    /// The token of all further calls of the session, for 24 hours.
    pub jwt: String,
    /// The session, as given.
    #[serde(default)]
    pub session_id: Option<String>,
    /// Its page.
    #[serde(default)]
    pub session_url: Option<String>,
}

/// Answer of update_session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateSessionAnswer {
    /// `success`, in small letters.
    pub status: String,
    /// Cost of the session, exact decimal; `None` when a call has no known price.
    #[serde(default)]
    pub token_cost: Option<Usd>,
    /// Its page.
    #[serde(default)]
    pub session_url: Option<String>,
}

/// Answer of reauthorize_jwt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReauthorizeAnswer {
    /// `Success`.
    pub status: String,
    /// The new token.
    pub jwt: String,
}

/// Answer of update_logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogsAnswer {
    /// `success`, in small letters.
    pub status: String,
    /// Where the session's log can be read.
    pub logs_url: String,
}

/// Body of every error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong, in a few words.
    pub error: String,
    /// What to do about it.
    #[serde(default)]
    pub message: String,
    /// The path that was asked.
    #[serde(default)]
    pub path: String,
}

/// Body of developer_errors: a fault of an SDK, reported by it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each field is the field of the same name on the wire"
)]
pub struct DeveloperError {
    pub sdk_version: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub message: Option<String>,
    pub stack_trace: Option<String>,
    pub host_env: Option<Json>,
}

/// Counts of a session, and what they cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Stats {
    /// The session.
    pub session_id: String,
    /// Exact cost; `None` when an LLM call has no known price.
    pub cost: Option<Usd>,
    /// Sum of the costs that are known.
    pub cost_known: Usd,
    /// LLM calls without a known price.
    pub unpriced: u64,
    /// All events, errors included.
    pub events: u64,
    /// LLM calls.
    pub llms: u64,
    /// Tool calls.
    pub tools: u64,
    /// Actions.
    pub actions: u64,
    /// Errors.
    pub errors: u64,
    /// All prompt tokens.
    pub prompt_tokens: u64,
    /// All completion tokens.
    pub completion_tokens: u64,
    /// Of the prompt tokens, those read from a cache.
    pub cached_read_tokens: u64,
    /// Of the prompt tokens, those written to a cache.
    pub cached_write_tokens: u64,
    /// Of the completion tokens, those spent on reasoning.
    pub reasoning_tokens: u64,
    /// Seconds from the start to the end, or to the last event while it runs.
    pub duration: f64,
    /// `running` or `ended`.
    pub status: String,
    /// By model.
    pub models: BTreeMap<String, ModelStats>,
    /// What the client had to drop, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Where costs that no client told come from; said of single sessions only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceSource>,
}

/// A price book.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceSource {
    /// Where its prices are from.
    pub source: String,
    /// The day on which they were fetched, `YYYY-MM-DD`.
    pub date: String,
}

/// LLM calls of one model in a session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelStats {
    /// Calls.
    pub calls: u64,
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// Exact cost; `None` when a call has no known price.
    pub cost: Option<Usd>,
}

/// Everything of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Export {
    /// The session itself.
    pub session: ExportedSession,
    /// In the order they began.
    pub actions: Vec<Event>,
    /// In the order they began.
    pub llms: Vec<Event>,
    /// In the order they began.
    pub tools: Vec<Event>,
    /// In the order they happened.
    pub errors: Vec<Event>,
    /// The agents, the default one included where an event belongs to none.
    pub agents: Vec<Agent>,
    /// The threads.
    pub threads: Vec<Thread>,
    /// The counts.
    pub stats: Stats,
}

/// A session with its project, as an export and a list show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is the field of the same name of a session"
)]
pub struct ExportedSession {
    pub id: SessionId,
    pub session_id: SessionId,
    pub project_id: String,
    pub init_timestamp: Timestamp,
    pub end_timestamp: Option<Timestamp>,
    pub end_state: crate::EndState,
    pub end_state_reason: Option<String>,
    pub tags: Vec<String>,
    pub host_env: Option<Json>,
    pub video: Option<String>,
    pub dropped: BTreeMap<String, u64>,
}

/// A line of the sessions list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each field is the field of the same name of a session"
)]
pub struct SessionSummary {
    pub session_id: String,
    pub project_id: String,
    pub init_timestamp: Timestamp,
    pub end_timestamp: Option<Timestamp>,
    pub end_state: crate::EndState,
    pub end_state_reason: Option<String>,
    pub tags: Vec<String>,
    /// `running` or `ended`.
    pub status: String,
    pub stats: Stats,
}

/// Answer of the sessions list, newest start first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionList {
    /// One page.
    pub sessions: Vec<SessionSummary>,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<String>,
}

/// One session without its events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionAnswer {
    /// The session.
    pub session: ExportedSession,
    /// Its counts.
    pub stats: Stats,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventList {
    /// One page.
    pub events: Vec<ListedEvent>,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<String>,
}

/// An event of a list: `session_id` and what else is told of it stand before its own members.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedEvent {
    /// The session it belongs to.
    pub session_id: SessionId,
    /// What else is told.
    pub beside: Beside,
    /// The event.
    pub event: Event,
}

/// What a list says of an event beside itself and its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// Of a list over one session: its place among the session's events.
    Index(u64),
    /// Of a list over all sessions: the project.
    Project(ProjectId),
}

impl Serialize for ListedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Written out: serde's flattening would not hand recorded JSON on letter by letter.
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("session_id", &self.session_id)?;
        match &self.beside {
            Beside::Index(index) => map.serialize_entry("index", index)?,
            Beside::Project(project) => map.serialize_entry("project_id", project)?,
        }
        self.event.entries(&mut map)?;
        map.end()
    }
}
