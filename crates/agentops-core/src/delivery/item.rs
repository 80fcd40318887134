//! A line that waits to be sent, wherever it waits.

use agentops_spool::{Op, Position};
use serde_json::value::RawValue;

/// How many of a writer's lines are taken care of, from the first one on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(pub(crate) u64);

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Its number among those of its writer.
    pub(crate) n: u64,
    pub(crate) op: Op,
    pub(crate) sid: String,
    pub(crate) body: Box<RawValue>,
    /// Where it stands.
    pub(crate) at: Position,
}

/// Some lines in order, and the place after them.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) items: Vec<Item>,
    /// Where they were read from when there is nothing new.
    pub(crate) end: Position,
}
