//! LLM calls of HTTP clients, recorded while they pass.
//!
//! [`layer`] gives a [`Capture`]: a [`tower_layer::Layer`] over services of `http::Request` and (feature `reqwest`) of
//! `reqwest::Request`, and a middleware of the crate reqwest-middleware (feature `reqwest-middleware`). Feature
//! `recorder` adds a recorder on the loopback interface, for clients that take nothing but a base URL.
//!
//! ```text
//! request  -> endpoint of a provider? -> open call (agentops_core::observe) -> body copied while it passes
//! response -> frames pass as they come ─┬─▶ the client
//!                                       └─▶ decoded, split, read (agentops_core::llm) -> end of the call
//! ```
//!
//! What passes is never delayed, altered or waited for; what is kept of it is bounded ([`limits`]). Headers are not
//! looked at but for `Content-Type` and `Content-Encoding`, and no header, key or query string is ever recorded.
//!
//! It must not know of sessions (where a call belongs is core's business) nor of a provider's JSON (that is
//! `agentops_core::llm`).

mod body;
mod call;
mod capture;
mod encoding;
mod framing;
mod known;
pub mod limits;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod provider;
#[cfg(feature = "recorder")]
mod recorder;
mod reply;
#[cfg(feature = "reqwest")]
mod reqwest_service;
mod retries;
mod scrub;
mod service;

pub use agentops_core::llm::Format;
pub use body::{RequestBody, ResponseBody};
pub use capture::{Capture, layer};
pub use provider::{Endpoint, Provider, Target};
#[cfg(feature = "recorder")]
pub use recorder::{Recorder, RecorderError};
#[cfg(feature = "reqwest")]
pub use reqwest_service::{BuildLayer, Built};
pub use service::{Captured, ResponseFuture};
