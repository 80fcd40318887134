//! What every handler has at hand: the store, the clock, the secrets and the limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use agentops_protocol::{ProjectId, SessionId, Timestamp};
use agentops_store::{
    Batch, Catalog, CatalogError, Ingest, IngestError, Mutation, Query, Receipt, Write,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::Limits;
use crate::error::ApiError;
use crate::loopback::is_loopback_url;
use crate::meter::Meter;
use crate::secrets;

/// A store that does everything a server needs.
pub trait Storage: Catalog + Ingest + Query {}

impl<T: Catalog + Ingest + Query> Storage for T {}

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}

/// One server's shared state; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    store: Arc<dyn Storage>,
    clock: Clock,
    limits: Limits,
    public_url: Option<String>,
    is_local: bool,
    is_encrypted: AtomicBool,
    default_project: ProjectId,
    secrets: Secrets,
    reads: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    stopped: watch::Sender<bool>,
    closing: watch::Sender<bool>,
    followers: Arc<Semaphore>,
    meter: Meter,
}

/// Keys of this server, made once and kept in its catalog.
pub(crate) struct Secrets {
    /// Under which API keys are hashed.
    pub(crate) keys: [u8; 32],
    /// With which tokens are signed.
    pub(crate) tokens: [u8; 32],
}

/// Bytes that one permit of the body budget stands for.
pub(crate) const BODY_UNIT: usize = 64 << 10;

impl App {
    /// The state of a server over `store`. `public_url` is what links begin with; `None`: the
    /// `Host` of each request.
    ///
    /// # Errors
    /// A catalog that cannot be used.
    pub fn new(
        store: Arc<dyn Storage>,
        clock: Clock,
        limits: Limits,
        public_url: Option<String>,
    ) -> Result<Self, CatalogError> {
        let default_project = store.default_project()?.id;
        let secrets = Secrets {
            keys: secrets::for_keys(&*store)?,
            tokens: secrets::for_tokens(&*store)?,
        };
        let bodies = (limits.body_budget / BODY_UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Shared {
            reads: Arc::new(Semaphore::new(limits.reads.max(1))),
            bodies: Arc::new(Semaphore::new(bodies)),
            followers: Arc::new(Semaphore::new(limits.followers)),
            stopped: watch::Sender::new(false),
            closing: watch::Sender::new(false),
            meter: Meter::new(),
            store,
            clock,
            limits,
            is_local: public_url.as_deref().is_none_or(is_loopback_url),
            is_encrypted: AtomicBool::new(false),
            public_url,
            default_project,
            secrets,
        })))
    }

    /// The store behind this server.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Storage> {
        &self.0.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    pub(crate) fn clock(&self) -> Clock {
        Arc::clone(&self.0.clock)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.public_url.as_deref()
    }

    /// Whether links begin with an address of this machine's own. A server that is known by
    /// another stands behind a proxy, for which every request comes from this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.0.is_local
    }

    /// Notes whether clients reach this process encrypted, not only a proxy before it.
    pub(crate) fn note_encrypted(&self, on: bool) {
        self.0.is_encrypted.store(on, Ordering::Relaxed);
    }

    /// The scheme of links that begin with the host a client used.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.0.is_encrypted.load(Ordering::Relaxed) {
            "https"
        } else {
            "http"
        }
    }

    pub(crate) fn default_project(&self) -> &ProjectId {
        &self.0.default_project
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    pub(crate) fn bodies(&self) -> &Arc<Semaphore> {
        &self.0.bodies
    }

    /// Turns true when the writer has ended: then the process must end too, or it would go on
    /// refusing everything.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.0.stopped.subscribe()
    }

    /// Turns true when the server ends: who answers without end must stop then.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    /// Tells who answers without end to stop.
    pub(crate) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// A place among those who follow the changes, if there is one.
    pub(crate) fn follower(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.followers).try_acquire_owned().ok()
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// Notes that the writer has ended.
    pub(crate) fn note_stopped(&self) {
        self.0.stopped.send_replace(true);
    }

    /// Reads from the store on a thread that may wait; so many at once and no more.
    pub(crate) async fn read<T, E>(
        &self,
        read: impl FnOnce(&dyn Storage) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<ApiError> + Send + 'static,
    {
        let permit = Arc::clone(&self.0.reads).acquire_owned().await;
        let permit = permit.map_err(|error| ApiError::internal(&error))?;
        let store = Arc::clone(&self.0.store);
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            read(&*store)
        });
        match read.await {
            Ok(answer) => answer.map_err(Into::into),
            Err(error) => Err(ApiError::internal(&error)),
        }
    }

    /// Stores one change of one session and waits until it is durable.
    pub(crate) async fn commit(
        &self,
        target: (ProjectId, SessionId),
        mutation: Mutation,
        idempotency_key: Option<String>,
    ) -> Result<Receipt, ApiError> {
        self.commit_all(target, vec![mutation], idempotency_key)
            .await
    }

    /// Stores changes of one session, all or none, and waits until they are durable.
    pub(crate) async fn commit_all(
        &self,
        (project, session): (ProjectId, SessionId),
        mutations: Vec<Mutation>,
        idempotency_key: Option<String>,
    ) -> Result<Receipt, ApiError> {
        let received = self.now();
        let write = |mutation| Write {
            project: project.clone(),
            session: session.clone(),
            received,
            mutation,
        };
        let batch = Batch {
            writes: mutations.into_iter().map(write).collect(),
            idempotency_key,
            cursor: None,
        };
        let answer = match self.0.store.submit(batch) {
            Ok(pending) => pending.await,
            Err(error) => Err(error),
        };
        if matches!(answer, Err(IngestError::Stopped)) {
            self.note_stopped();
        }
        Ok(answer?)
    }
}
