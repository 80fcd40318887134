//! All three traits on one embedded SQLite database, `agentops.db` in the data directory.
//!
//! One thread writes (`sqlite/writer.rs`), readers have connections of their own, a third thread
//! does the upkeep. Nothing outside this module knows of SQL. Several processes may open the same
//! directory; SQLite keeps their writers apart.

mod agents;
mod backup;
mod bodies;
mod catalog;
mod changes;
mod check;
mod checkpoint;
mod events;
mod fault;
mod idents;
mod images;
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
mod retention;
mod rollups;
mod rows;
mod schema;
mod scribe;
mod search;
mod sessions;
mod stats;
mod store;
mod told;
mod upkeep;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{backup, restore};
pub use check::{CheckReport, check};
pub use retention::Retention;
pub use store::{OpenError, Options, SqliteStore};
