//! All three traits on one embedded SQLite database, `agentops.db` in the data directory.
//!
//! One thread writes (`sqlite/writer.rs`), readers have connections of their own, a third thread
//! does the upkeep. Nothing outside this module knows of SQL. Several processes may open the same
//! directory; SQLite keeps their writers apart.

mod agents;
mod bodies;
mod catalog;
mod changes;
mod checkpoint;
mod events;
mod fault;
mod idents;
mod listing;
mod messages;
mod names;
mod overview;
mod pack;
mod queue;
mod reader;
mod readers;
mod removal;
mod requests;
mod rollups;
mod rows;
mod schema;
mod scribe;
mod sessions;
mod stats;
mod store;
mod upkeep;
mod writer;

#[cfg(test)]
mod tests;

pub use store::{OpenError, Options, SqliteStore};
