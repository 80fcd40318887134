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
    Timestamp, ToolEvent, Usage, Usd, VARIABLES, Variable, current_event, current_session,
    data_dir, dropped_without_session, export, init, spawn, start_session, stats,
};
/// Records each call of a function as an action: arguments, result, duration, and how it ended.
///
/// It goes on functions and methods, sync and async, generic or not, below or above other
/// attributes. The function keeps its result, its `Send`-ness, its borrows and the order in which
/// it drops; without a session it costs about a nanosecond. A returned future, stream or iterator
/// (`impl` or boxed, also inside `Result` and `Option`) is recorded to its end.
///
/// ```
/// # struct Agent { id: u32 }
/// # struct Plan;
/// impl Agent {
///     #[agentops::record_action(name = "plan", skip(memory), ret = false, fields(agent = self.id))]
///     async fn make_plan(&self, goal: &str, memory: &[u8]) -> Result<Plan, std::fmt::Error> {
///         Ok(Plan)
///     }
/// }
/// ```
///
/// | option | |
/// |---|---|
/// | `name = "…"`, or just `"…"` | the event's name; else the function's |
/// | `skip(a, b)`, `skip_all` | arguments that are not captured |
/// | `ret = false` | the result is not captured; errors are |
/// | `fields(key = expr)` | captured beside the arguments; may use `self`; runs only when recorded |
/// | `session = expr` | a [`Session`] other than the current one |
/// | `agent = expr` | the [`Agent`] that acts |
/// | `crate = path` | where this crate is, if not at `::agentops` |
///
/// A closure returned as `impl Fn` is recorded without it. In a body under this attribute
/// `Location::caller` does not name the caller: `#[track_caller]` reaches the function only.
pub use agentops_macros::record_action;
/// Records each call of a function as a call of a tool. Everything is as with [`record_action`],
/// but for the kind of the event.
///
/// ```
/// #[agentops::record_tool]
/// async fn search(query: &str, limit: usize) -> Result<Vec<String>, std::io::Error> {
///     Ok(vec![query.to_owned(); limit])
/// }
/// ```
pub use agentops_macros::record_tool;
/// Runs a function in a session.
///
/// On `main`, above or below the attribute of an async runtime, the session is the process's: it
/// begins before the runtime and ends after it, and everything outside any scope belongs to it. On
/// any other function each call is a session of its own: a request handler, a test.
///
/// The session ends as the function does: `Ok` is a success; `Err`, a panic and an
/// [`ExitCode`](std::process::ExitCode) other than success are failures with a reason; a dropped
/// future leaves it indeterminate. The program's exit status and what std prints stay the same.
///
/// ```no_run
/// #[agentops::session(tags = ["research"], config = agentops::Config::from_env().max_queue_size(50))]
/// fn main() -> Result<(), std::io::Error> {
///     Ok(())
/// }
/// ```
///
/// | option | |
/// |---|---|
/// | `tags = [..]` | tags of the session |
/// | `config = expr` | its [`Config`]; else the environment's |
/// | `crate = path` | where this crate is, if not at `::agentops` |
pub use agentops_macros::session;

/// Attributes what happens in a function, or in every function of an `impl` block, to an agent.
pub use agentops_macros::track_agent;

#[cfg(feature = "testing")]
pub use agentops_core::testing;

#[doc(hidden)]
pub use agentops_core::__private;
