//! What goes over the wire of the AgentOps REST API v2; the SDK and the server both use it.
//!
//! The canonical types ([`Session`], [`Event`], [`Agent`], …) are what the SDK sends and what
//! an export holds. [`accept`] turns every documented form of a request into them. This crate
//! has no clock, no randomness and no I/O: times and ids come from the caller.
//!
//! ```
//! use agentops_protocol::{EndState, Timestamp};
//!
//! let end: EndState = "completed".parse()?;
//! assert_eq!(end, EndState::Success);
//! assert_eq!(end.as_str(), "Success");
//!
//! let at: Timestamp = "2024-03-14T12:00:00Z".parse()?;
//! assert_eq!(at.to_string(), "2024-03-14T12:00:00.000000+00:00");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod accept;
pub mod api;
pub mod limits;

mod agent;
mod event;
mod ids;
mod json;
mod money;
mod session;
mod time;
mod tree;
mod usage;

pub use agent::{Agent, Thread};
pub use event::{
    Action, ErrorInfo, Event, EventBody, EventKind, EventPatch, Llm, Patch, Status, Tool,
};
pub use ids::{AgentId, EventId, IdError, ProjectId, SessionId, ThreadId};
pub use json::{Json, JsonError};
pub use money::{Usd, UsdError};
pub use session::{EndState, EndStateError, Session, SessionPatch};
pub use time::{TimeError, Timestamp};
pub use tree::{Forest, Node};
pub use usage::Usage;
