//! Who may do what: API keys, session tokens, logins, the loopback rule, foreign origins.

mod keys;
mod login;
mod open;
mod origin;
mod tokens;

pub use keys::{ApiKey, create_key, create_project, verify_key};
pub use login::{LoginCode, create_login};
pub use open::Peer;

pub(crate) use keys::{KeyHolder, ParentProject, may_watch};
pub(crate) use login::{admit, admitted, log_out, redeem, switch, viewer};
pub(crate) use origin::is_foreign;
pub(crate) use tokens::{TokenHolder, issue_token};
