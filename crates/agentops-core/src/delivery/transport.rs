//! HTTP: one client, one attempt at a time. What to do next is not decided here.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agentops_protocol::api::{
    API_KEY_HEADER, IDEMPOTENCY_HEADER, PARENT_KEY_HEADER, SERVER_HEADER,
};
use once_cell::sync::OnceCell;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Response};
use serde::de::IgnoredAny;

use super::backoff::{Verdict, verdict};
use crate::config::{ApiKey, Settings};

/// How long one attempt may take in all.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Largest answer that is read.
const MAX_ANSWER: usize = 64 << 20;
/// Smaller bodies are sent as they are.
const GZIP_FROM: usize = 1_024;

/// A connection to one server with one key.
pub(crate) struct Transport {
    /// Made at the first request: reading the system's certificates takes a while, and where it
    /// fails it is tried again with the next request.
    client: OnceCell<Client>,
    endpoint: String,
    key: ApiKey,
    parent_key: Option<ApiKey>,
    gzip: AtomicBool,
    ours: AtomicBool,
}

/// How a request is authorised.
#[derive(Clone, Copy)]
pub(crate) enum Auth<'a> {
    Key,
    Token(&'a str),
}

/// What an attempt came to.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) verdict: Verdict,
    /// 0 when there was no answer.
    pub(crate) status: u16,
    /// The answer's body, or what went wrong.
    pub(crate) text: String,
}

impl Transport {
    /// For settings that name an endpoint and a key.
    pub(crate) fn new(settings: &Settings) -> Option<Self> {
        let (Some(endpoint), Some(key)) = (&settings.endpoint, &settings.api_key) else {
            return None;
        };
        Some(Self {
            client: OnceCell::new(),
            endpoint: endpoint.clone(),
            key: key.clone(),
            parent_key: settings.parent_key.clone(),
            gzip: AtomicBool::new(false),
            ours: AtomicBool::new(false),
        })
    }

    fn client(&self) -> Result<&Client, reqwest::Error> {
        self.client.get_or_try_init(|| client(&self.endpoint))
    }

    /// Whether the server announced that it is of this project: it takes calls that still run.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours.load(Ordering::Relaxed)
    }

    /// One POST. `batch` names its content, the same at every try.
    pub(crate) async fn post(
        &self,
        path: &str,
        auth: Auth<'_>,
        body: Vec<u8>,
        batch: Option<&str>,
    ) -> Attempt {
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return no_client(&error),
        };
        let mut request = self
            .authorised(client.post(format!("{}{path}", self.endpoint)), auth)
            .header(CONTENT_TYPE, "application/json; charset=utf-8");
        if let Some(batch) = batch {
            request = request.header(IDEMPOTENCY_HEADER, batch);
        }
        let compressed = (body.len() >= GZIP_FROM && self.gzip.load(Ordering::Relaxed))
            .then(|| gzip(&body))
            .flatten();
        let request = match compressed {
            Some(small) => request.header(CONTENT_ENCODING, "gzip").body(small),
            None => request.body(body),
        };
        self.attempt(request).await
    }

    /// One GET with the key.
    pub(crate) async fn get(&self, path: &str) -> Attempt {
        match self.client() {
            Ok(client) => {
                let request = client.get(format!("{}{path}", self.endpoint));
                self.attempt(self.authorised(request, Auth::Key)).await
            }
            Err(error) => no_client(&error),
        }
    }

    fn authorised(&self, request: RequestBuilder, auth: Auth<'_>) -> RequestBuilder {
        match auth {
            Auth::Token(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            Auth::Key => {
                let request = request.header(API_KEY_HEADER, self.key.expose());
                match &self.parent_key {
                    Some(parent) => request.header(PARENT_KEY_HEADER, parent.expose()),
                    None => request,
                }
            }
        }
    }

    async fn attempt(&self, request: RequestBuilder) -> Attempt {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return unanswered(&error),
        };
        self.notice(&response);
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let verdict = verdict(status, retry_after);
        match read(response).await {
            Ok(text) => Attempt {
                verdict: believed(verdict, &text),
                status,
                text,
            },
            Err(error) => unanswered(&error),
        }
    }

    /// What the server announces of itself.
    fn notice(&self, response: &Response) {
        let headers = response.headers();
        if headers.contains_key(SERVER_HEADER) {
            self.ours.store(true, Ordering::Relaxed);
            self.gzip.store(true, Ordering::Relaxed);
        }
        let announced = headers
            .get(ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok());
        if announced.is_some_and(|value| value.split(',').any(|name| name.trim() == "gzip")) {
            self.gzip.store(true, Ordering::Relaxed);
        }
    }
}

/// Every answer of the API is JSON. Success in any other form is a page of somebody in between: nothing was accepted.
fn believed(verdict: Verdict, text: &str) -> Verdict {
    if verdict == Verdict::Done && serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Verdict::Retry(None);
    }
    verdict
}

/// No answer, or half of one: what was sent may have been accepted, and is sent again.
fn unanswered(error: &reqwest::Error) -> Attempt {
    // The URL of an error would repeat the endpoint in every line of the log.
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    let verdict = if error.is_builder() {
        Verdict::Refused
    } else {
        Verdict::Retry(None)
    };
    Attempt {
        verdict,
        status: 0,
        text,
    }
}

/// No request could be made; the next one may find what this one lacked.
fn no_client(error: &reqwest::Error) -> Attempt {
    Attempt {
        verdict: Verdict::Retry(None),
        ..unanswered(error)
    }
}

/// Reads an answer up to its limit.
async fn read(mut response: Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            bytes.truncate(MAX_ANSWER);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(
        Vec::with_capacity(body.len() / 4),
        flate2::Compression::fast(),
    );
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

fn client(endpoint: &str) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .user_agent(concat!("agentops-rust/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(ATTEMPT)
        .pool_idle_timeout(Duration::from_secs(60))
        // A redirect would carry keys to a place nobody named.
        .redirect(reqwest::redirect::Policy::none());
    let builder = if is_loopback(endpoint) {
        builder.no_proxy()
    } else {
        builder
    };
    tls(builder, endpoint).build()
}

/// Whether a proxy for the outside world would only be in the way.
fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|local| host.starts_with(local))
}

/// The provider is given by hand, so that no process-wide default is installed or needed.
#[cfg(feature = "rustls")]
fn tls(builder: reqwest::ClientBuilder, endpoint: &str) -> reqwest::ClientBuilder {
    use rustls_platform_verifier::BuilderVerifierExt as _;
    use std::sync::Arc;

    let config = || {
        rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .expect("the ring provider knows TLS 1.2 and 1.3")
    };
    // Reading the system's certificates takes time that a plain endpoint need not spend.
    if endpoint.starts_with("https://")
        && let Ok(verified) = config().with_platform_verifier()
    {
        return builder.tls_backend_preconfigured(verified.with_no_client_auth());
    }
    let trusting_nobody = config()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    builder.tls_backend_preconfigured(trusting_nobody)
}

#[cfg(not(feature = "rustls"))]
fn tls(builder: reqwest::ClientBuilder, _endpoint: &str) -> reqwest::ClientBuilder {
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_believed_to_be_a_success() {
        assert_eq!(believed(Verdict::Done, "\"Success\""), Verdict::Done);
        assert_eq!(believed(Verdict::Done, "{}"), Verdict::Done);
        for text in ["<!DOCTYPE html>", "", "Success"] {
            assert_eq!(
                believed(Verdict::Done, text),
                Verdict::Retry(None),
                "{text}"
            );
        }
        assert_eq!(believed(Verdict::Split, "<html>"), Verdict::Split);
    }
}
