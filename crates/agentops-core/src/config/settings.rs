//! Options that have been checked.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::key::ApiKey;

/// When a recorded event is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Never on disk; gone with the process when it could not be delivered.
    Memory,
    /// Written to the spool within milliseconds; survives the process, not the machine.
    #[default]
    Spool,
    /// Synced to the disk as well; survives the machine.
    Fsync,
}

/// How much of a call is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Content {
    /// Arguments, results, prompts, completions.
    #[default]
    Full,
    /// Names, times, outcomes, tokens and cost only.
    MetadataOnly,
}

/// When the line at the end of main is printed to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SummaryLine {
    /// When stderr is a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Looks at every event before it is written anywhere; `false` drops it.
pub(crate) type BeforeSend = Arc<dyn Fn(&mut serde_json::Value) -> bool + Send + Sync>;

/// Options that have been checked: what [`Config::build`](super::Config::build) makes.
#[derive(Clone)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "each field is the option of the same name of `Config`"
)]
pub struct Settings {
    pub api_key: Option<ApiKey>,
    pub parent_key: Option<ApiKey>,
    /// Base URL without a trailing slash; `None`: sessions stay on this machine.
    pub endpoint: Option<String>,
    pub app_url: Option<String>,
    pub max_wait_time: Duration,
    pub max_queue_size: usize,
    pub default_tags: Vec<String>,
    pub auto_start_session: bool,
    pub inherited_session_id: Option<String>,
    pub env_data_opt_out: bool,
    pub skip_auto_end_session: bool,
    pub data_dir: Option<PathBuf>,
    pub durability: Durability,
    pub disk_limit: u64,
    pub memory_limit: usize,
    pub max_field_bytes: usize,
    pub redact_keys: Vec<String>,
    pub content: Content,
    pub sample_rate: f64,
    pub keep_failed: bool,
    pub flush_timeout: Duration,
    pub handle_signals: bool,
    pub summary: SummaryLine,
    pub enabled: bool,
    pub(crate) before_send: Option<BeforeSend>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_key: None,
            parent_key: None,
            endpoint: None,
            app_url: None,
            max_wait_time: Duration::from_millis(250),
            max_queue_size: 512,
            default_tags: Vec::new(),
            auto_start_session: true,
            inherited_session_id: None,
            env_data_opt_out: false,
            skip_auto_end_session: false,
            data_dir: None,
            durability: Durability::default(),
            disk_limit: 1 << 30,
            memory_limit: 64 << 20,
            max_field_bytes: 64 << 10,
            redact_keys: Vec::new(),
            content: Content::default(),
            sample_rate: 1.0,
            keep_failed: false,
            flush_timeout: Duration::from_secs(3),
            handle_signals: true,
            summary: SummaryLine::default(),
            enabled: true,
            before_send: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("api_key", &self.api_key)
            .field("endpoint", &self.endpoint)
            .field("data_dir", &self.data_dir)
            .field("durability", &self.durability)
            .field("content", &self.content)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// Settings that cannot be used, each with its mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub(crate) problems: Vec<String>,
}

impl ConfigError {
    /// One sentence for each problem.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}
