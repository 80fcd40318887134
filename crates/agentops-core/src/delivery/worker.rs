//! The one thread behind all sessions of a process: takes what the threads recorded, joins it,
//! writes it to the spool, and runs the senders. Wakes only when there is something to do.
//!
//! It is a named OS thread with a runtime of its own, so it works under any runtime of the user
//! or none. A fault in one tick is logged and the next tick goes on.

mod client;
mod inbox;
mod lines;
mod link;
mod live;
mod thread;
mod tick;
mod waiters;

pub(crate) use inbox::{Fetch, Flushed, Until};
pub(crate) use link::Link;
