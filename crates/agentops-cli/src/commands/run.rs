//! `agentops run`: a command in a session of its own.
//!
//! ```text
//! session begins ─ command starts ─ signals pass through ─ command ends ─ session ends ─ tree
//! ```
//!
//! The command is what counts: its standard streams are its own, its end is waited for, and its
//! status is this process's. Nothing that goes wrong with the recording changes any of that.

mod end;
mod killed;
mod models;
mod process;
mod recording;
mod signals;
#[cfg(unix)]
mod stops;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use agentops_core::EndState;
use anyhow::Context as _;

use self::end::End;
use self::killed::OutOfMemory;
use self::models::Models;
use self::recording::Recording;
use self::signals::Signals;
use super::show;
use crate::args::Run;
use crate::exit::{Exit, Problem};
use crate::output::{self, Out};

/// Longest that the end is held up for the session's tree.
const PATIENCE: Duration = Duration::from_secs(10);
/// Events that are shown, as `sessions show` does.
const SHOWN: usize = 500;

pub(super) fn run(args: &Run) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let recording = Recording::start(args)?;
    let end = runtime.block_on(recorded(args, &recording));
    // A server that does not answer must not hold up the end.
    runtime.shutdown_background();
    end
}

/// Runs the command, ends the session as the command ended, and shows it.
async fn recorded(args: &Run, recording: &Recording) -> anyhow::Result<ExitCode> {
    recording.begun().await;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let memory = OutOfMemory::watch();
    let models = match args.capture_llm && recording.is_on() {
        true => Some(Models::start(recording.session()).await?),
        false => None,
    };
    let ran = process::run(&args.command, recording, models.as_ref(), &mut signals).await;
    // What it has seen belongs into the session before that ends.
    if let Some(models) = models {
        models.stop().await;
    }
    let end = match ran {
        Ok(status) => End::of(status, &memory),
        Err(process::Failed::Start(error)) => {
            let problem = unstarted(&args.command, &error);
            recording
                .end(EndState::Failure, Some(problem.to_string()))
                .await;
            return Err(problem.into());
        }
        Err(process::Failed::Wait(error)) => {
            let reason = format!("the command's end was not seen: {error}");
            recording
                .end(EndState::Indeterminate, Some(reason.clone()))
                .await;
            return Err(anyhow::anyhow!(reason));
        }
    };
    let delivered = recording.end(end.state, end.reason).await;
    if !args.quiet {
        show(recording, delivered, &mut signals).await;
    }
    Ok(end.code)
}

/// Prints the session's tree on standard error. Whatever hinders that is said there too, and
/// changes nothing; whoever asks this process to end is not kept waiting.
async fn show(recording: &Recording, delivered: bool, signals: &mut Signals) {
    if !recording.is_on() {
        output::note("nothing was recorded, AGENTOPS_ENABLED says so");
        return;
    }
    let again = recording.show_command();
    if !delivered {
        let place = recording.place();
        let kept = "what is missing is kept on this machine and sent with the next run";
        output::note(&format!(
            "{place} has not taken the whole session; {kept}, then: {again}"
        ));
        return;
    }
    let read = tokio::select! {
        read = recording.read() => read,
        () = signals.end_asked() => return,
        () = tokio::time::sleep(PATIENCE) => {
            Err(anyhow::anyhow!("{} does not answer in time", recording.place()))
        }
    };
    let shown = read.and_then(|export| {
        let mut out = Out::stderr();
        show::print(&export, SHOWN, &mut out)?;
        out.flush()
    });
    match shown {
        Err(error) if !output::is_closed(&error) => {
            output::note(&format!(
                "the session cannot be shown now: {error:#}; later: {again}"
            ));
        }
        _ => {}
    }
}

/// Why a command did not start, with the code that shells give.
fn unstarted(command: &[OsString], error: &io::Error) -> Problem {
    let program = command.first().cloned().unwrap_or_default();
    let name = program.to_string_lossy();
    let path = Path::new(&program);
    let by_path = path.components().count() > 1;
    match error.kind() {
        io::ErrorKind::NotFound if by_path && path.exists() => Problem::new(
            Exit::NotRun,
            format!("cannot run {name:?}: the interpreter that its first line names is missing"),
        ),
        io::ErrorKind::NotFound if by_path => Problem::new(
            Exit::NotFound,
            format!("command not found: {name:?}; there is no such file"),
        ),
        io::ErrorKind::NotFound => Problem::new(
            Exit::NotFound,
            format!("command not found: {name:?}; check its spelling and PATH, or give its path"),
        ),
        io::ErrorKind::PermissionDenied => Problem::new(
            Exit::NotRun,
            format!("cannot run {name:?}: {error}; make it executable"),
        ),
        _ => Problem::new(Exit::NotRun, format!("cannot run {name:?}: {error}")),
    }
}
