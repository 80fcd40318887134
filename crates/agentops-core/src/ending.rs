//! How a session ends: with main, by a panic, by a signal.

pub(crate) mod panic;
