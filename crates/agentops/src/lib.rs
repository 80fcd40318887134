//! Observability for LLM agents: annotate functions, and every run becomes a *session* of timed
//! actions, tool calls, LLM calls and errors, with arguments, results, tokens and cost.
//!
//! ```no_run
//! use agentops::{record_action, record_tool};
//!
//! #[record_tool]
//! fn search(query: &str, limit: usize) -> Result<Vec<String>, std::io::Error> {
//!     Ok(vec![query.to_owned(); limit])
//! }
//!
//! #[record_action]
//! fn plan(goal: &str) -> String {
//!     search(goal, 3).map(|hits| hits.join(", ")).unwrap_or_default()
//! }
//!
//! #[agentops::session(tags = ["research"])]
//! fn main() {
//!     plan("find the users table");
//! }
//! ```
//!
//! Without a key and an endpoint, sessions stay in a local directory that the command `agentops`
//! shows and `agentops serve` opens. With `AGENTOPS_API_ENDPOINT` and `AGENTOPS_API_KEY` they are
//! sent to a server of the AgentOps REST API v2.
//!
//! # What is recorded
//! An argument is written as JSON if it is `Serialize`, else as its `Debug` text, else as the
//! name of its type; the same for the result. An error is recorded with its type, its text and
//! its sources, a panic with its message and place, a dropped future as cancelled. `self` is
//! recorded only by `fields(..)`; a generic argument without bounds only by its type's name,
//! because nothing else is known of it there.
//!
//! # Never in the way
//! Recording returns nothing, never waits for I/O, never panics and never changes what a function
//! returns. What had to be dropped is counted: [`Session::dropped`].
//!
//! Secrets are masked before anything is written: values of keys like `api_key` or `password`
//! ([`Config::redact_keys`] adds more) and the shapes of known tokens.

pub use agentops_core::{
    ActionEvent, Agent, Analytics, ApiKey, Client, Config, ConfigError, Content, Durability, End,
    EndState, Ended, Entered, ErrorEvent, Event, EventId, FetchError, InSession, LlmEvent, Loss,
    ModelStats, OpenCall, Scoped, Session, SessionOptions, Settings, Stats, StatsLine, SummaryLine,
    Timestamp, ToolEvent, Usage, Usd, VARIABLES, Variable, current_event, data_dir,
    dropped_without_session, export, init, spawn, start_session, stats,
};
pub use agentops_macros::{record_action, record_tool, session};

#[doc(hidden)]
pub use agentops_core::__private;
