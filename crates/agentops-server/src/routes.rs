//! Handlers of the REST API, a file a noun.

mod agents;
mod auth;
mod browse;
mod compare;
mod event_lists;
mod events;
mod export;
mod health;
mod idempotency;
mod live;
mod logs;
mod metrics;
mod params;
mod reports;
mod screenshots;
mod sessions;
mod stats;
mod ttd;

pub(crate) use agents::{create_agent, create_thread};
pub(crate) use auth::reauthorize_jwt;
pub(crate) use browse::{
    delete_from, delete_session, get_session, list_sessions, session_filter, session_logs,
};
pub(crate) use compare::{compare, compared};
pub(crate) use event_lists::{event_filter, events, one_event, search, session_events};
pub(crate) use events::{create_events, update_events};
pub(crate) use export::export;
pub(crate) use health::health;
pub(crate) use live::stream;
pub(crate) use logs::update_logs;
pub(crate) use metrics::{metrics, overview};
pub(crate) use reports::developer_errors;
pub(crate) use screenshots::screenshot;
pub(crate) use sessions::{create_session, update_session};
pub(crate) use stats::stats;
pub(crate) use ttd::ttd;
