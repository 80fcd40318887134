//! What goes wrong has a code of its own and a message that names the fix.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::recorded::{ID, quiet_run};
use crate::{Run, Server, command, on};

#[test]
fn an_unknown_session_names_the_list() {
    let dir = tempfile::tempdir().unwrap();
    quiet_run(dir.path(), ID, 0);
    for words in [
        ["sessions", "show", "nope"],
        ["sessions", "export", "nope"],
        ["sessions", "show", ""],
    ] {
        let message = on(dir.path(), &words).failed(3);
        assert!(message.contains("`agentops sessions list`"), "{message}");
    }
    let server = Server::start(dir.path());
    for id in ["nope", ".", "..", "", &"x".repeat(500)] {
        let message = on(dir.path(), &["sessions", "show", id]).failed(3);
        assert!(message.contains(&server.url), "{message}");
    }
}

#[test]
fn wrong_usage_is_two() {
    for words in [
        &["sessions", "list", "--limit", "0"][..],
        &["sessions", "show"],
        &[
            "sessions",
            "list",
            "--endpoint",
            "http://h",
            "--data-dir",
            "/d",
        ],
        &["sessions", "list", "--endpoint", "no address"],
        &["serve", "--listen", "here"],
        &["frobnicate"],
    ] {
        let run = Run::of(command(words));
        assert_eq!(run.code, 2, "{words:?}: {}", run.err);
        assert!(run.err.starts_with("error: "), "{}", run.err);
    }
    let dir = tempfile::tempdir().unwrap();
    quiet_run(dir.path(), ID, 0);
    let message = on(dir.path(), &["sessions", "list", "--cursor", "not one"]).failed(2);
    assert!(message.contains("cursor"), "{message}");
}

#[test]
fn a_server_that_is_not_there_is_five() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let message = Run::of(command(&["sessions", "list", "--endpoint", &url])).failed(5);
    assert!(
        message.contains(&format!("cannot reach {url}")),
        "{message}"
    );
}

#[test]
fn a_key_that_is_missing_or_refused_is_six() {
    let list = ["sessions", "list", "--endpoint", "http://192.0.2.1:9"];
    let message = Run::of(command(&list)).failed(6);
    assert!(
        message.contains("--api-key") && message.contains("AGENTOPS_API_KEY"),
        "{message}"
    );

    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut list = command(&["sessions", "list", "--endpoint", &server.url]);
    list.env("AGENTOPS_API_KEY", "no-key-at-all");
    let message = Run::of(list).failed(6);
    assert!(message.contains("Invalid API key"), "{message}");
    assert!(
        !message.contains("no-key-at-all"),
        "keys are not repeated: {message}"
    );
}

#[test]
fn a_data_directory_that_is_none_is_seven() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for words in [
        &["sessions", "list"][..],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let message = on(&file, words).failed(7);
        assert!(message.contains(&file.display().to_string()), "{message}");
    }
    let broken = tempfile::tempdir().unwrap();
    std::fs::write(
        broken.path().join("agentops.db"),
        "this is no database, but it is long enough",
    )
    .unwrap();
    on(broken.path(), &["sessions", "list"]).failed(7);
}

/// Something at this address that answers its one caller like this, whatever is asked. The second
/// part is the caller's request.
fn answering(answer: &str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    let answered = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, answered)
}

#[test]
fn whatever_answers_is_told_calmly() {
    let answer = |head: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    for (answer, code, said) in [
        (
            answer("200 OK", "<html>"),
            5,
            "does not answer as an AgentOps server",
        ),
        (
            answer("200 OK", "{}"),
            5,
            "does not answer as an AgentOps server",
        ),
        (
            answer("200 OK", "\u{1b}[2J"),
            5,
            "does not answer as an AgentOps server",
        ),
        (
            answer("302 Found\r\nLocation: https://elsewhere.example/", ""),
            5,
            "elsewhere.example",
        ),
        (answer("404 Not Found", ""), 1, "has no list of sessions"),
        (answer("403 Forbidden", "no"), 6, "--api-key"),
        (
            answer("503 Busy", r#"{"error":"busy\u001b[2J","message":"later"}"#),
            1,
            "answers 503: busy\\u{1b}[2J: later",
        ),
        (
            answer("500 Oh", "<html>"),
            1,
            "answers 500: no reason given",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            5,
            "cannot reach",
        ),
        ("SSH-2.0-x\r\n\r\n".to_owned(), 5, "cannot reach"),
    ] {
        let (url, answered) = answering(&answer);
        let message = Run::of(command(&["sessions", "list", "--endpoint", &url])).failed(code);
        assert!(message.contains(said), "{answer:?}: {message}");
        assert!(!message.contains('\u{1b}'), "{message}");
        let request = answered.join().unwrap();
        assert!(
            request.starts_with("GET /v2/sessions?limit=50 HTTP/1.1\r\n"),
            "{request}"
        );
    }
}
