//! Every environment variable that the command reads by itself. Nothing else in this crate reads
//! any; the data directory's is read by the library, whose rule it is.
//!
//! An option on the command line wins over its variable; a variable that is set to nothing counts
//! as not set.

/// A server to ask instead of the local data directory.
pub(crate) const ENDPOINT: &str = "AGENTOPS_API_ENDPOINT";
/// The key to ask it with.
pub(crate) const API_KEY: &str = "AGENTOPS_API_KEY";
/// The local data directory.
pub(crate) const DATA_DIR: &str = "AGENTOPS_DATA_DIR";
/// The call of another program inside which this one runs; not the caller of what `run` runs.
pub(crate) const PARENT_ID: &str = "AGENTOPS_PARENT_ID";
/// Where programs find their model providers, with where those are; `None`: known only when it is set.
pub(crate) const PROVIDERS: &[(&str, Option<&str>)] = &[
    ("OPENAI_BASE_URL", Some("https://api.openai.com/v1")),
    ("OPENAI_API_BASE", None),
    ("AZURE_OPENAI_ENDPOINT", None),
    ("ANTHROPIC_BASE_URL", Some("https://api.anthropic.com")),
    (
        "GOOGLE_GEMINI_BASE_URL",
        Some("https://generativelanguage.googleapis.com"),
    ),
    (OLLAMA_HOST, Some("http://127.0.0.1:11434")),
];
/// Ollama's address: a URL, a host, a port, or some of them.
pub(crate) const OLLAMA_HOST: &str = "OLLAMA_HOST";
/// Where programs find the proxy to the outside, and what is not reached over it.
pub(crate) const PROXIES: &[&str] = &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
pub(crate) const NO_PROXY: &[&str] = &["NO_PROXY", "no_proxy"];
/// What `serve` logs, in the notation of `tracing`'s filters.
pub(crate) const LOG: &str = "RUST_LOG";

/// The value of a variable, unless it is empty or no text.
pub(crate) fn get(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether what is written there is to have colours: not with `NO_COLOR`; with `CLICOLOR_FORCE`
/// anywhere; else on a terminal that knows some.
pub(crate) fn color(is_terminal: bool) -> bool {
    let is_forced = get("CLICOLOR_FORCE").is_some_and(|force| force != "0");
    let is_dumb = get("TERM").as_deref() == Some("dumb");
    get("NO_COLOR").is_none() && (is_forced || (is_terminal && !is_dumb))
}
