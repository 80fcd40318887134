//! A client: one configuration and its way to the worker.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use agentops_protocol::SessionId;

use crate::config::{Config, Settings};
use crate::delivery::{Flushed, Link, Until};
use crate::reply::Reply;

/// One configuration and what delivers by it. Cheap to clone.
///
/// [`init`](crate::init) makes the process's client; make another one to send some sessions
/// elsewhere.
///
/// ```
/// use agentops_core::{Client, Config, SessionOptions};
///
/// # let dir = tempfile::tempdir()?;
/// let client = Client::new(Config::new().data_dir(dir.path()));
/// let session = client.start_session(SessionOptions::new().tags(["b"]));
/// assert!(session.is_active());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

/// A client for as long as somebody holds it.
pub(crate) struct WeakClient(Weak<Inner>);

impl WeakClient {
    pub(crate) fn upgrade(&self) -> Option<Client> {
        self.0.upgrade().map(Client)
    }
}

struct Inner {
    settings: Arc<Settings>,
    data_dir: Option<PathBuf>,
    /// `None` when nothing is to be recorded.
    link: Option<Link>,
    /// Events that its sessions lost, by whatever failed, and how many a flush has told of.
    failures: Arc<AtomicU64>,
    told: AtomicU64,
}

impl Client {
    /// A client. Settings that cannot be used are warned of (`tracing`, target `agentops`) and
    /// replaced by their defaults.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let (settings, problems) = config.settle();
        for problem in problems {
            tracing::warn!(target: "agentops", "{problem}");
        }
        let settings = Arc::new(settings);
        if settings.enabled {
            Self::linked(settings)
        } else {
            Self::unlinked(settings)
        }
    }

    fn unlinked(settings: Arc<Settings>) -> Self {
        Self(Arc::new(Inner {
            settings,
            data_dir: None,
            link: None,
            failures: Arc::default(),
            told: AtomicU64::new(0),
        }))
    }

    #[cfg(feature = "enable")]
    fn linked(settings: Arc<Settings>) -> Self {
        crate::ending::panic::install();
        let data_dir = Some(data_dir(&settings));
        let failures = Arc::<AtomicU64>::default();
        let link = Link::new(
            Arc::clone(&settings),
            data_dir.clone(),
            Arc::clone(&failures),
        );
        Self(Arc::new(Inner {
            settings,
            data_dir,
            link: Some(link),
            failures,
            told: AtomicU64::new(0),
        }))
    }

    #[cfg(not(feature = "enable"))]
    fn linked(settings: Arc<Settings>) -> Self {
        Self::unlinked(settings)
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The directory of the spool; `None` when nothing is recorded.
    #[must_use]
    pub fn data_dir(&self) -> Option<&std::path::Path> {
        self.0.data_dir.as_deref()
    }

    /// As [`Client::flush`], for code that is not async.
    pub fn flush_blocking(&self, limit: Duration) -> bool {
        let told = self.0.told.load(Ordering::Relaxed);
        let flushed = self.send_off(None, Until::Delivered, limit);
        let flushed = flushed.wait(limit + GRACE);
        self.lost_since(told) == 0 && flushed.is_some_and(|flushed| flushed.complete)
    }

    /// Waits until everything recorded so far is delivered (in local mode: written), at most
    /// `limit`; whether it was.
    ///
    /// `false` says that there was not time enough, or that since the last flush of this client
    /// something was refused or found no room: as with `fsync`, each loss is told once here, and
    /// [`Session::dropped`](crate::Session::dropped) goes on counting it.
    pub async fn flush(&self, limit: Duration) -> bool {
        let told = self.0.told.load(Ordering::Relaxed);
        let flushed = self.send_off(None, Until::Delivered, limit);
        let flushed = flushed.within(limit + GRACE).await;
        self.lost_since(told) == 0 && flushed.is_some_and(|flushed| flushed.complete)
    }

    /// How many events are lost beyond those that were told of, which is told herewith.
    fn lost_since(&self, told: u64) -> u64 {
        let lost = self.0.failures.load(Ordering::Relaxed);
        self.0.told.fetch_max(lost, Ordering::Relaxed);
        lost.saturating_sub(told)
    }

    /// What its sessions count their losses in.
    pub(crate) fn failures(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.0.failures)
    }

    pub(crate) fn downgrade(&self) -> WeakClient {
        WeakClient(Arc::downgrade(&self.0))
    }

    pub(crate) fn link(&self) -> Option<&Link> {
        self.0.link.as_ref()
    }

    pub(crate) fn shared_settings(&self) -> Arc<Settings> {
        Arc::clone(&self.0.settings)
    }

    /// Asks for everything recorded until now, in one session or in all.
    pub(crate) fn send_off(
        &self,
        session: Option<&SessionId>,
        until: Until,
        limit: Duration,
    ) -> Reply<Flushed> {
        match &self.0.link {
            Some(link) => link.flush(session, until, limit),
            None => Reply::ready(Flushed { complete: true }),
        }
    }
}

/// What a blocking wait allows the worker beyond its own deadline.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            link.close();
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.0.settings).finish()
    }
}

/// The directory asked for, the platform's, or a private temporary one.
#[cfg(feature = "enable")]
fn data_dir(settings: &Settings) -> PathBuf {
    let named = settings
        .data_dir
        .clone()
        .or_else(crate::env::platform_data_dir);
    named.unwrap_or_else(|| {
        let name = format!("agentops-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let dir = std::env::temp_dir().join(name);
        tracing::warn!(target: "agentops", dir = %dir.display(), "no home directory; sessions are kept in a temporary one, set AGENTOPS_DATA_DIR");
        dir
    })
}
