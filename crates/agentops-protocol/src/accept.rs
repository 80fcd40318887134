//! Every documented form of a request, turned into the canonical one. Only the server's side
//! calls this.
//!
//! The documents and the released clients disagree with each other: a session comes wrapped or
//! flat, an event's kind as `type` or `event_type`, a tool's payload as `input` or `params`.
//! Unknown keys are ignored and never stored (clients send whole objects, their tokens and queues
//! included). What is there but has the wrong type is refused, with the path to it.

mod event;
mod field;
mod identity;
mod repair;
mod session;

pub use event::{create_events, update_events};
pub use repair::repaired;
pub use session::{agent, developer_error, logs, reauthorize, session, thread};

pub use crate::api::DeveloperError;

/// Why a request is refused: which field, and what it should have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Refusal {
    path: String,
    message: String,
}

impl Refusal {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }

    /// The field, as in `events[3].model`; `body` for the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it and what it should be.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
