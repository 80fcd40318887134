//! What a client holds of the worker: posts commands and never waits.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agentops_protocol::SessionId;

use super::inbox::{Command, Fetch, Flushed, Inbox, Until};
use super::thread;
use crate::config::Settings;
use crate::reply::{Reply, reply};
use crate::state::SessionState;

static NEXT_CLIENT: AtomicU32 = AtomicU32::new(1);

/// A client's way to the worker.
#[derive(Clone)]
pub(crate) struct Link {
    client: u32,
    inbox: &'static Inbox,
}

impl Link {
    /// Registers a client; starts the worker if this is the first one.
    pub(crate) fn new(
        settings: Arc<Settings>,
        data_dir: Option<PathBuf>,
        failures: Arc<AtomicU64>,
    ) -> Self {
        static STARTED: AtomicBool = AtomicBool::new(false);
        let inbox = Inbox::of_worker();
        if !STARTED.swap(true, Ordering::AcqRel) {
            let thread = std::thread::Builder::new().name("agentops-worker".to_owned());
            if let Err(error) = thread.spawn(|| thread::run(inbox)) {
                tracing::error!(target: "agentops", %error, "no thread for the worker; nothing is recorded");
                inbox.close();
            }
        }
        let client = NEXT_CLIENT.fetch_add(1, Ordering::Relaxed);
        inbox.post(Command::Client {
            id: client,
            settings,
            data_dir,
            failures,
        });
        Self { client, inbox }
    }

    /// A session has begun.
    pub(crate) fn open(&self, session: &Arc<SessionState>) {
        self.inbox.post(Command::Open {
            client: self.client,
            session: Arc::clone(session),
        });
    }

    /// Something of a session has changed.
    pub(crate) fn changed(&self, session: &Arc<SessionState>) {
        if session.queue() {
            self.inbox.post(Command::Changed(Arc::clone(session)));
        }
    }

    /// Asks for everything recorded until now, in one session or in all; the answer comes within `limit`.
    pub(crate) fn flush(
        &self,
        session: Option<&SessionId>,
        until: Until,
        limit: Duration,
    ) -> Reply<Flushed> {
        let (answer, flushed) = reply();
        let deadline = Instant::now() + limit;
        self.inbox.post(Command::Flush {
            client: self.client,
            session: session.cloned(),
            until,
            deadline,
            answer,
        });
        flushed
    }

    /// Asks for a session's counts or content as JSON; an error is a sentence.
    pub(crate) fn fetch(&self, what: Fetch) -> Reply<Result<String, String>> {
        let (answer, fetched) = reply();
        self.inbox.post(Command::Fetch {
            client: self.client,
            what,
            answer,
        });
        fetched
    }

    /// No further session will begin.
    pub(crate) fn close(&self) {
        self.inbox.post(Command::Close {
            client: self.client,
        });
    }
}
