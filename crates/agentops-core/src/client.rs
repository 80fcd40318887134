//! A client: one configuration and its way to the worker.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

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
        if !settings.enabled {
            return Self(Arc::new(Inner {
                settings,
                data_dir: None,
                link: None,
            }));
        }
        Self::linked(settings)
    }

    #[cfg(feature = "enable")]
    fn linked(settings: Arc<Settings>) -> Self {
        crate::ending::panic::install();
        let data_dir = Some(data_dir(&settings));
        let link = Some(Link::new(Arc::clone(&settings), data_dir.clone()));
        Self(Arc::new(Inner {
            settings,
            data_dir,
            link,
        }))
    }

    #[cfg(not(feature = "enable"))]
    fn linked(settings: Arc<Settings>) -> Self {
        Self(Arc::new(Inner {
            settings,
            data_dir: None,
            link: None,
        }))
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

    /// Waits until everything recorded so far is delivered (in local mode: written), at most
    /// `limit`; whether it was. For code that is not async; see [`Client::flush`].
    pub fn flush_blocking(&self, limit: Duration) -> bool {
        self.send_off(Until::Delivered, limit)
            .wait(limit + GRACE)
            .is_some_and(|flushed| flushed.complete)
    }

    /// Waits until everything recorded so far is delivered (in local mode: written), at most
    /// `limit`; whether it was.
    pub async fn flush(&self, limit: Duration) -> bool {
        let flushed = self.send_off(Until::Delivered, limit);
        let flushed = flushed.within(limit + GRACE);
        flushed.await.is_some_and(|flushed| flushed.complete)
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

    pub(crate) fn send_off(&self, until: Until, limit: Duration) -> Reply<Flushed> {
        match &self.0.link {
            Some(link) => link.flush(until, limit),
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
