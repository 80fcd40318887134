//! How a program ends, and what becomes of its session then.

pub(crate) mod exit;
pub(crate) mod main;
pub(crate) mod panic;
#[cfg(unix)]
mod signal;
mod summary;
