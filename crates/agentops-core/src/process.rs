//! The client and the session of the process, and what works on the current session.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agentops_protocol::api::Stats;

use crate::client::Client;
use crate::config::Config;
use crate::env;
use crate::recording::context::{self, Nested, Scoped};
use crate::session::{self as sessions, FetchError, Session, SessionOptions};
use crate::state;

/// What `init` made.
#[derive(Default)]
struct Process {
    client: Option<Client>,
    session: Option<Session>,
    /// Whether the session of the environment has been joined: once a process.
    environment_joined: bool,
}

static PROCESS: Mutex<Process> = Mutex::new(Process {
    client: None,
    session: None,
    environment_joined: false,
});

fn process() -> MutexGuard<'static, Process> {
    PROCESS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Configures the process and starts its session: the one that everything outside any scope
/// belongs to. Never fails: what cannot be used is warned of, and the program runs.
///
/// A session that a parent process handed down (`AGENTOPS_SESSION_ID`, see [`Session::env`]) or
/// that the configuration names (`inherited_session_id`) is joined instead. While the process's
/// session is open, a further `init` returns it and configures nothing.
///
/// ```no_run
/// use agentops_core::{Config, EndState};
///
/// let session = agentops_core::init(Config::from_env().default_tags(["prod"]));
/// session.add_tags(["v2"]);
/// session.end(EndState::Success).wait();
/// ```
pub fn init(config: Config) -> Session {
    let mut process = process();
    if let Some(session) = process
        .session
        .as_ref()
        .filter(|session| session.is_active())
    {
        tracing::warn!(target: "agentops", "init was called while the process's session is open; the open session stays");
        return session.clone();
    }
    let client = Client::new(config);
    process.client = Some(client.clone());
    if !client.settings().auto_start_session {
        process.session = None;
        return Session::inactive(client);
    }
    let options = joining(&mut process, &client);
    let session = client.start_session(options);
    context::set_process(session.slot());
    process.session = Some(session.clone());
    crate::ending::exit::watch(&session);
    session
}

/// The session to join, if there is one.
fn joining(process: &mut Process, client: &Client) -> SessionOptions {
    let options = SessionOptions::new();
    let handed_down = env::get(env::SESSION_ID).filter(|_| !process.environment_joined);
    if let Some(id) = handed_down {
        process.environment_joined = true;
        let joined = options.inherit(id);
        return match env::get(env::PARENT_ID) {
            Some(event) => joined.parent(event),
            None => joined,
        };
    }
    match &client.settings().inherited_session_id {
        Some(id) => options.inherit(id.clone()),
        None => options,
    }
}

/// Starts a session by the process's client (made from the environment if `init` has not been
/// called). It is reached by its scope and its methods only; see [`Client::start_session`].
#[must_use]
pub fn start_session(options: SessionOptions) -> Session {
    client().start_session(options)
}

/// The process's client.
fn client() -> Client {
    let mut process = process();
    process
        .client
        .get_or_insert_with(|| Client::new(Config::from_env()))
        .clone()
}

/// Everything of a session, as the REST API's export: asked of the server, or read back from
/// this machine in local mode.
///
/// # Errors
/// When there is no such session, or the server does not answer.
pub async fn export(id: impl AsRef<str>) -> Result<serde_json::Value, FetchError> {
    sessions::export(&client(), id.as_ref()).await
}

/// The counts of a session: asked of the server, or counted on this machine in local mode.
///
/// # Errors
/// As [`export`].
pub async fn stats(id: impl AsRef<str>) -> Result<Stats, FetchError> {
    sessions::stats(&client(), id.as_ref()).await
}

/// How many events this process recorded by hand or by attribute that no session took.
#[must_use]
pub fn dropped_without_session() -> u64 {
    state::homeless()
}

/// Futures that carry a session along.
pub trait InSession: Future + Sized {
    /// Runs in this session; see [`Session::scope`].
    fn in_session(self, session: &Session) -> Scoped<Self> {
        session.scope(self)
    }

    /// Runs in the session and under the call that are current now: for tasks that are spawned.
    fn in_current(self) -> Scoped<Self> {
        Scoped::new(context::raw_current(), self)
    }
}

impl<F: Future> InSession for F {}

/// A closure that runs in the session and under the call that are current now, wherever it is called: for threads.
///
/// ```
/// # #[cfg(feature = "enable")] {
/// # let client = agentops_core::Client::new(agentops_core::Config::new().durability(agentops_core::Durability::Memory));
/// # let session = client.start_session(agentops_core::SessionOptions::new());
/// let inside = session.enter();
/// let thread = std::thread::spawn(agentops_core::in_current(|| agentops_core::current_session()));
/// assert!(thread.join().unwrap().is_some());
/// # }
/// ```
pub fn in_current<R>(run: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let scope = context::raw_current();
    move || {
        let _nested = Nested::enter(scope);
        run()
    }
}

/// `tokio::spawn` in the session and under the call that are current now.
///
/// # Panics
/// As `tokio::spawn`: outside a Tokio runtime.
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.in_current())
}
