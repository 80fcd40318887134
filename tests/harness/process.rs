//! A process of a test: its lines come as they are printed, and it ends with the value.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;

use crate::ledger::unix_micros;
use crate::wait::{PATIENCE, wait_for};

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    err: Option<JoinHandle<String>>,
}

/// What a process left that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Lines of its standard output that nobody had read.
    pub lines: Vec<String>,
    /// All of its standard error.
    pub err: String,
}

impl Process {
    /// Starts a command.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let out = BufReader::new(child.stdout.take().expect("piped above"));
        let mut err = child.stderr.take().expect("piped above");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let err = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before a failure is what there is to show.
            let _ = err.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            err: Some(err),
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output.
    ///
    /// # Panics
    /// When it ends or is silent for too long.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(silence) => {
                let _ = self.child.kill();
                let err = self.err.take().map(JoinHandle::join);
                let why = match silence {
                    RecvTimeoutError::Timeout => "is silent",
                    RecvTimeoutError::Disconnected => "has ended",
                };
                panic!("the process {why}; it said: {err:?}");
            }
        }
    }

    /// Reads on to a line that begins with `word`; the rest of that line.
    ///
    /// # Panics
    /// As [`Process::line`].
    #[track_caller]
    pub fn line_of(&mut self, word: &str) -> String {
        loop {
            let line = self.line();
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    }

    /// The lines that are there already.
    pub fn lines_so_far(&mut self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// When it no longer reads.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is still spoken to");
        writeln!(input, "{line}").expect("it reads what it is told");
    }

    /// Says a line and reads on to the answer that begins with `word`.
    ///
    /// # Panics
    /// As [`Process::say`] and [`Process::line`].
    #[track_caller]
    pub fn ask(&mut self, line: &str, word: &str) -> String {
        self.say(line);
        self.line_of(word)
    }

    /// Ends it without a warning (SIGKILL) and hands out what it had printed.
    #[must_use]
    pub fn kill(mut self) -> Finished {
        let _ = self.child.kill();
        self.finish()
    }

    /// Ends it without a warning and says when, in microseconds since 1970.
    #[must_use]
    pub fn kill_now(mut self) -> (i64, Finished) {
        let _ = self.child.kill();
        let at = unix_micros();
        (at, self.finish())
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn terminate(self) -> Finished {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.id())])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal sent");
        self.finish()
    }

    /// Waits until it ends by itself. Its standard input is closed.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        self.input = None;
        self.finish_open()
    }

    /// The same with its standard input left open.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn finish_open(mut self) -> Finished {
        let mut lines = Vec::new();
        let status: ExitStatus = wait_for("the end of a process", PATIENCE, || {
            lines.extend(self.lines.try_iter());
            self.child.try_wait().expect("a child can be asked")
        });
        // The pipes end with the process; a grandchild that kept one would be a fault of the test.
        let err = self.err.take().map(|err| err.join().unwrap_or_default());
        lines.extend(self.lines.iter());
        Finished {
            code: status.code(),
            signal: signal(status),
            lines,
            err: err.unwrap_or_default(),
        }
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
