//! The words and classes by which kinds and outcomes are told apart, on every page the same.

use agentops_protocol::{EventKind, Status};

/// The word for a kind.
pub(super) fn label(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Action => "action",
        EventKind::Llm => "LLM",
        EventKind::Tool => "tool",
        EventKind::Error => "error",
    }
}

/// The class of an outcome.
pub(super) fn mark(status: &Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Error => "error",
        Status::Panicked => "panicked",
        Status::Cancelled => "cancelled",
        Status::Running => "running",
        Status::Interrupted => "interrupted",
        _ => "unknown",
    }
}
