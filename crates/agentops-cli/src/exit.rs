//! How the command ends: one code for each way that a script may want to tell apart.

use std::process::ExitCode;

/// The exit codes. They are part of the interface and keep their numbers; `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked to.
    Success = 0,
    /// Anything that has no code of its own; also what `compare --baseline` and `doctor` found.
    Failure = 1,
    /// The command line cannot be understood; also given by the parser itself.
    Usage = 2,
    /// There is no such session.
    NoSession = 3,
    /// The beginning of an id fits several sessions.
    Ambiguous = 4,
    /// The server cannot be reached or does not answer as one.
    Unreachable = 5,
    /// The server refuses the key, or there is none to give it.
    Denied = 6,
    /// The data directory cannot be used.
    DataDir = 7,
    /// The command to run is there and cannot be run; the code that shells give.
    NotRun = 126,
    /// There is no such command to run; the code that shells give.
    NotFound = 127,
    /// What goes on until it is ended was ended by SIGINT; the code that shells give.
    Interrupted = 130,
    /// Likewise by SIGTERM.
    Terminated = 143,
}

/// A failure that has an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Problem {
    exit: Exit,
    message: String,
}

impl Problem {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

impl Exit {
    /// The code of a failure: that of the first cause that has one.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let problem = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Problem>());
        problem.map_or(Self::Failure, |problem| problem.exit)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_context_does_not_hide_the_code() {
        let problem = Problem::new(Exit::NoSession, "no such session");
        let error = Err::<(), _>(problem).context("cannot show it").unwrap_err();
        assert_eq!(Exit::of(&error), Exit::NoSession);
        assert_eq!(Exit::of(&anyhow::anyhow!("broken")), Exit::Failure);
    }
}
