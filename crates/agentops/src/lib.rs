//! Observability for LLM agents: annotate functions, and every run becomes a session of timed actions, tool calls,
//! LLM calls and errors.

#[doc(hidden)]
pub use agentops_core::__private;
pub use agentops_macros::{record_action, record_tool, session};
