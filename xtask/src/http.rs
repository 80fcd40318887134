//! The few requests that are made here: one a connection, to this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// More than any answer that is asked for here.
const LARGEST: u64 = 64 << 20;

/// Asks `host` and reads the answer's status and body.
pub(crate) fn ask(
    host: &str,
    method: &str,
    path: &str,
    key: &str,
    body: &str,
) -> anyhow::Result<(u16, String)> {
    send(host, method, path, &[("X-Agentops-Api-Key", key)], body)
}

/// As [`ask`], with any headers.
pub(crate) fn send(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> anyhow::Result<(u16, String)> {
    let asked = || format!("{method} {path}");
    let mut stream = TcpStream::connect(host).with_context(asked)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    // HTTP/1.0: the answer ends with the connection and is never in chunks.
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    request.push_str(&format!(
        "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream
        .take(LARGEST)
        .read_to_end(&mut answer)
        .with_context(asked)?;
    let answer = String::from_utf8(answer).with_context(asked)?;
    parts(&answer).with_context(asked)
}

fn parts(answer: &str) -> anyhow::Result<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok((status.context("no status")?, body.to_owned()))
}

/// Gets a JSON object.
pub(crate) fn get(host: &str, path: &str, key: &str) -> anyhow::Result<Value> {
    let (status, body) = ask(host, "GET", path, key, "")?;
    ensure!(status == 200, "GET {path}: {status} {body}");
    serde_json::from_str(&body).with_context(|| format!("GET {path}: no JSON: {body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let answer = "HTTP/1.0 404 Not Found\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(parts(answer).unwrap(), (404, "{}".to_owned()));
        assert!(parts("HTTP/1.0 200").is_err());
        assert!(parts("nothing\r\n\r\n").is_err());
    }
}
