//! What `#[session]` does: on `main` the session of the process, which outlives the runtime; on any other function
//! a session of each call.
//!
//! The program keeps its exit status and what std prints about it: the result is handed through, a panic goes on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use agentops_protocol::EndState;

#[cfg(unix)]
use super::signal;
use super::{panic, summary};
use crate::config::Config;
use crate::process;
use crate::recording::Outcome;
use crate::recording::call::Call;
use crate::recording::end::{End, Ending, Wants};
use crate::recording::shield::{self, shielded};
use crate::session::{Session, SessionOptions};

/// What the attribute was given.
#[derive(Debug, Default)]
pub struct Options {
    tags: Vec<String>,
    config: Option<Config>,
}

impl Options {
    /// Nothing given.
    pub fn new() -> Options {
        Options::default()
    }

    /// One more tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Options {
        self.tags.push(tag.into());
        self
    }

    /// The session's configuration.
    #[must_use]
    pub fn config(mut self, config: Config) -> Options {
        self.config = Some(config);
        self
    }
}

/// Opens a session for one call of a function.
pub fn session(options: Options) -> Option<Call> {
    if cfg!(not(any(feature = "enable", test))) {
        return None;
    }
    let mut of_call = SessionOptions::new().tags(options.tags);
    if let Some(config) = options.config {
        of_call = of_call.config(config);
    }
    let session = process::start_session(of_call);
    Some(Call::ending(
        session.own_scope(),
        Box::new(SessionOfCall(session)),
    ))
}

struct SessionOfCall(Session);

impl Ending for SessionOfCall {
    fn wants(&self) -> Wants {
        Wants::Reason
    }

    fn ended(self: Box<Self>, mut how: End) {
        let mut end = self.0.end(state(how.outcome()));
        if let Some(reason) = how.take_reason() {
            end = end.reason(reason);
        }
        // Dropped, it takes effect without a wait: this may be a thread that drives other tasks.
        drop(end);
    }
}

/// Runs `main` in the session of the process.
pub fn session_main<R>(
    options: Options,
    main: impl FnOnce() -> R,
    look: impl FnOnce(&R, &mut End),
) -> R {
    let session = open(options);
    match catch_unwind(AssertUnwindSafe(main)) {
        Ok(result) => {
            let mut end = End::new(Wants::Reason);
            look(&result, &mut end);
            close(&session, end.outcome(), end.take_reason());
            result
        }
        Err(payload) => {
            close(
                &session,
                Outcome::Panicked,
                Some(panic_reason(payload.as_ref())),
            );
            resume_unwind(payload)
        }
    }
}

/// Runs a `main` that never returns in the session of the process: the `R` of its type is `!`.
pub fn session_main_never<R>(options: Options, main: impl FnOnce() -> R) -> ! {
    let session = open(options);
    match catch_unwind(AssertUnwindSafe(main)) {
        Ok(_) => unreachable!("a function that never returns has returned"),
        Err(payload) => {
            close(
                &session,
                Outcome::Panicked,
                Some(panic_reason(payload.as_ref())),
            );
            resume_unwind(payload)
        }
    }
}

fn open(options: Options) -> Session {
    let session = process::init(options.config.unwrap_or_else(Config::from_env));
    if !options.tags.is_empty() {
        session.add_tags(options.tags);
    }
    if session.is_active() && !session.is_joined() {
        let aborted = session.clone();
        panic::on_abort(move |reason| aborted.end_at_once(EndState::Failure, reason));
        #[cfg(unix)]
        if session.client().settings().handle_signals {
            let signalled = session.clone();
            signal::watch(move |name| {
                signalled.end_at_once(EndState::Failure, format!("Signal {name} detected"));
            });
        }
    }
    session
}

fn close(session: &Session, outcome: Outcome, reason: Option<String>) {
    // Whatever goes wrong here, the program's own result is what counts.
    let _ = shielded(|| {
        let settings = session.client().settings();
        if session.is_joined() || settings.skip_auto_end_session {
            // Its end belongs to whoever made it; what was recorded here is delivered all the same.
            session.flush_blocking(settings.flush_timeout);
            return;
        }
        let mut end = session.end(state(outcome));
        if let Some(reason) = reason {
            end = end.reason(reason);
        }
        summary::print(session, &end.wait());
    });
}

fn state(outcome: Outcome) -> EndState {
    match outcome {
        Outcome::Ok => EndState::Success,
        Outcome::Error | Outcome::Panicked => EndState::Failure,
        Outcome::Cancelled => EndState::Indeterminate,
    }
}

fn panic_reason(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    // The hook's note has the place too, if it is this panic's: a hook that the program set later hides it from us.
    match shield::last_panic()
        .filter(|note| text.is_none_or(|text| text.starts_with(&note.message)))
    {
        Some(note) => note.line(),
        None => format!("panicked: {}", text.unwrap_or("a value that is not text")),
    }
}
