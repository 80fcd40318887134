//! The command as a process: started, told of signals, waited for.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

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
    signals: &mut Signals,
) -> Result<ExitStatus, Failed> {
    let (program, args) = command
        .split_first()
        .expect("the parser requires at least one word");
    let mut command = Command::new(program);
    command.args(args);
    recording.hand_down(&mut command);
    let mut child = command.spawn().map_err(Failed::Start)?;
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
    use rustix::process::{Pid, kill_process};

    if !signal.is_passed_on() {
        return;
    }
    // It has an id until its end was seen, and until then the id is nobody else's.
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(Pid::from_raw) {
        // It may have become another user's (`sudo`); then it cannot be told.
        let _ = kill_process(id, signal.number());
    }
}

#[cfg(not(unix))]
fn pass_on(_signal: Signal, _child: &Child) {}
