//! A server, asked over its REST API.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use agentops_protocol::api::{API_KEY_HEADER, ErrorBody, SERVER_HEADER, SessionList};
use anyhow::Context as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::runtime::Runtime;

use super::query::EventQuery;
use crate::env;
use crate::exit::{Exit, Problem};
use crate::progress::Progress;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(600);
/// For a question that only asks whether somebody is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// For an answer that has no end.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 1 << 30;

/// What is written out in a path.
const NOT_PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A server and how to ask it.
pub(crate) struct Remote {
    url: Url,
    client: Client,
    runtime: Runtime,
}

/// How a question was answered.
pub(crate) struct Probe {
    pub(crate) status: u16,
    /// Of a server of this project.
    pub(crate) version: Option<String>,
    /// The server's clock, as HTTP writes it.
    pub(crate) date: Option<String>,
    pub(crate) took: Duration,
}

impl Remote {
    /// A server at this address. On this machine it needs no key.
    pub(crate) fn new(endpoint: &str, key: Option<String>) -> anyhow::Result<Self> {
        let url = base(endpoint)?;
        let key = match key {
            Some(key) => key,
            // A server on this machine takes any well-formed key for its default project.
            None if is_loopback(url.as_str()) => uuid::Uuid::new_v4().to_string(),
            None => {
                let variable = env::API_KEY;
                let message = format!("{url} needs a key; give --api-key or set {variable}");
                return Err(Problem::new(Exit::Denied, message).into());
            }
        };
        let mut key = HeaderValue::from_str(&key)
            .map_err(|_| Problem::new(Exit::Denied, "the key has characters that no key has"))?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(API_KEY_HEADER, key);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        install_crypto();
        let mut client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("agentops-cli/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(TIMEOUT)
            // A redirect would take the key along to wherever it leads.
            .redirect(Policy::none());
        if is_loopback(url.as_str()) {
            client = client.no_proxy();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the network")?;
        let client = client.build().context("cannot start the network")?;
        Ok(Self {
            url,
            client,
            runtime,
        })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// One page of its sessions.
    pub(crate) fn list(&self, limit: u16, cursor: Option<&str>) -> anyhow::Result<SessionList> {
        let mut url = self.path(&["v2", "sessions"]);
        url.query_pairs_mut()
            .append_pair("limit", &limit.to_string());
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let Some(text) = self.get(url)? else {
            let message = "has no list of sessions; `agentops sessions export ID` needs none";
            return Err(Problem::new(Exit::Failure, format!("{} {message}", self.url())).into());
        };
        serde_json::from_str(&text).map_err(|error| self.strange(&error).into())
    }

    /// The export object of the session of exactly this id. It may take long.
    pub(crate) fn export(&self, id: &str) -> anyhow::Result<Option<String>> {
        let progress = Progress::bytes(format!("reading from {}", self.url()));
        match self.of(id, &["export"]) {
            Some(url) => self.get_with(url, &progress),
            None => Ok(None),
        }
    }

    /// The session's page as one file.
    pub(crate) fn page(&self, id: &str) -> anyhow::Result<Option<String>> {
        let progress = Progress::bytes(format!("reading from {}", self.url()));
        let Some(mut url) = self.of(id, &["export"]) else {
            return Ok(None);
        };
        url.query_pairs_mut().append_pair("format", "html");
        self.text_with(url, &progress)
    }

    /// What is below a session.
    pub(crate) fn of_session(&self, id: &str, below: &[&str]) -> anyhow::Result<Option<String>> {
        match self.of(id, below) {
            Some(url) => self.get(url),
            None => Ok(None),
        }
    }

    /// A page of the events of a session.
    pub(crate) fn events(&self, id: &str, query: &EventQuery) -> anyhow::Result<Option<String>> {
        let Some(mut url) = self.of(id, &["events"]) else {
            return Ok(None);
        };
        url.query_pairs_mut().extend_pairs(query.pairs());
        self.get(url)
    }

    /// A page of the events of all sessions.
    pub(crate) fn found(&self, query: &EventQuery) -> anyhow::Result<String> {
        let mut url = self.path(&["v2", "events"]);
        url.query_pairs_mut().extend_pairs(query.pairs());
        self.get(url)?.ok_or_else(|| {
            let message = format!(
                "{} has no list of events; it is no server of this project",
                self.url()
            );
            Problem::new(Exit::Failure, message).into()
        })
    }

    /// Takes a session away; whether there was one.
    pub(crate) fn delete(&self, id: &str) -> anyhow::Result<bool> {
        let Some(url) = self.of(id, &[]) else {
            return Ok(false);
        };
        self.runtime.block_on(async {
            let answer = self.client.delete(url).send().await;
            let answer = answer.map_err(|error| self.silent(&error))?;
            let (status, location) = (answer.status(), answer.headers().get("location").cloned());
            match status {
                StatusCode::NO_CONTENT | StatusCode::OK => Ok(true),
                StatusCode::NOT_FOUND => Ok(false),
                _ => {
                    let text = self.read(answer, &Progress::none()).await?;
                    Err(self.refused(status, location.as_ref(), &text).into())
                }
            }
        })
    }

    /// Asks for a path and tells how that went, whatever the answer.
    pub(crate) fn probe(&self, segments: &[&str]) -> anyhow::Result<Probe> {
        self.runtime.block_on(async {
            let asked = Instant::now();
            let answer = self
                .client
                .get(self.path(segments))
                .timeout(PROBE_TIMEOUT)
                .send()
                .await;
            let answer = answer.map_err(|error| self.silent(&error))?;
            let header = |name: &str| {
                let value = answer.headers().get(name)?.to_str().ok()?;
                Some(value.to_owned())
            };
            Ok(Probe {
                status: answer.status().as_u16(),
                version: header(SERVER_HEADER),
                date: header("date"),
                took: asked.elapsed(),
            })
        })
    }

    /// Waits for what is asked of this server.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Opens the stream of changes, from behind `after` on.
    pub(super) async fn follow(&self, after: Option<&str>) -> anyhow::Result<Response> {
        let mut request = self.client.get(self.path(&["v2", "events", "stream"]));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        // It has no end.
        let answer = request.timeout(FOREVER).send().await;
        let answer = answer.map_err(|error| self.silent(&error))?;
        let (status, location) = (answer.status(), answer.headers().get("location").cloned());
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let text = self.read(answer, &Progress::none()).await?;
        Err(self.refused(status, location.as_ref(), &text).into())
    }

    /// The address of what is below a session; `None` for what is no name: a dot or two in a path
    /// are a way to go, and no server could be asked.
    fn of(&self, id: &str, below: &[&str]) -> Option<Url> {
        let is_name = |id: &str| !matches!(id, "" | "." | "..");
        let all = is_name(id) && below.iter().all(|id| is_name(id));
        all.then(|| self.path(&[&["v2", "sessions", id], below].concat()))
    }

    fn path(&self, segments: &[&str]) -> Url {
        let mut path = self.url.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            // The URL's own way to add a segment leaves line ends and tabs out.
            path.extend(utf8_percent_encode(segment, NOT_PLAIN));
        }
        let mut url = self.url.clone();
        url.set_path(&path);
        url
    }

    /// The JSON text at `url`; `None` where there is nothing.
    fn get(&self, url: Url) -> anyhow::Result<Option<String>> {
        self.get_with(url, &Progress::none())
    }

    fn get_with(&self, url: Url, progress: &Progress) -> anyhow::Result<Option<String>> {
        let text = self.text_with(url, progress)?;
        if let Some(text) = &text {
            serde_json::from_str::<&serde_json::value::RawValue>(text)
                .map_err(|error| self.strange(&error))?;
        }
        Ok(text)
    }

    /// An answer as it is.
    fn text_with(&self, url: Url, progress: &Progress) -> anyhow::Result<Option<String>> {
        self.runtime.block_on(async {
            let answer = self
                .client
                .get(url)
                .send()
                .await
                .map_err(|error| self.silent(&error))?;
            let status = answer.status();
            let location = answer.headers().get("location").cloned();
            let text = self.read(answer, progress).await?;
            match status {
                StatusCode::OK => Ok(Some(text)),
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
                _ => Err(self.refused(status, location.as_ref(), &text).into()),
            }
        })
    }

    async fn read(&self, mut answer: Response, progress: &Progress) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        progress.of(answer.content_length());
        while let Some(piece) = answer.chunk().await.map_err(|error| self.silent(&error))? {
            if bytes.len() + piece.len() > MOST_BYTES {
                let message = format!("the answer of {} is larger than 1 GiB", self.url());
                return Err(Problem::new(Exit::Failure, message).into());
            }
            bytes.extend_from_slice(&piece);
            progress.at(bytes.len() as u64);
        }
        String::from_utf8(bytes).map_err(|error| self.strange(&error).into())
    }

    fn silent(&self, error: &reqwest::Error) -> Problem {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let message = format!(
            "cannot reach {}, is the server running? {cause}",
            self.url()
        );
        Problem::new(Exit::Unreachable, message)
    }

    fn strange(&self, error: &dyn std::error::Error) -> Problem {
        let message = format!(
            "{} does not answer as an AgentOps server: {error}",
            self.url()
        );
        Problem::new(Exit::Unreachable, message)
    }

    fn refused(&self, status: StatusCode, to: Option<&HeaderValue>, text: &str) -> Problem {
        let url = self.url();
        if let (true, Some(Ok(to))) = (status.is_redirection(), to.map(HeaderValue::to_str)) {
            let message = format!("{url} sends on to {to}; give that address as --endpoint");
            return Problem::new(Exit::Unreachable, message);
        }
        let said = match serde_json::from_str::<ErrorBody>(text) {
            Ok(body) if body.message.is_empty() => body.error,
            Ok(body) => format!("{}: {}", body.error, body.message),
            Err(_) => "no reason given".to_owned(),
        };
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let variable = env::API_KEY;
            let fix = format!("give a key of that server by --api-key or {variable}");
            return Problem::new(
                Exit::Denied,
                format!("{url} refuses the key ({said}); {fix}"),
            );
        }
        Problem::new(
            Exit::Failure,
            format!("{url} answers {}: {said}", status.as_u16()),
        )
    }
}

/// The address that paths are added to: without `/v2`, which is added again.
fn base(endpoint: &str) -> anyhow::Result<Url> {
    let bad = |why: &str| {
        let message = format!("endpoint {endpoint:?} {why}; write it as http://host:port");
        Problem::new(Exit::Usage, message)
    };
    let trimmed = endpoint.trim().trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/v2").unwrap_or(trimmed);
    let url = Url::parse(trimmed).map_err(|_| bad("is no address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("is no http address").into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Problem::new(
            Exit::Usage,
            "an endpoint must not hold a password; use --api-key",
        )
        .into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("has a query").into());
    }
    Ok(url)
}

/// Whether an address names this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// This is an executable: it may decide what the whole process encrypts with.
pub(crate) fn install_crypto() {
    // Refused only when it has been done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_with_or_without_v2() {
        for (given, expected) in [
            ("http://127.0.0.1:8717", "http://127.0.0.1:8717/v2/sessions"),
            (" http://h/v2/ ", "http://h/v2/sessions"),
            ("https://h/base/", "https://h/base/v2/sessions"),
        ] {
            let remote = Remote::new(given, Some("k".to_owned())).unwrap();
            assert_eq!(remote.path(&["v2", "sessions"]).as_str(), expected);
        }
        for given in [
            "",
            "h:1",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://h?x=1",
        ] {
            let error = Remote::new(given, None).err().unwrap();
            assert_eq!(Exit::of(&error), Exit::Usage, "{given}");
        }
    }

    #[test]
    fn any_id_is_one_segment() {
        let remote = Remote::new("http://localhost:1", None).unwrap();
        let url = remote.path(&["v2", "sessions", "a/b c?#é%\r\n\t", "export"]);
        assert_eq!(
            url.path(),
            "/v2/sessions/a%2Fb%20c%3F%23%C3%A9%25%0D%0A%09/export"
        );
    }

    #[test]
    fn only_this_machine_needs_no_key() {
        for url in [
            "http://127.0.0.1:1",
            "http://localhost",
            "http://[::1]:2",
            "http://127.8.8.8",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "x",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
        let error = Remote::new("http://10.0.0.1:8717", None).err().unwrap();
        assert_eq!(Exit::of(&error), Exit::Denied);
        assert!(error.to_string().contains("AGENTOPS_API_KEY"));
    }
}
