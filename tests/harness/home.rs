//! A home directory for the processes of one test, and the command line run in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::executable::agentops;
use crate::process::Process;

/// A home that nothing outside the test knows of.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where sessions are kept that nobody gave a place: in the platform's data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.path().join(".local/share/agentops")
    }

    /// A directory inside, made.
    #[must_use]
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).expect("a directory in the home");
        path
    }

    /// A program at home here, cut off from the settings of whoever runs the tests.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if is_setting(&name) {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.path())
            .env("RUST_BACKTRACE", "0")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `agentops` to its end.
    pub fn agentops<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Run {
        let mut command = self.command(agentops());
        command.args(words);
        Run::of(command)
    }

    /// The export of a session that is kept in a data directory.
    ///
    /// # Panics
    /// When the command fails.
    #[must_use]
    pub fn export(&self, data_dir: &Path, id: &str) -> Value {
        let run = self.agentops([
            OsStr::new("sessions"),
            OsStr::new("export"),
            OsStr::new(id),
            OsStr::new("--data-dir"),
            data_dir.as_os_str(),
        ]);
        serde_json::from_str(&run.ok()).expect("an export is JSON")
    }
}

fn is_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    name.starts_with("AGENTOPS_")
        || name.starts_with("XDG_")
        || name.ends_with("_PROXY")
        || name == "RUST_LOG"
}

/// What a command left that ran to its end.
#[derive(Debug)]
pub struct Run {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// Runs a command, at most as long as everything else is waited for.
    ///
    /// # Panics
    /// When it cannot be started or does not end.
    #[must_use]
    pub fn of(command: Command) -> Self {
        let finished = Process::spawn(command).finish();
        Self {
            code: finished.code,
            out: finished
                .lines
                .iter()
                .map(|line| line.clone() + "\n")
                .collect(),
            err: finished.err,
        }
    }

    /// Its standard output.
    ///
    /// # Panics
    /// When it failed.
    #[must_use]
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }

    /// Its standard output as JSON.
    ///
    /// # Panics
    /// When it failed or printed anything else.
    #[must_use]
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).expect("JSON on standard output")
    }
}
