//! Opening a data directory, listening, and ending well.

mod accept;
mod place;
mod tls;

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use agentops_store::{CatalogError, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use place::{Place, lock_data_dir, running_server};
pub use tls::TlsError;

use self::accept::{Accepting, told};
use crate::app::{App, system_clock};
use crate::config::{ConfigError, Limits, ServerConfig};
use crate::ingest::{PricesError, keep_counting, keep_importing, store_options};
use crate::router::router;

/// How often the writer is asked whether it lives.
const WRITER_POLL: Duration = Duration::from_secs(1);

/// Why a server does not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The prices cannot be used.
    #[error(transparent)]
    Prices(#[from] PricesError),
    /// The data directory cannot be made or written.
    #[error("data directory {} cannot be used; choose another with --data-dir: {source}", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another server has the data directory.
    #[error("data directory {} is served already{}; use that server, end it, or choose another directory with --data-dir", path.display(), at(place.as_ref()))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Where the other server is, if it says so.
        place: Option<Place>,
    },
    /// The database cannot be opened.
    #[error("the database cannot be opened: {0}")]
    Store(String),
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another address with --listen: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The writer has ended: nothing can be stored any more.
    #[error("the database writer has stopped; look at the log, and start the server again")]
    WriterStopped,
}

fn at(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| {
        format!(" at {} by process {}", place.url, place.pid)
    })
}

/// Serves a data directory until [`Running::shutdown`]. Needs a tokio runtime with more than one
/// thread or a patient client; prints nothing.
///
/// # Errors
/// A setting, a data directory, a database or an address that cannot be used; a data directory
/// that another server has.
pub async fn serve(config: ServerConfig) -> Result<Running, ServeError> {
    let public_url = config.checked_public_url()?;
    let data_dir = config.data_dir().to_owned();
    let tls = config.tls_files();
    let tls = tls
        .map(|(cert, key)| tls::acceptor(cert, key))
        .transpose()?;
    let lock = take(&data_dir)?;
    let (listener, local) = listen(config.address()).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{local}");
    let store = open(&config)?;
    let limits = config.limits_ref().clone();
    let app = App::new(store.clone(), system_clock(), limits.clone(), public_url)?;
    app.note_encrypted(tls.is_some());
    let unusable = |source| ServeError::DataDir {
        path: data_dir.clone(),
        source,
    };
    let place = Place::of_this_process(&url, app.public_url());
    place::write(&data_dir, &place).map_err(unusable)?;

    let importer = config
        .imports_spool()
        .then(|| Working::import(app.clone(), data_dir.clone()));
    let counter = Working::count(app.clone());
    let working = importer.into_iter().chain([counter]).collect();
    let stop = watch::Sender::new(false);
    let accepting = Accepting {
        listener,
        router: router(app.clone()),
        limits: limits.clone(),
        tls,
        stop: stop.subscribe(),
    };
    tracing::info!(url, data_dir = %data_dir.display(), "listening");
    Ok(Running {
        accepting: tokio::spawn(accepting.run()),
        watching: tokio::spawn(watch_writer(app.clone(), store)),
        url,
        data_dir,
        app,
        stop,
        working,
        limits,
        _lock: lock,
    })
}

fn take(data_dir: &Path) -> Result<File, ServeError> {
    match lock_data_dir(data_dir) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(ServeError::InUse {
            path: data_dir.to_owned(),
            place: running_server(data_dir).ok().flatten(),
        }),
        Err(source) => Err(ServeError::DataDir {
            path: data_dir.to_owned(),
            source,
        }),
    }
}

/// Listens, and says under which address this machine reaches it.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let refused = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let local = reachable(listener.local_addr().map_err(refused)?);
    Ok((listener, local))
}

fn open(config: &ServerConfig) -> Result<Arc<SqliteStore>, ServeError> {
    let mut options = store_options(config.price_file())?;
    options.search = true;
    options.retention = config.kept();
    let store = SqliteStore::open(config.data_dir(), options);
    let store = store.map_err(|error| ServeError::Store(error.to_string()))?;
    Ok(Arc::new(store))
}

/// A server that listens. Dropping it ends it at once; [`shutdown`](Self::shutdown) ends it well.
#[must_use = "dropping it ends the server"]
pub struct Running {
    url: String,
    data_dir: PathBuf,
    app: App,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    watching: JoinHandle<()>,
    working: Vec<Working>,
    limits: Limits,
    _lock: File,
}

impl Running {
    /// Its URL on this machine, without a last slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data directory it serves.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its state, to reach the store without the network.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Resolves when the server cannot go on: its database writer has ended.
    pub async fn failed(&self) -> ServeError {
        told(&mut self.app.stopped()).await;
        ServeError::WriterStopped
    }

    /// Serves until `until` resolves or the server cannot go on, then ends well.
    ///
    /// # Errors
    /// When the database writer ended.
    pub async fn run_until(self, until: impl Future) -> Result<(), ServeError> {
        let end = tokio::select! {
            _ = until => Ok(()),
            error = self.failed() => Err(error),
        };
        self.shutdown().await;
        end
    }

    /// Takes no more connections, answers what has been asked, within the deadline of
    /// [`Limits::shutdown_timeout`], and closes the database.
    pub async fn shutdown(mut self) {
        self.app.close();
        self.stop.send_replace(true);
        let end = tokio::time::timeout(self.limits.shutdown_timeout, &mut self.accepting).await;
        if end.is_err() {
            tracing::warn!("some requests were not answered before the shutdown");
        }
        let working = std::mem::take(&mut self.working);
        // Joining waits for one stretch of import at most.
        let _ = tokio::task::spawn_blocking(move || drop(working)).await;
        tracing::info!("the server has ended");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.accepting.abort();
        self.watching.abort();
        place::remove(&self.data_dir);
    }
}

/// Resolves when the process is asked to end: SIGINT or SIGTERM, Ctrl-C elsewhere.
///
/// # Errors
/// When the system lets nobody listen for signals.
pub async fn termination() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Where this machine reaches a server that listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(_) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        }
    }
    address
}

/// Tells the server when the writer thread is gone, even while nobody writes.
async fn watch_writer(app: App, store: Arc<SqliteStore>) {
    loop {
        tokio::time::sleep(WRITER_POLL).await;
        if !store.writer_alive() {
            return app.note_stopped();
        }
    }
}

/// A thread that does its work until this is dropped.
struct Working {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Working {
    fn start(name: &str, work: impl FnOnce(mpsc::Receiver<()>) + Send + 'static) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(format!("agentops-{name}"))
            .spawn(move || work(stopped));
        if let Err(error) = &thread {
            tracing::error!(%error, name, "a thread cannot be started; what it does is left undone");
        }
        Self {
            stop: Some(stop),
            thread: thread.ok(),
        }
    }

    /// Imports what programs on this machine record.
    fn import(app: App, data_dir: PathBuf) -> Self {
        Self::start("import", move |stop| {
            keep_importing(&app, &data_dir, &system_clock(), &stop);
        })
    }

    /// Counts tokens that nobody told.
    fn count(app: App) -> Self {
        Self::start("tokens", move |stop| {
            keep_counting(&app, &system_clock(), &stop);
        })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
