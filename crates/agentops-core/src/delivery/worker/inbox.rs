//! How users' threads reach the worker: a short queue and a wake-up. Posting never waits.
//!
//! The queue is bounded by what is in it: a session is in it at most once ([`SessionState::queue`]),
//! and every request belongs to a caller that waits for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use agentops_protocol::SessionId;
use tokio::sync::Notify;

use crate::config::Settings;
use crate::delivery::book::Progress;
use crate::reply::Answer;
use crate::state::SessionState;

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Accepted by the server; in local mode written to the spool.
    Delivered,
    /// Delivered if the server has been answering, else written to the spool.
    AtExit,
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Whether everything recorded before it got there in time.
    pub(crate) complete: bool,
}

/// What is asked of a session.
#[derive(Debug, Clone)]
pub(crate) enum Fetch {
    Stats(SessionId),
    Export(SessionId),
}

/// Something for the worker to do.
pub(super) enum Command {
    Client {
        id: u32,
        settings: Arc<Settings>,
        data_dir: Option<PathBuf>,
        failures: Arc<AtomicU64>,
    },
    Close {
        client: u32,
    },
    Open {
        client: u32,
        session: Arc<SessionState>,
    },
    Changed(Arc<SessionState>),
    Flush {
        client: u32,
        /// Only what is of this session.
        session: Option<SessionId>,
        until: Until,
        deadline: Instant,
        answer: Answer<Flushed>,
    },
    Fetch {
        client: u32,
        what: Fetch,
        answer: Answer<Result<String, String>>,
    },
    Delivered {
        client: u32,
        progress: Progress,
    },
    Recovered {
        client: u32,
    },
}

/// The worker's queue.
pub(super) struct Inbox {
    commands: Mutex<Vec<Command>>,
    notify: Notify,
    closed: AtomicBool,
}

static INBOX: OnceLock<Inbox> = OnceLock::new();

impl Inbox {
    /// The queue of the process's worker.
    pub(super) fn of_worker() -> &'static Self {
        INBOX.get_or_init(|| Self {
            commands: Mutex::default(),
            notify: Notify::new(),
            closed: AtomicBool::new(false),
        })
    }

    pub(super) fn post(&self, command: Command) {
        if self.closed.load(Ordering::Acquire) {
            // Dropping it tells whoever waits that there is no answer.
            return;
        }
        self.commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(command);
        self.notify.notify_one();
    }

    pub(super) fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        drop(self.take());
    }

    pub(super) async fn news(&self) {
        self.notify.notified().await;
    }

    /// For the recording side: something was appended while the worker slept.
    pub(super) fn wake_worker() {
        if let Some(inbox) = INBOX.get() {
            inbox.notify.notify_one();
        }
    }
}
