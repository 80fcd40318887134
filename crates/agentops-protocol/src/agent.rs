//! Agents and threads.

use serde::{Deserialize, Serialize};

use crate::{AgentId, Json, ThreadId};

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
