//! Running a program to its end, or to its limit.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// A process that ends with this value.
pub(crate) struct Stopped(pub(crate) Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
    /// What it wrote to standard error, for whoever looks for a reason.
    pub(crate) errors: String,
}

/// Runs a command to its end, or kills it at the limit.
pub(crate) fn finish(command: &mut Command, limit: Duration) -> anyhow::Result<Ended> {
    let program = command.get_program().to_owned();
    let mut errors = tempfile::tempfile()?;
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut child = Stopped(child);
    let deadline = Instant::now() + limit;
    let output = said(&mut child.0, deadline);
    let status = loop {
        if let Some(status) = child.0.try_wait()? {
            break Some(status);
        }
        if Instant::now() >= deadline {
            break None;
        }
        std::thread::yield_now();
    };
    let errors = {
        use std::io::Seek as _;
        errors.rewind()?;
        let mut text = Vec::new();
        errors.read_to_end(&mut text)?;
        String::from_utf8_lossy(&text).into_owned()
    };
    match (status, output) {
        (Some(status), Some(output)) => Ok(Ended {
            status,
            output,
            errors,
        }),
        _ => bail!(
            "{} still runs after {} s; it says:\n{errors}",
            program.display(),
            limit.as_secs()
        ),
    }
}

/// Everything on standard output, if it ends in time.
fn said(child: &mut Child, deadline: Instant) -> Option<String> {
    let mut pipe = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = pipe.read_to_end(&mut said);
        // Nobody listens any more when the limit was reached.
        let _ = sender.send(said);
    });
    let said = receiver
        .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_and_how_it_ends_is_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let ended = finish(&mut command, Duration::from_secs(20)).unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(
            (ended.output.as_str(), ended.errors.as_str()),
            ("out\n", "err\n")
        );
    }

    #[test]
    fn a_program_that_goes_on_is_killed_also_when_it_says_nothing_more() {
        for script in ["exec sleep 100", "exec sleep 100 >&-"] {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let begun = Instant::now();
            let error = finish(&mut command, Duration::from_millis(200))
                .err()
                .unwrap();
            assert!(error.to_string().contains("still runs"), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(50));
        }
    }
}
