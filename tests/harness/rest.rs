//! Plain requests to a server of the API, and what it answers.

use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::Value;

use crate::wait::{PATIENCE, wait_for};

/// The header of a key.
const KEY: &str = "x-agentops-api-key";

/// A server as somebody with a key reaches it.
#[derive(Debug)]
pub struct Rest {
    url: String,
    key: String,
    client: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    headers: reqwest::header::HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Rest {
    pub(crate) fn new(url: &str, key: &str) -> Self {
        // Other packages of the workspace ask for a TLS without a provider, and a client wants one even for plain
        // HTTP. That somebody has installed it already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build();
        Self {
            url: url.to_owned(),
            key: key.to_owned(),
            client: client.expect("a plain client"),
        }
    }

    /// The key as a header.
    #[must_use]
    pub fn key(&self) -> (&str, &str) {
        (KEY, &self.key)
    }

    /// Sends a request as it is told to: no header but those given.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let method: Method = method.parse().expect("a method");
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method, url).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request
            .send()
            .unwrap_or_else(|error| panic!("no answer to {path}: {error:?}"));
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.bytes().expect("a whole answer").to_vec(),
        }
    }

    /// Asks with the key.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[self.key()], "")
    }

    /// Posts with a session's token.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn post(&self, path: &str, jwt: &str, body: impl Into<Vec<u8>>) -> Answer {
        let bearer = format!("Bearer {jwt}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        self.send("POST", path, &headers, body)
    }

    /// Makes a session and returns its token.
    ///
    /// # Panics
    /// When the server refuses it.
    #[track_caller]
    pub fn create_session(&self, body: impl Into<Vec<u8>>) -> String {
        let headers = [self.key(), ("Content-Type", "application/json")];
        let answer = self.send("POST", "/v2/create_session", &headers, body);
        let jwt = answer.ok()["jwt"].as_str().map(str::to_owned);
        jwt.expect("a token")
    }

    /// Everything of a session.
    ///
    /// # Panics
    /// When there is no such session.
    #[track_caller]
    pub fn export(&self, id: &str) -> Value {
        self.get(&format!("/v2/sessions/{id}/export")).ok()
    }

    /// The counts of a session.
    ///
    /// # Panics
    /// When there is no such session.
    #[track_caller]
    pub fn stats(&self, id: &str) -> Value {
        self.get(&format!("/v2/sessions/{id}/stats")).ok()
    }

    /// Waits until the export of a session is as wanted.
    ///
    /// # Panics
    /// When it does not become so.
    #[track_caller]
    pub fn export_when(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v2/sessions/{id}/export");
        wait_for(what, PATIENCE, || {
            let answer = self.get(&path);
            (answer.status == 200)
                .then(|| answer.json())
                .filter(|export| wanted(export))
        })
    }
}

impl Answer {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The body of a success.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }

    /// The body of a refusal, which has the form that every refusal has.
    ///
    /// # Panics
    /// When it was not refused like this.
    #[track_caller]
    pub fn refused(&self, status: u16, path: &str) -> Value {
        assert_eq!(self.status, status, "{path}: {}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        assert_eq!(body["path"], path, "{body}");
        for field in ["error", "message"] {
            let told = body[field].as_str().is_some_and(|text| !text.is_empty());
            assert!(told, "no {field}: {body}");
        }
        body
    }
}
