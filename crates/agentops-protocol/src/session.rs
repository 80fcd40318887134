//! Sessions: one run of an agent program.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Json, SessionId, Timestamp};

/// How a session ended.
///
/// ```
/// # use agentops_protocol::EndState;
/// for text in ["Fail", "Failure", "failed", "FAIL"] {
///     assert_eq!(text.parse::<EndState>()?, EndState::Failure);
/// }
/// assert_eq!(EndState::Failure.as_str(), "Fail");
/// # Ok::<(), agentops_protocol::EndStateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EndState {
    /// It did what it was to do.
    Success,
    /// It failed. Written `Fail`, the word of the hosted service.
    Failure,
    /// Not said, or not known.
    #[default]
    Indeterminate,
}

/// A text that is no end state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("end_state must be Success, Fail or Indeterminate, not {0:?}")]
pub struct EndStateError(String);

impl EndState {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failure => "Fail",
            Self::Indeterminate => "Indeterminate",
        }
    }
}

impl fmt::Display for EndState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EndState {
    type Err = EndStateError;

    fn from_str(text: &str) -> Result<Self, EndStateError> {
        match text.to_ascii_lowercase().as_str() {
            "success" | "completed" => Ok(Self::Success),
            "fail" | "failure" | "failed" => Ok(Self::Failure),
            "indeterminate" => Ok(Self::Indeterminate),
            _ => Err(EndStateError(text.chars().take(64).collect())),
        }
    }
}

impl Serialize for EndState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EndState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A session as our client sends it and as an export holds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// Both names are written: the documents use one or the other.
    pub id: SessionId,
    /// The same id again.
    pub session_id: SessionId,
    /// When it began.
    pub init_timestamp: Timestamp,
    /// When it ended; `None`: it runs, or nobody said.
    pub end_timestamp: Option<Timestamp>,
    /// How it ended.
    pub end_state: EndState,
    /// Why.
    pub end_state_reason: Option<String>,
    /// Free labels, in the order they were given.
    pub tags: Vec<String>,
    /// The machine and the program, section by section.
    pub host_env: Option<Json>,
    /// URL of a recording.
    pub video: Option<String>,
    /// What the client had to drop, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
}

impl Session {
    /// A session that began at `start` and runs.
    #[must_use]
    pub fn started(id: SessionId, start: Timestamp) -> Self {
        Self {
            session_id: id.clone(),
            id,
            init_timestamp: start,
            end_timestamp: None,
            end_state: EndState::Indeterminate,
            end_state_reason: None,
            tags: Vec::new(),
            host_env: None,
            video: None,
            dropped: BTreeMap::new(),
        }
    }
}

/// What a create_session or update_session body says. `None` leaves as is: in this API a `null`
/// does not clear a session's field.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(
    missing_docs,
    reason = "each field is the field of the same name of a session"
)]
pub struct SessionPatch {
    pub id: Option<SessionId>,
    pub init_timestamp: Option<Timestamp>,
    pub end_timestamp: Option<Timestamp>,
    pub end_state: Option<EndState>,
    pub end_state_reason: Option<String>,
    pub tags: Option<Vec<String>>,
    pub host_env: Option<Json>,
    pub video: Option<String>,
    pub dropped: Option<BTreeMap<String, u64>>,
    /// Not the client's own word but that of whoever found its spool: the client is gone. Ours
    /// alone; the hosted service ignores it.
    pub recovered: bool,
}
