//! Agents and threads.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AgentId, Json, SessionId, ThreadId};

/// One of the agents that work in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Unique in its session.
    pub id: AgentId,
    /// The name people know it by.
    pub name: Option<String>,
    /// Log text or any JSON.
    #[serde(default)]
    pub logs: Option<Json>,
}

/// A conversation of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// Unique in its session.
    pub id: ThreadId,
    /// The agent that holds it.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

/// The namespace of default agents; a random UUID, never to change.
const DEFAULT_AGENT: Uuid = Uuid::from_u128(0x2f9d_61c4_8b1e_4c53_a7f0_34d5_90be_6a18);

impl Agent {
    /// The agent of a session's events that name none: named "Default Agent", its id derived
    /// from the session's, so that everybody finds the same.
    #[must_use]
    pub fn default_of(session: &SessionId) -> Self {
        Self {
            id: Uuid::new_v5(&DEFAULT_AGENT, session.as_str().as_bytes()).into(),
            name: Some("Default Agent".to_owned()),
            logs: None,
        }
    }
}
