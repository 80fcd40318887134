//! Who may do what: API keys, session tokens, the loopback rule, foreign origins.

mod keys;
mod open;
mod origin;
mod tokens;

pub use keys::{ApiKey, KeyError, create_key, verify_key};
pub use open::Peer;

pub(crate) use keys::{KeyHolder, ParentProject};
pub(crate) use open::is_open;
pub(crate) use origin::is_foreign;
pub(crate) use tokens::{TokenHolder, issue_token};
