//! The command as a process: started, told of signals, waited for.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use super::models::Models;
use super::recording::Recording;
use super::signals::{Signal, Signals};

/// Why there is no end to speak of.
#[derive(Debug)]
pub(super) enum Failed {
    /// It did not start.
    Start(io::Error),
    /// It started, and its end cannot be learnt.
    Wait(io::Error),
}

/// Runs the command to its end. It has the standard streams and the process group of this
/// process, so a terminal treats it as if it had been started by itself.
pub(super) async fn run(
    command: &[OsString],
    recording: &Recording,
    models: Option<&Models>,
    signals: &mut Signals,
) -> Result<ExitStatus, Failed> {
    let (program, args) = command
        .split_first()
        .expect("the parser requires at least one word");
    let mut command = Command::new(program);
    command.args(args);
    recording.hand_down(&mut command);
    if let Some(models) = models {
        models.hand_down(&mut command);
    }
    let mut child = command.spawn().map_err(Failed::Start)?;
    #[cfg(unix)]
    if let Some(id) = id(&child) {
        super::stops::follow(id);
    }
    loop {
        tokio::select! {
            // Its end first: there is nobody left to tell of a signal then.
            biased;
            status = child.wait() => return status.map_err(Failed::Wait),
            signal = signals.next() => pass_on(signal, &child),
        }
    }
}

#[cfg(unix)]
fn pass_on(signal: Signal, child: &Child) {
    if !signal.is_passed_on() {
        return;
    }
    if let Some(id) = id(child) {
        // It may have become another user's (`sudo`); then it cannot be told.
        let _ = rustix::process::kill_process(id, signal.number());
    }
}

/// Its id until its end was seen; until then the id is nobody else's.
#[cfg(unix)]
fn id(child: &Child) -> Option<rustix::process::Pid> {
    let id = i32::try_from(child.id()?).ok()?;
    rustix::process::Pid::from_raw(id)
}

#[cfg(not(unix))]
fn pass_on(_signal: Signal, _child: &Child) {}
