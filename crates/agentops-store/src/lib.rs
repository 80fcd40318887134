//! Storage: what the server keeps, behind three traits.
//!
//! [`Catalog`] knows projects, keys and secrets; [`Ingest`] accepts [`Batch`]es durably;
//! [`Query`] reads. Nothing in the traits names SQL, a row id or a transaction, so that another
//! backend can take over [`Query`]. This crate knows nothing of HTTP.

mod catalog;
#[cfg(test)]
mod contract;
mod exported;
mod facts;
mod image;
mod ingest;
mod latency;
#[cfg(test)]
mod memory;
mod model;
mod mutation;
mod overview;
mod page;
mod query;
mod sqlite;
mod stub;
mod words;

pub use catalog::{Catalog, CatalogError, Grant, KeyHash, KeyInfo, Project, Purpose};
pub use image::{Image, ImageForm, ImageName};
pub use ingest::{Ingest, IngestError, Pending, PriceOf, Receipt};
pub use latency::Latencies;
pub use model::{Change, Changes, EventRow, FoundEvent, Revision, SessionRow};
pub use mutation::{Batch, ImportCursor, Mutation, TokenCount, Write};
pub use overview::{DaySums, EventSums, NamedSums, Overview, SessionSums, TagSums};
pub use page::{
    Cursor, EventFilter, EventPage, FoundPage, PageSize, SessionFilter, SessionOrder, SessionPage,
    SessionSort,
};
pub use query::{Query, QueryError};
pub use sqlite::{CheckReport, OpenError, Options, Retention, SqliteStore, backup, check, restore};
