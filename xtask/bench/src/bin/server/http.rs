//! A client that keeps its connection and reads whole answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use agentops_bench::server::KEY;
use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    address: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

#[derive(Deserialize)]
struct Created {
    jwt: String,
}

impl Client {
    pub(crate) fn of(url: &str) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("plain HTTP")?;
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::new(stream),
            address: address.to_owned(),
            request: Vec::new(),
            answer: Vec::new(),
        })
    }

    /// Makes a session; its token.
    pub(crate) fn session(&mut self, id: &str) -> anyhow::Result<String> {
        let body = json!({"session": {"session_id": id, "init_timestamp": "2026-11-21T21:00:00Z"}});
        let header = format!("X-Agentops-Api-Key: {KEY}");
        let answer = self.ask("POST", "/v2/create_session", &header, &body.to_string())?;
        Ok(serde_json::from_slice::<Created>(answer)?.jwt)
    }

    /// Sends events and waits until they are stored.
    pub(crate) fn events(&mut self, jwt: &str, body: &str) -> anyhow::Result<()> {
        let header = format!("Authorization: Bearer {jwt}");
        self.ask("POST", "/v2/create_events", &header, body)?;
        Ok(())
    }

    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<&[u8]> {
        self.ask("GET", path, &format!("X-Agentops-Api-Key: {KEY}"), "")
    }

    fn ask(&mut self, method: &str, path: &str, header: &str, body: &str) -> anyhow::Result<&[u8]> {
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{header}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        self.stream.get_mut().write_all(&self.request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server hung up");
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer)?;
        ensure!(
            status == "200",
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&self.answer)
        );
        Ok(&self.answer)
    }
}
