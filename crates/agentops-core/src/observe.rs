//! Calls that somebody else makes and we see: what `agentops-tracing`, `agentops-http` and `#[record_llm]` stand on.
//!
//! An observer opens an [`Observed`] where a call begins, tells it [`Facts`] as it learns them, and says how it
//! [ended](Ending). It asks [`is_off`] first: one relaxed load, and nothing else when no session records.
//!
//! # A call seen in two ways is recorded once
//! An LLM call that is open is known by its event's id. An observer that sees an LLM call *directly inside* an open
//! one (its [`Place`] has the open call as parent: a request that is sent inside a library's span, a span inside a
//! function under `#[record_llm]`) sees the same call from nearer. It gets no event: what it learns and how it ends
//! becomes part of the outer one's event, which is written when both have ended.
//!
//! ```text
//! outer open ──────────────────────── end ┐            fact by fact the better source wins: see Source
//!      └ inner open ─ facts ─── end ──────┴─▶ one event
//!
//! outer open ───────────────────────────────── end ─▶ one event, of the last attempt
//!      ├ inner open ─ 429 ─ end ─────────────────────▶ its child: an attempt that failed and was repeated
//!      └ inner open ─ 200 ─ end ┘
//! ```
//! One inner call at a time is the outer's; one that runs beside it, or that comes after one that succeeded, has an
//! event of its own, and then the outer's own token counts, which would repeat those, are left out.
//!
//! Nothing here knows a provider, a library or a format.

mod claim;
mod ending;
mod facts;
mod observed;
mod place;
mod text;

pub use ending::{Ending, Failure};
pub use facts::{Facts, Source};
pub use observed::{Observed, What};
pub use place::Place;
pub use text::debug_text;

/// Whether no session records: then nothing may be looked at. One relaxed load.
#[inline(always)]
#[must_use]
pub fn is_off() -> bool {
    crate::recording::context::is_off()
}

#[cfg(all(test, feature = "enable"))]
#[path = "observe/tests.rs"]
mod tests;
