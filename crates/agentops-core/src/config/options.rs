//! The builder, and how variables are read into it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::key::ApiKey;
use super::settings::{ConfigError, Content, Durability, Settings, SummaryLine};
use crate::env;

/// The endpoint of the hosted service, used when a key is given and no endpoint.
const HOSTED: &str = "https://api.agentops.ai";
/// One value that is cut below this would say nothing.
const MIN_FIELD_BYTES: usize = 64;

/// Options of the SDK. Whatever is set here wins over the environment variable of the option.
///
/// ```
/// use std::time::Duration;
/// use agentops_core::Config;
///
/// let settings = Config::new()
///     .endpoint("http://127.0.0.1:8717")
///     .api_key("6f9619ff-8b86-4d01-b42d-00c04fc964ff")
///     .default_tags(["prod"])
///     .flush_timeout(Duration::from_secs(1))
///     .build()?;
/// assert_eq!(settings.endpoint.as_deref(), Some("http://127.0.0.1:8717"));
/// # Ok::<(), agentops_core::ConfigError>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until they are given to `init`, `Client::new` or a session"]
pub struct Config {
    settings: Settings,
    problems: Vec<String>,
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl Config {$(
            $(#[$doc])*
            pub fn $name(mut self, $name: $type) -> Self {
                self.settings.$name = $name;
                self
            }
        )*}
    };
}

options! {
    /// Longest time an event waits for company before it is sent. Default: 250 ms.
    max_wait_time: Duration;
    /// Most events in one request. Default: 512.
    max_queue_size: usize;
    /// Whether `init` starts a session. Default: true.
    auto_start_session: bool;
    /// Record only SDK, OS, directory and environment of the machine. Default: false.
    env_data_opt_out: bool;
    /// Leave the process session open when main ends. Default: false.
    skip_auto_end_session: bool;
    /// When a recorded event is safe. Default: [`Durability::Spool`].
    durability: Durability;
    /// Most bytes of the spool on disk. Default: 1 GiB.
    disk_limit: u64;
    /// Most bytes of events in memory. Default: 64 MiB.
    memory_limit: usize;
    /// Size in bytes at which one recorded value is cut. Default: 64 KiB.
    max_field_bytes: usize;
    /// How much of a call is recorded. Default: [`Content::Full`].
    content: Content;
    /// Share of sessions that are recorded, 0 to 1. Default: 1.
    sample_rate: f64;
    /// Keep a session that was sampled out when it fails. Default: false.
    keep_failed: bool;
    /// Longest time that ending a session waits for delivery. Default: 3 s.
    flush_timeout: Duration;
    /// Whether `#[session]` on main handles SIGINT and SIGTERM. Default: true.
    handle_signals: bool;
    /// When the line at the end of main is printed. Default: when stderr is a terminal.
    summary: SummaryLine;
    /// `false`: nothing is recorded. Default: true.
    enabled: bool;
}

impl Config {
    /// Defaults only; the environment is not read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Defaults and what the environment says. A variable with an unusable value counts as
    /// unset; `build` reports it and `init` warns of it.
    pub fn from_env() -> Self {
        Self::new().read(&env::get)
    }

    /// The API key. With a key and no endpoint, sessions go to the hosted service.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        match ApiKey::new(key) {
            Some(key) => self.settings.api_key = Some(key),
            None => self.problem("api_key is empty or has characters that no key has"),
        }
        self
    }

    /// Key of a second project that may also see the sessions.
    pub fn parent_key(mut self, key: impl Into<String>) -> Self {
        match ApiKey::new(key) {
            Some(key) => self.settings.parent_key = Some(key),
            None => self.problem("parent_key is empty or has characters that no key has"),
        }
        self
    }

    /// The server that sessions are sent to. Without a key and an endpoint they stay on this
    /// machine.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        match base_url(&url) {
            Some(base) => self.settings.endpoint = Some(base),
            None => self.problem(format!(
                "endpoint {url:?} is no http:// or https:// URL; write http://127.0.0.1:8717 for a local server"
            )),
        }
        self
    }

    /// Base URL of the pages. Default: what the server says.
    pub fn app_url(mut self, url: impl Into<String>) -> Self {
        self.settings.app_url = Some(url.into());
        self
    }

    /// Directory of the spool and of local sessions. Default: the platform's data directory +
    /// `agentops`; without a home a private temporary one.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.settings.data_dir = Some(dir.into());
        self
    }

    /// Tags of every session.
    pub fn default_tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.settings.default_tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// The session of another process that `init` joins.
    pub fn inherited_session_id(mut self, id: impl Into<String>) -> Self {
        self.settings.inherited_session_id = Some(id.into());
        self
    }

    /// Further names of keys whose values are masked, beside the built-in ones.
    pub fn redact_keys<S: Into<String>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        self.settings
            .redact_keys
            .extend(keys.into_iter().map(Into::into));
        self
    }

    /// Looks at every event as it would be written and may change it; `false` drops it. A hook
    /// that panics drops the event.
    pub fn before_send(
        mut self,
        hook: impl Fn(&mut serde_json::Value) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.settings.before_send = Some(Arc::new(hook));
        self
    }

    /// The strict form: settings that can all be used.
    ///
    /// # Errors
    /// Every problem, each naming its mend. `init` warns of them instead and goes on without.
    pub fn build(self) -> Result<Settings, ConfigError> {
        let (settings, problems) = self.settle();
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(ConfigError { problems })
        }
    }

    /// Settings that can be used, and what was wrong with the others.
    pub(crate) fn settle(mut self) -> (Settings, Vec<String>) {
        let usable = Settings::default();
        let settings = &mut self.settings;
        if !(0.0..=1.0).contains(&settings.sample_rate) {
            settings.sample_rate = usable.sample_rate;
            self.problems
                .push("sample_rate must lie between 0 and 1".to_owned());
        }
        if settings.max_queue_size == 0 {
            settings.max_queue_size = usable.max_queue_size;
            self.problems
                .push("max_queue_size must be at least 1".to_owned());
        }
        if settings.max_field_bytes < MIN_FIELD_BYTES {
            settings.max_field_bytes = usable.max_field_bytes;
            self.problems.push(format!(
                "max_field_bytes must be at least {MIN_FIELD_BYTES}"
            ));
        }
        if settings.endpoint.is_none() && settings.api_key.is_some() {
            settings.endpoint = Some(HOSTED.to_owned());
        }
        if settings.endpoint.is_some() && settings.api_key.is_none() {
            // Sending without a key would be refused; keeping the session here loses nothing.
            settings.endpoint = None;
            self.problems.push(
                "an endpoint is set but no key; set AGENTOPS_API_KEY (any UUID for a local server)"
                    .to_owned(),
            );
        }
        (self.settings, self.problems)
    }

    fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Sets what the variables say.
    fn read(mut self, get: &dyn Fn(&str) -> Option<String>) -> Self {
        let list = |text: String| -> Vec<String> {
            text.split(',')
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect()
        };
        if let Some(key) = get(env::API_KEY) {
            self = self.api_key(key);
        }
        if let Some(key) = get(env::PARENT_KEY) {
            self = self.parent_key(key);
        }
        if let Some(url) = get(env::ENDPOINT) {
            self = self.endpoint(url);
        }
        let mut reader = Reader {
            get,
            problems: Vec::new(),
        };
        let settings = &mut self.settings;
        settings.app_url = get(env::APP_URL);
        settings.inherited_session_id = get(env::INHERITED_SESSION_ID);
        settings.data_dir = get(env::DATA_DIR).map(PathBuf::from);
        settings.default_tags = get(env::DEFAULT_TAGS).map(list).unwrap_or_default();
        settings.redact_keys = get(env::REDACT_KEYS).map(list).unwrap_or_default();
        reader.millis(env::MAX_WAIT_TIME, &mut settings.max_wait_time);
        reader.millis(env::FLUSH_TIMEOUT, &mut settings.flush_timeout);
        reader.parse(
            env::MAX_QUEUE_SIZE,
            "a whole number",
            &mut settings.max_queue_size,
        );
        reader.parse(
            env::DISK_LIMIT,
            "a number of bytes",
            &mut settings.disk_limit,
        );
        reader.parse(
            env::MEMORY_LIMIT,
            "a number of bytes",
            &mut settings.memory_limit,
        );
        reader.parse(
            env::MAX_FIELD_BYTES,
            "a number of bytes",
            &mut settings.max_field_bytes,
        );
        reader.parse(
            env::SAMPLE_RATE,
            "a number between 0 and 1",
            &mut settings.sample_rate,
        );
        reader.flag(env::AUTO_START_SESSION, &mut settings.auto_start_session);
        reader.flag(env::ENV_DATA_OPT_OUT, &mut settings.env_data_opt_out);
        reader.flag(
            env::SKIP_AUTO_END_SESSION,
            &mut settings.skip_auto_end_session,
        );
        reader.flag(env::KEEP_FAILED, &mut settings.keep_failed);
        reader.flag(env::HANDLE_SIGNALS, &mut settings.handle_signals);
        reader.flag(env::ENABLED, &mut settings.enabled);
        reader.word(
            env::DURABILITY,
            &[
                ("memory", Durability::Memory),
                ("spool", Durability::Spool),
                ("fsync", Durability::Fsync),
            ],
            &mut settings.durability,
        );
        reader.word(
            env::CONTENT,
            &[
                ("full", Content::Full),
                ("metadata_only", Content::MetadataOnly),
            ],
            &mut settings.content,
        );
        reader.word(
            env::SUMMARY,
            &[
                ("auto", SummaryLine::Auto),
                ("true", SummaryLine::Always),
                ("false", SummaryLine::Never),
            ],
            &mut settings.summary,
        );
        let problems = reader.problems;
        self.problems.extend(problems);
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// Reads variables and collects what is wrong with them.
struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn read<T>(&mut self, name: &str, what: &str, parse: impl Fn(&str) -> Option<T>, to: &mut T) {
        let Some(text) = (self.get)(name) else { return };
        match parse(text.trim()) {
            Some(value) => *to = value,
            None => self.problems.push(format!("{name}={text:?} is not {what}")),
        }
    }

    fn parse<T: FromStr>(&mut self, name: &str, what: &str, to: &mut T) {
        self.read(name, what, |text| text.parse().ok(), to);
    }

    fn millis(&mut self, name: &str, to: &mut Duration) {
        let parse = |text: &str| text.parse().ok().map(Duration::from_millis);
        self.read(name, "a number of milliseconds", parse, to);
    }

    fn flag(&mut self, name: &str, to: &mut bool) {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        };
        self.read(name, "true or false", parse, to);
    }

    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)], to: &mut T) {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let parse = |text: &str| {
            words
                .iter()
                .find(|(word, _)| word.eq_ignore_ascii_case(text))
                .map(|(_, value)| *value)
        };
        self.read(name, &format!("one of {}", known.join(", ")), parse, to);
    }
}

/// The base of an endpoint: no trailing slash, no version, nothing that could not be a host.
fn base_url(url: &str) -> Option<String> {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix("/v2").unwrap_or(url).trim_end_matches('/');
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let plain = host
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}?#@".contains(&byte));
    (plain && !host.is_empty() && !host.starts_with(['/', ':'])).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Config {
        let find = |name: &str| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::new().read(&find)
    }

    #[test]
    fn no_key_and_no_endpoint_stays_local() {
        let settings = with(&[]).build().unwrap();
        assert_eq!(settings.endpoint, None);
    }

    #[test]
    fn a_key_alone_goes_to_the_hosted_service_and_an_endpoint_alone_stays_here() {
        let settings = with(&[("AGENTOPS_API_KEY", "k")]).build().unwrap();
        assert_eq!(settings.endpoint.as_deref(), Some(HOSTED));
        let (settings, problems) = with(&[("AGENTOPS_API_ENDPOINT", "http://a")]).settle();
        assert_eq!(settings.endpoint, None);
        assert!(problems[0].contains("AGENTOPS_API_KEY"), "{problems:?}");
    }

    #[test]
    fn arguments_win_over_variables() {
        let config = with(&[
            ("AGENTOPS_MAX_QUEUE_SIZE", "7"),
            ("AGENTOPS_DEFAULT_TAGS", "a, b,"),
        ]);
        assert_eq!(config.clone().build().unwrap().default_tags, ["a", "b"]);
        assert_eq!(config.max_queue_size(9).build().unwrap().max_queue_size, 9);
    }

    #[test]
    fn every_unusable_value_is_named_and_its_default_stays() {
        let config = with(&[
            ("AGENTOPS_MAX_WAIT_TIME", "soon"),
            ("AGENTOPS_ENABLED", "maybe"),
            ("AGENTOPS_DURABILITY", "stone"),
            ("AGENTOPS_SAMPLE_RATE", "2"),
        ]);
        let (settings, problems) = config.settle();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[2].contains("memory, spool, fsync"), "{problems:?}");
        assert!(settings.enabled);
        assert_eq!(settings.max_wait_time, Duration::from_millis(250));
    }

    #[test]
    fn an_endpoint_is_reduced_to_its_base() {
        for (url, base) in [
            ("http://127.0.0.1:8717/", Some("http://127.0.0.1:8717")),
            (
                "https://api.agentops.ai/v2/",
                Some("https://api.agentops.ai"),
            ),
            ("http://host/prefix", Some("http://host/prefix")),
            ("127.0.0.1:8717", None),
            ("http://", None),
            ("http://a b", None),
            ("http://user:secret@host", None),
        ] {
            assert_eq!(base_url(url).as_deref(), base, "{url}");
        }
    }

    #[test]
    fn keys_never_show() {
        let config = Config::new().api_key("very-secret");
        assert!(!format!("{config:?} {:?}", config.clone().build()).contains("very-secret"));
    }
}
