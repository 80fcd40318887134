//! Options of the SDK. Only numbers and strings: nothing here opens, starts or connects.

mod key;
mod options;
mod settings;

pub use key::ApiKey;
pub use options::Config;
pub use settings::{ConfigError, Content, Durability, Settings, SummaryLine};

use std::path::PathBuf;

/// The directory that holds the spool and local sessions when nothing else is said:
/// `AGENTOPS_DATA_DIR`, else the platform's data directory + `agentops`; `None` without a home.
#[must_use]
pub fn data_dir() -> Option<PathBuf> {
    crate::env::get(crate::env::DATA_DIR)
        .map(PathBuf::from)
        .or_else(crate::env::platform_data_dir)
}
