//! The AgentOps server as a library: the REST API v2, the import of the local spool, and pages.
//!
//! [`serve`] opens a data directory, listens, and hands back a [`Running`] server; [`router`]
//! builds the same routes over any [`App`], so that a test needs no socket. [`import_once`] brings
//! the local spool into a store when no server runs.
//!
//! This crate prints nothing (it logs through `tracing`), reads no environment variable, and does
//! not know the SDK.

mod access;
mod app;
mod compare;
mod config;
mod error;
mod ingest;
mod links;
mod loopback;
mod meter;
mod openapi;
mod pages;
mod router;
mod routes;
mod secrets;
mod serve;

pub use access::{ApiKey, LoginCode, Peer, create_key, create_login, create_project, verify_key};
pub use app::{App, Clock, Storage, system_clock};
pub use compare::{Comparison, Counts, Difference, MOST_EVENTS, Part, Row, Step, TooLong, compare};
pub use config::{ConfigError, Limits, ServerConfig};
pub use ingest::{ImportError, ImportReport, PricesError, import_once, store_options};
pub use pages::session_html;
pub use router::router;
pub use secrets::KeyError;
pub use serve::{
    Place, Running, ServeError, TlsError, lock_data_dir, running_server, serve, termination,
};
