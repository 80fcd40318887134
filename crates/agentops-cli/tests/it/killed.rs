//! A server that is killed under load, again and again: what it answered is there once, and its
//! database is whole.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::{Server, on};

const KEY: &str = "11111111-1111-4111-8111-111111111111";
/// How often it is killed.
const KILLS: usize = 20;
/// Who sends at once.
const SENDERS: usize = 3;
/// Events of a request.
const EVENTS: usize = 7;

/// One connection; every failure only means that the server is gone.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(url: &str) -> Option<Self> {
        let stream = TcpStream::connect(url.strip_prefix("http://")?).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    /// The body of an answer with status 200.
    fn post(&mut self, path: &str, header: &str, body: &Value) -> Option<String> {
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes()).ok()?;
        let mut length = 0;
        let mut first = String::new();
        self.0.read_line(&mut first).ok()?;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(told) = line.strip_prefix("content-length: ") {
                length = told.parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        first
            .contains(" 200 ")
            .then(|| String::from_utf8(body).ok())?
    }
}

/// Sends until the server is gone, and notes what it answered.
fn send(
    url: &str,
    session: &str,
    prefix: &str,
    answered: &Mutex<BTreeSet<String>>,
    count: &AtomicUsize,
) {
    let run = || -> Option<()> {
        let mut connection = Connection::open(url)?;
        let created = connection.post(
            "/v2/create_session",
            &format!("X-Agentops-Api-Key: {KEY}"),
            &json!({"session": {"id": session}}),
        )?;
        let created: Value = serde_json::from_str(&created).ok()?;
        let bearer = format!("Authorization: Bearer {}", created["jwt"].as_str()?);
        for number in 0.. {
            let ids: Vec<String> = (0..EVENTS)
                .map(|event| format!("{prefix}-{number}-{event}"))
                .collect();
            let events: Vec<Value> = ids
                .iter()
                .map(|id| json!({"id": id, "type": "llm", "model": "gpt-4", "prompt": format!("question {id}"),
                    "prompt_tokens": 150, "completion_tokens": 80}))
                .collect();
            connection.post("/v2/create_events", &bearer, &json!({"events": events}))?;
            answered.lock().unwrap().extend(ids);
            count.fetch_add(1, Ordering::SeqCst);
        }
        None
    };
    let _ = run();
}

/// One life of the server: it is killed when it has answered some requests.
fn one_life(dir: &Path, round: usize, answered: &Mutex<BTreeSet<String>>) {
    let mut server = Server::start(dir);
    let url = server.url.clone();
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (url, count) = (&url, &count);
            scope.spawn(move || {
                let prefix = format!("{round}-{sender}");
                send(url, &format!("s{sender}"), &prefix, answered, count);
            });
        }
        let begun = std::time::Instant::now();
        while count.load(Ordering::SeqCst) < 20 + 3 * round {
            assert!(begun.elapsed().as_secs() < 20, "the server stores");
            std::thread::yield_now();
        }
        server.process.kill().unwrap();
        server.process.wait().unwrap();
    });
}

#[test]
fn twenty_kills_under_load_lose_nothing_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let answered = Mutex::new(BTreeSet::new());
    for round in 0..KILLS {
        one_life(dir.path(), round, &answered);
        let report = on(dir.path(), &["check", "--json"]).json();
        assert_eq!(report["clean"], true, "round {round}: {report}");
    }
    let mut stored = Vec::new();
    for sender in 0..SENDERS {
        let export = on(dir.path(), &["sessions", "export", &format!("s{sender}")]).json();
        let calls = export["llms"].as_array().unwrap();
        assert_eq!(export["stats"]["llms"], calls.len());
        stored.extend(
            calls
                .iter()
                .map(|call| call["id"].as_str().unwrap().to_owned()),
        );
    }
    let once: BTreeSet<String> = stored.iter().cloned().collect();
    assert_eq!(once.len(), stored.len(), "nothing is there twice");
    assert_eq!(stored.len() % EVENTS, 0, "requests are whole");
    let answered = answered.into_inner().unwrap();
    let lost: Vec<_> = answered.difference(&once).take(5).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?}");
    assert!(answered.len() >= KILLS * 20 * EVENTS, "{}", answered.len());
}
