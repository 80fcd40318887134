//! `agentops serve`, and reading through a server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::recorded::{ID, TWIN, failing_run, quiet_run};
use crate::{Run, Server, command, on};

/// Asks a server of this machine over REST, as any client would.
fn post(url: &str, path: &str, header: &str, body: &Value) -> Value {
    let host = url.strip_prefix("http://").unwrap();
    let body = body.to_string();
    let length = body.len();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn a_session_sent_over_rest_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let key = "11111111-1111-4111-8111-111111111111";
    let body = json!({"session": {"id": ID, "init_timestamp": "2024-03-14T12:00:00Z"}});
    let created = post(
        &server.url,
        "/v2/create_session",
        &format!("X-Agentops-Api-Key: {key}"),
        &body,
    );
    let bearer = format!("Authorization: Bearer {}", created["jwt"].as_str().unwrap());
    let events = json!({"events": [{"type": "tool", "name": "database_query",
        "init_timestamp": "2024-03-14T12:01:03Z", "end_timestamp": "2024-03-14T12:01:04Z",
        "input": "SELECT * FROM users", "output": "Retrieved 5 users"}]});
    post(&server.url, "/v2/create_events", &bearer, &events);

    // By the data directory, whose lock leads to the server, and by its address.
    let by_dir = on(dir.path(), &["sessions", "export", ID]).json();
    assert_eq!(by_dir["tools"][0]["params"], "SELECT * FROM users");
    let by_url = ["sessions", "export", ID, "--endpoint", &server.url];
    assert_eq!(Run::of(command(&by_url)).json(), by_dir);
    let by_url = [
        "sessions",
        "export",
        ID,
        "--endpoint",
        &format!("{}/v2/", server.url),
        "--api-key",
        key,
    ];
    assert_eq!(Run::of(command(&by_url)).json(), by_dir);
    let shown = on(dir.path(), &["sessions", "show", ID]).ok();
    assert!(
        shown.contains("database_query") && shown.contains("1.00 s"),
        "{shown}"
    );
}

/// Every answer about a data directory, as text.
fn answers(dir: &Path) -> Vec<String> {
    let all: [&[&str]; 6] = [
        &["sessions", "list", "--json"],
        &["sessions", "list"],
        &["sessions", "export", ID],
        &["sessions", "export", TWIN],
        &["sessions", "show", ID],
        &["sessions", "show", "a/b c?#é"],
    ];
    all.iter().map(|words| on(dir, words).ok()).collect()
}

#[test]
fn local_and_served_answers_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    quiet_run(dir.path(), TWIN, 60_000);
    quiet_run(dir.path(), "a/b c?#é", 90_000);
    let local = answers(dir.path());
    let server = Server::start(dir.path());
    assert_eq!(answers(dir.path()), local);
    drop(server);
    // A server that was killed leaves its traces; the directory is opened all the same.
    assert_eq!(answers(dir.path()), local);
}

#[test]
fn a_server_says_where_it_is_and_refuses_a_second_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    assert!(
        server.url.starts_with("http://127.0.0.1:"),
        "{}",
        server.url
    );
    let second = on(dir.path(), &["serve", "--listen", "127.0.0.1:0"]).failed(7);
    assert!(second.contains(&server.url), "{second}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_server_well() {
    use std::process::{Command, Stdio};

    let dir = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(dir.path());
        let pid = server.process.id().to_string();
        let sent = Command::new("kill")
            .args([signal, &pid])
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(sent.success());
        assert_eq!(server.process.wait().unwrap().code(), Some(0), "{signal}");
        assert!(!dir.path().join("server.json").exists());
    }
}

#[test]
fn wrong_settings_of_a_server_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let url = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--public-url",
        "ops.example",
    ];
    assert!(on(dir.path(), &url).failed(2).contains("https://host"));
    let server = Server::start(dir.path());
    let taken = server.url.strip_prefix("http://").unwrap();
    let other = tempfile::tempdir().unwrap();
    let message = on(other.path(), &["serve", "--listen", taken]).failed(1);
    assert!(message.contains("--listen"), "{message}");
}
