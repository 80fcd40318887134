//! The executable as a user runs it: real processes, a real spool, a real server.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod admin;
mod doctor;
mod documented;
mod errors;
mod hostile;
mod killed;
mod local;
mod looking;
mod models;
mod recorded;
mod run;
#[cfg(unix)]
mod run_signals;
mod server;
mod sources;
mod spool;
#[cfg(unix)]
mod tail;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The command with these words, cut off from the environment of whoever runs the tests.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentops"));
    command.args(words).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let kept = ["PATH", "TMPDIR", "SYSTEMROOT"]
            .iter()
            .any(|kept| name == *kept);
        // What measures the coverage of the tests reaches the processes they start.
        if !kept && !name.to_string_lossy().starts_with("LLVM_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a run of the command left.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(mut command: Command) -> Self {
        command.output().unwrap().into()
    }

    /// The standard output of a run that succeeded and complained of nothing.
    fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// The message of a run that failed with this code and printed nothing else.
    fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert!(self.err.starts_with("error: "), "{}", self.err);
        self.err
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the command on a data directory.
fn on(dir: &Path, words: &[&str]) -> Run {
    let mut command = command(words);
    command.arg("--data-dir").arg(dir);
    Run::of(command)
}

/// A running `agentops serve` on a port of its own; ends with the test.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(dir: &Path) -> Self {
        let mut command = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        let mut process = command.arg(dir).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("a first line").unwrap();
        let second = lines.next().expect("a second line").unwrap();
        assert_eq!(second, format!("data in {}", dir.display()));
        let url = first.strip_prefix("serving ").expect("the URL").to_owned();
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
