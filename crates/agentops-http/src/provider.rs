//! Whose endpoint a request goes to.

use std::borrow::Cow;

use agentops_core::llm::Format;
use serde_json::Value;

/// Where a request goes: what a [`Provider`] may look at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target<'a> {
    /// `POST` as a rule.
    pub method: &'a str,
    /// The host without its port; empty where the request names none.
    pub host: &'a str,
    /// The port where it is given.
    pub port: Option<u16>,
    /// The path without the query.
    pub path: &'a str,
}

impl<'a> Target<'a> {
    /// A request to this host and path.
    #[must_use]
    pub fn new(method: &'a str, host: &'a str, port: Option<u16>, path: &'a str) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self {
            method,
            host,
            port,
            path,
        }
    }

    /// Whether it goes to this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host == "::1"
            || self.host.starts_with("127.")
    }
}

/// An endpoint that calls a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The provider's name, as it is recorded.
    pub provider: Cow<'static, str>,
    /// What it speaks.
    pub format: Format,
    /// The model where the path names it.
    pub model: Option<String>,
    /// Whether what the body names as the model is a name of the user's own (an Azure deployment): then the model is
    /// the one that the answer names.
    pub model_is_alias: bool,
    /// Whether this is surely one; else a body that names no model makes it none.
    pub sure: bool,
}

impl Endpoint {
    /// An endpoint of `provider` that speaks `format`.
    pub fn new(provider: impl Into<Cow<'static, str>>, format: Format) -> Self {
        Self {
            provider: provider.into(),
            format,
            model: None,
            model_is_alias: false,
            sure: true,
        }
    }

    /// The model, where the path names it.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The model that a request names is a name of the user's own.
    #[must_use]
    pub fn model_is_alias(mut self) -> Self {
        self.model_is_alias = true;
        self
    }

    /// It may be something else: a body that names no model makes it none.
    #[must_use]
    pub fn unsure(mut self) -> Self {
        self.sure = false;
        self
    }
}

/// Knows endpoints that call models. Those that are built in need none: OpenAI and what speaks as it does, Azure,
/// Anthropic, Gemini, Ollama, OpenRouter.
///
/// A function from a [`Target`] is one:
///
/// ```
/// use agentops_http::{Endpoint, Format, Target, layer};
///
/// let layer = layer().provider(|target: &Target<'_>| {
///     let ours = target.host == "models.example.org" && target.path == "/ask";
///     ours.then(|| Endpoint::new("our-gateway", Format::OpenAiChat))
/// });
/// # let _: agentops_http::Capture = layer;
/// ```
pub trait Provider: Send + Sync + 'static {
    /// What the target is; `None`: no endpoint of this provider's.
    fn endpoint(&self, target: &Target<'_>) -> Option<Endpoint>;

    /// Brings a request's body into the endpoint's format, for a provider that speaks none of them.
    fn request(&self, body: Value) -> Value {
        body
    }

    /// Brings an answer, or an event of a stream, into the endpoint's format.
    fn answer(&self, json: Value) -> Value {
        json
    }
}

impl<F> Provider for F
where
    F: Fn(&Target<'_>) -> Option<Endpoint> + Send + Sync + 'static,
{
    fn endpoint(&self, target: &Target<'_>) -> Option<Endpoint> {
        self(target)
    }
}
