//! The real server, as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tempfile::TempDir;

/// A key as any; on this machine alone the server takes every well-formed one.
pub const KEY: &str = "5b1d7c1e-8a53-4c0e-9d3f-2f6f3c9b7a10";

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
    _output: BufReader<ChildStdout>,
    data: Option<TempDir>,
}

/// How long a server may take to end.
const END: Duration = Duration::from_secs(30);

/// What is asked of a session.
#[derive(Debug, Deserialize)]
struct Stats {
    events: u64,
}

impl Server {
    /// Starts one over an empty directory, at a free port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(executable: &Path) -> anyhow::Result<Self> {
        Self::over(executable, tempfile::tempdir()?)
    }

    /// Starts one over this directory, at a free port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn over(executable: &Path, data: TempDir) -> anyhow::Result<Self> {
        let mut child = Command::new(executable)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?;
        let mut output = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let url = line.trim().strip_prefix("serving ").map(str::to_owned);
        Ok(Self {
            child,
            url: url.with_context(|| format!("the server said: {line}"))?,
            _output: output,
            data: Some(data),
        })
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The id of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How many bytes its directory takes.
    #[must_use]
    pub fn disk(&self) -> u64 {
        let data = self.data.as_ref().map(TempDir::path);
        let entries = data.and_then(|data| std::fs::read_dir(data).ok());
        let files = entries.into_iter().flatten();
        files
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// Asks it to end, waits until it has, and hands its directory back.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(mut self) -> anyhow::Result<TempDir> {
        use rustix::process::{Pid, Signal, kill_process};
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(begun.elapsed() < END, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.data.take().context("it has a directory")
    }

    /// How many events of a session it has stored; 0 while it does not know the session.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn events(&self, session: &str) -> anyhow::Result<u64> {
        let address = self.url.strip_prefix("http://").context("plain HTTP")?;
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "GET /v2/sessions/{session}/stats HTTP/1.1\r\nHost: {address}\r\nX-Agentops-Api-Key: {KEY}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        if head.starts_with("HTTP/1.1 404") {
            return Ok(0);
        }
        ensure!(
            head.starts_with("HTTP/1.1 200"),
            "the server answered {answer}"
        );
        Ok(serde_json::from_str::<Stats>(body)?.events)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
