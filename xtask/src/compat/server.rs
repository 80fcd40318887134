//! `agentops serve` on a free port, with a data directory of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::process::Stopped;
use super::python;
use crate::cargo::cargo;
use crate::http;

/// A well-formed key: the server is open to this machine.
pub(crate) const KEY: &str = "11111111-1111-4111-8111-111111111111";

/// How long the server may take to say where it is.
const START_LIMIT: Duration = Duration::from_secs(20);

/// What it says first.
const ANNOUNCED: &str = "serving ";

/// The server. It ends with this value.
pub(crate) struct Server {
    url: String,
    process: Stopped,
    _data: tempfile::TempDir,
}

impl Server {
    /// Builds it and starts it.
    pub(crate) fn start(root: &Path, target: &Path) -> anyhow::Result<Self> {
        let status = cargo(root)
            .args(["build", "-p", "agentops-cli"])
            .status()
            .context("cannot run cargo")?;
        ensure!(status.success(), "the server cannot be built: {status}");
        let data = tempfile::tempdir()?;
        let mut command = Command::new(
            target
                .join("debug")
                .join("agentops")
                .with_extension(std::env::consts::EXE_EXTENSION),
        );
        python::alone(&mut command);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path())
            // It warns of everything it refuses, and is sent a lot to refuse.
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Stopped(command.spawn().context("cannot start agentops serve")?);
        let output = process.0.stdout.take().context("its output is a pipe")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to its end, so that the server never waits for a reader.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let first = receiver
            .recv_timeout(START_LIMIT)
            .context("agentops serve does not start")?;
        let url = first.strip_prefix(ANNOUNCED).map(str::to_owned);
        Ok(Self {
            url: url.with_context(|| format!("agentops serve says: {first}"))?,
            process,
            _data: data,
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its address and port.
    pub(crate) fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Everything of a session, and its statistics.
    pub(crate) fn session(&self, id: &str) -> anyhow::Result<(Value, Value)> {
        let get = |what| http::get(self.host(), &format!("/v2/sessions/{id}/{what}"), KEY);
        Ok((get("export")?, get("stats")?))
    }

    /// Fails if it has ended.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        let ended = self.process.0.try_wait()?;
        ensure!(ended.is_none(), "agentops serve ended: {ended:?}");
        Ok(())
    }
}
