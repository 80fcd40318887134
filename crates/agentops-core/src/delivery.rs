//! The worker's half: what happens to a record after the user's thread has let go of it.
//!
//! ```text
//! recording::buffers -> join (records -> events) -> redact -> outbox (spool) -> source -> sender -> courier -> server
//! ```
//!
//! Files in the order in which they may import each other. Nothing here runs on a user's thread
//! but [`Link`], which posts to the worker and never waits.

mod backoff;
mod book;
mod both;
mod catch_up;
mod courier;
mod host;
mod item;
mod join;
mod local;
mod memory;
mod outbox;
mod quarantine;
mod recovery;
mod redact;
mod requests;
mod sender;
mod source;
mod standing;
mod throttle;
mod transport;
mod worker;

#[cfg(test)]
pub(crate) use local::export_from_disk;
pub(crate) use worker::{Fetch, Flushed, Link, Until};
