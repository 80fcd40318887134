//! A server of its own for each test, and a client that sends whatever it is told to.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use agentops_server::{Limits, Running, ServerConfig, serve};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A well-formed key that no server issued.
pub(crate) const KEY: &str = "11111111-1111-4111-8111-111111111111";

/// A key as a header.
pub(crate) fn key(key: &str) -> (&str, &str) {
    ("x-agentops-api-key", key)
}

/// A running server in a data directory of its own.
pub(crate) struct Server {
    pub(crate) dir: TempDir,
    pub(crate) runtime: Runtime,
    running: Option<Running>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|config| config)
    }

    pub(crate) fn with(change: impl FnOnce(ServerConfig) -> ServerConfig) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), change)
    }

    pub(crate) fn limited(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::with(|config| config.limits(limits))
    }

    pub(crate) fn in_dir(dir: TempDir, change: impl FnOnce(ServerConfig) -> ServerConfig) -> Self {
        let runtime = Runtime::new().unwrap();
        let config = ServerConfig::new(dir.path()).listen(([127, 0, 0, 1], 0).into());
        let running = runtime.block_on(serve(change(config))).unwrap();
        Self {
            dir,
            runtime,
            running: Some(running),
        }
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("stopped only by `stop`")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let url = self.running().url();
        url.strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// Ends it, and hands back its data directory.
    pub(crate) fn stop(mut self) -> TempDir {
        let running = self.running.take().unwrap();
        self.runtime.block_on(running.shutdown());
        self.dir
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Sends a request and reads the answer.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let host = self.address().to_string();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        exchange(self.address(), &message)
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, b"")
    }

    /// Posts with a session token.
    pub(crate) fn post(&self, path: &str, jwt: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {jwt}");
        self.send("POST", path, &[("Authorization", &bearer)], body)
    }

    /// Makes a session with the usual key, and returns its token.
    pub(crate) fn session(&self, id: &str) -> String {
        let body =
            serde_json::json!({"session": {"id": id, "init_timestamp": "2024-03-14T12:00:00Z"}});
        let answer = self.send(
            "POST",
            "/v2/create_session",
            &[key(KEY)],
            body.to_string().as_bytes(),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["jwt"].as_str().unwrap().to_owned()
    }

    pub(crate) fn export(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v2/sessions/{id}/export"), &[key(KEY)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// Sends bytes and reads to the end of the connection.
pub(crate) fn exchange(address: SocketAddr, message: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(message);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Answer::parse(&answer)
}

/// Asks until something holds, for ten seconds.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "waited in vain for {what}"
        );
        std::thread::yield_now();
    }
}

/// An answer, taken apart.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let answer = Self {
            status,
            head,
            body: bytes[end + 4..].to_vec(),
        };
        assert_eq!(
            answer.header("transfer-encoding"),
            None,
            "the client reads whole bodies only"
        );
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Checks that this is a refusal in the form that every refusal has.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, path: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        assert_eq!(body["path"], path);
        for field in ["error", "message"] {
            assert!(
                body[field].as_str().is_some_and(|text| !text.is_empty()),
                "{body}"
            );
        }
        body
    }
}
