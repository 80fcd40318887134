//! Every environment variable the SDK reads, in one table. Nothing else reads the environment.

use std::path::PathBuf;

/// A variable and what it means.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Variable {
    /// Name in the environment.
    pub name: &'static str,
    /// What a value means, for people.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($(#[doc = $meaning:literal])* $konst:ident = $name:literal;)*) => {
        $($(#[doc = $meaning])* pub(crate) const $konst: &str = $name;)*

        /// All variables, in the order the manual lists them.
        pub const ALL: &[Variable] = &[
            $(Variable { name: $name, meaning: concat!($($meaning),*) },)*
        ];
    };
}

variables! {
    /// API key; sessions are sent to `endpoint` with it
    API_KEY = "AGENTOPS_API_KEY";
    /// key of a second project that may also see the sessions
    PARENT_KEY = "AGENTOPS_PARENT_KEY";
    /// server that sessions are sent to
    ENDPOINT = "AGENTOPS_API_ENDPOINT";
    /// base URL of the pages, where it differs from what the server says
    APP_URL = "AGENTOPS_APP_URL";
    /// longest time in milliseconds that an event waits for company before it is sent
    MAX_WAIT_TIME = "AGENTOPS_MAX_WAIT_TIME";
    /// most events in one request
    MAX_QUEUE_SIZE = "AGENTOPS_MAX_QUEUE_SIZE";
    /// tags of every session, separated by commas
    DEFAULT_TAGS = "AGENTOPS_DEFAULT_TAGS";
    /// whether `init` starts a session
    AUTO_START_SESSION = "AGENTOPS_AUTO_START_SESSION";
    /// session of another process that `init` joins
    INHERITED_SESSION_ID = "AGENTOPS_INHERITED_SESSION_ID";
    /// record only SDK, OS, directory and environment of the machine
    ENV_DATA_OPT_OUT = "AGENTOPS_ENV_DATA_OPT_OUT";
    /// leave the process session open when main ends
    SKIP_AUTO_END_SESSION = "AGENTOPS_SKIP_AUTO_END_SESSION";
    /// directory of the spool and of local sessions
    DATA_DIR = "AGENTOPS_DATA_DIR";
    /// `memory`, `spool` or `fsync`
    DURABILITY = "AGENTOPS_DURABILITY";
    /// most bytes of the spool on disk
    DISK_LIMIT = "AGENTOPS_DISK_LIMIT";
    /// most bytes of events in memory
    MEMORY_LIMIT = "AGENTOPS_MEMORY_LIMIT";
    /// size in bytes at which one recorded value is cut
    MAX_FIELD_BYTES = "AGENTOPS_MAX_FIELD_BYTES";
    /// further names of keys whose values are masked, separated by commas
    REDACT_KEYS = "AGENTOPS_REDACT_KEYS";
    /// `full` or `metadata_only`
    CONTENT = "AGENTOPS_CONTENT";
    /// share of sessions that are recorded, 0 to 1
    SAMPLE_RATE = "AGENTOPS_SAMPLE_RATE";
    /// keep a session that was sampled out when it fails
    KEEP_FAILED = "AGENTOPS_KEEP_FAILED";
    /// longest time in milliseconds that ending a session waits for delivery
    FLUSH_TIMEOUT = "AGENTOPS_FLUSH_TIMEOUT";
    /// whether `#[session]` on main handles SIGINT and SIGTERM
    HANDLE_SIGNALS = "AGENTOPS_HANDLE_SIGNALS";
    /// whether the line at the end of main is printed: `auto` (to a terminal), `true`, `false`
    SUMMARY = "AGENTOPS_SUMMARY";
    /// `false`: nothing is recorded
    ENABLED = "AGENTOPS_ENABLED";
    /// session that a parent process handed down; joined once
    SESSION_ID = "AGENTOPS_SESSION_ID";
    /// event of the parent process inside which this one runs
    PARENT_ID = "AGENTOPS_PARENT_ID";
}

/// The value of a variable; `None` when it is unset, empty or not UTF-8.
pub(crate) fn get(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

/// The platform's data directory for this product; `None` without a home.
pub(crate) fn platform_data_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.data_dir().join("agentops"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_has_its_own_name_and_a_meaning() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().all(|entry| entry.name.starts_with("AGENTOPS_")));
        assert!(ALL.iter().all(|entry| entry.meaning.trim().len() > 5));
    }
}
