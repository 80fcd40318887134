//! The SDK's runtime: sessions, events, recording and delivery. Users depend on the crate
//! `agentops`, which re-exports this one with the macros; the manual is there.
//!
//! ```text
//! a call -> recording (the user's thread) -> delivery (one worker thread) -> spool -> server
//! ```

#![cfg_attr(
    not(feature = "enable"),
    expect(
        dead_code,
        reason = "the same code compiles without the half that delivers"
    )
)]

#[doc(hidden)]
pub mod __private;
pub mod observe;
#[cfg(feature = "testing")]
pub mod testing;

mod agent;
mod alarm;
#[cfg(test)]
mod alone;
mod asking;
mod client;
mod config;
#[cfg(feature = "enable")]
mod delivery;
#[cfg(not(feature = "enable"))]
#[path = "delivery_off.rs"]
mod delivery;
mod ending;
mod env;
mod events;
pub mod llm;
mod names;
mod open_call;
mod process;
mod recording;
mod reply;
mod session;
mod state;
mod tally;

pub use agent::Agent;
pub use agentops_protocol::api::{ModelStats, Stats};
pub use agentops_protocol::{EndState, EventId, Timestamp, Usage, Usd};
pub use client::Client;
pub use config::{
    ApiKey, Config, ConfigError, Content, Durability, Settings, SummaryLine, data_dir,
};
pub use env::{ALL as VARIABLES, Variable};
pub use events::{ActionEvent, ErrorEvent, Event, LlmEvent, ToolEvent};
pub use open_call::OpenCall;
pub use process::{
    InSession, dropped_without_session, export, in_current, init, spawn, start_session, stats,
};
pub use recording::context::{Entered, Scoped};
pub use session::{
    Analytics, End, Ended, FetchError, Session, SessionOptions, StatsLine, current_event,
    current_session,
};
pub use tally::Loss;
