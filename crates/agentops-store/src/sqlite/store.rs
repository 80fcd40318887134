//! Opens and closes the database and its threads; hands batches to the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use agentops_protocol::api::PriceSource;
use agentops_protocol::{Usage, Usd};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;

use super::fault::Fault;
use super::queue::Job;
use super::readers::{self, Readers};
use super::requests;
use super::retention::Retention;
use super::schema::{self, SchemaError};
use super::scribe::Scribe;
use super::search::{self, Indexer};
use super::upkeep::{Stop, Upkeep};
use super::writer::{self, Shared};
use crate::{Batch, ImportCursor, Ingest, IngestError, Pending, PriceOf};

/// The database's name in its directory.
pub(super) const FILE: &str = "agentops.db";
/// How long another process's writer is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// How far the thread that fills the search steps back, of 19: about a tenth of a full processor.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// How a store is opened.
#[non_exhaustive]
pub struct Options {
    /// Prices LLM calls that came without a cost.
    pub price: PriceOf,
    /// What is said of where these prices come from.
    pub price_source: Option<PriceSource>,
    /// Whether events are indexed for the search, on a thread of its own. Off unless told: who
    /// opens a store for a moment leaves that to the server.
    pub search: bool,
    /// How much is kept; everything unless told.
    pub retention: Retention,
}

impl Options {
    /// With these prices, and defaults for everything else.
    ///
    /// ```
    /// # use agentops_store::Options;
    /// let unpriced = Options::new(|_model, _usage| None);
    /// ```
    pub fn new(price: impl Fn(&str, &Usage) -> Option<Usd> + Send + Sync + 'static) -> Self {
        Self {
            price: Arc::new(price),
            price_source: None,
            search: false,
            retention: Retention::default(),
        }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or the file cannot be made.
    #[error("{path} cannot be used: {source}; choose another data directory", path = path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("{path} cannot be opened: {message}", path = path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        message: String,
    },
}

/// A store in a data directory.
///
/// Dropping it commits what waits and ends its threads.
///
/// ```
/// use agentops_protocol::{SessionPatch, Timestamp};
/// use agentops_store::{Batch, Ingest, Mutation, Options, Query, SqliteStore, Write};
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let store = SqliteStore::open(directory, Options::new(|_model, _usage| None))?;
/// let write = Write {
///     project: "my-project".parse()?,
///     session: "my-session".parse()?,
///     received: Timestamp::from_micros(0),
///     mutation: Mutation::CreateSession(SessionPatch::default()),
/// };
/// let batch = Batch { writes: vec![write], idempotency_key: None, cursor: None };
/// store.submit(batch)?.wait()?;
/// assert!(store.session(None, &"my-session".parse()?)?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore {
    pub(super) shared: Arc<Shared>,
    pub(super) readers: Readers,
    pub(super) price_source: Option<PriceSource>,
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("writer_alive", &self.writer_alive())
            .finish()
    }
}

impl SqliteStore {
    /// Opens the store of a directory; makes both where they do not exist, for their owner only.
    ///
    /// # Errors
    /// A directory or file that cannot be made, a damaged or foreign database, one of a newer
    /// version.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        prepare(directory, &path).map_err(|source| OpenError::Directory {
            path: directory.to_owned(),
            source,
        })?;
        let refused = |error: SchemaError| OpenError::Database {
            path: path.clone(),
            message: error.to_string(),
        };
        let connection = connect(&path).map_err(refused)?;
        let upkeep =
            Upkeep::open(&path, options.retention).map_err(|fault| refused(fault.into()))?;
        let scribe =
            Scribe::new(&connection, options.price).map_err(|fault| refused(fault.into()))?;
        let shared = Arc::new(Shared::default());
        let stop = Arc::new(Stop::default());
        let writer = {
            let shared = Arc::clone(&shared);
            spawn("agentops-store", move || {
                writer::run(shared, connection, scribe);
            })
        };
        let upkeep = {
            let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
            spawn("agentops-upkeep", move || {
                upkeep.run(&shared, &stop);
            })
        };
        let mut started = writer.and_then(|writer| Ok(vec![writer, upkeep?]));
        if let (true, Ok(threads)) = (options.search, &mut started) {
            match index(&path, &shared, &stop) {
                Ok(thread) => threads.push(thread),
                // Everything but the search works without it.
                Err(error) => tracing::error!(%error, "nothing is indexed for the search"),
            }
        }
        Ok(Self {
            threads: started.map_err(|source| OpenError::Directory {
                path: directory.to_owned(),
                source,
            })?,
            readers: Readers::new(path),
            price_source: options.price_source,
            shared,
            stop,
        })
    }

    /// Whether the writer runs. When it does not, nothing is accepted any more and the process
    /// must end.
    #[must_use]
    pub fn writer_alive(&self) -> bool {
        self.shared.queue.is_alive()
    }

    /// Changes something through the writer, durably.
    pub(super) fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.shared.queue.change(change)
    }
}

impl Ingest for SqliteStore {
    fn submit(&self, batch: Batch) -> Result<Pending, IngestError> {
        let (answer, pending) = oneshot::channel();
        self.shared.queue.submit(Job { batch, answer })?;
        Ok(Pending::new(pending))
    }

    fn is_alive(&self) -> bool {
        self.writer_alive()
    }

    fn import_cursor(&self, directory: &str) -> Result<Option<ImportCursor>, IngestError> {
        let found = self.readers.read(|connection, _| {
            Ok(connection
                .prepare_cached("SELECT segment, offset FROM imports WHERE directory = ?1")?
                .query_row([directory], |row| {
                    Ok(ImportCursor {
                        directory: directory.to_owned(),
                        segment: row.get::<_, i64>(0)?.cast_unsigned(),
                        offset: row.get::<_, i64>(1)?.cast_unsigned(),
                    })
                })
                .optional()?)
        });
        found.map_err(|fault| IngestError::Storage(fault.to_string()))
    }

    fn keep_import_cursors(&self, directories: &[String]) -> Result<(), IngestError> {
        let kept = directories.to_vec();
        self.change(move |connection| requests::keep_cursors(connection, &kept))
            .map_err(|fault| IngestError::Storage(fault.to_string()))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.stop.stop();
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Starts the thread that fills the search.
fn index(path: &Path, shared: &Arc<Shared>, stop: &Arc<Stop>) -> Result<JoinHandle<()>, Fault> {
    let mut indexer = Indexer::open(path)?;
    let (shared, stop) = (Arc::clone(shared), Arc::clone(stop));
    Ok(spawn("agentops-search", move || {
        step_back();
        while !stop.wait(search::INTERVAL) {
            while !stop.wait(Duration::ZERO) {
                match indexer.step(&shared) {
                    Ok(true) => {}
                    Ok(false) | Err(Fault::Stopped) => break,
                    Err(fault) => {
                        tracing::warn!(error = %fault, "the search begins anew");
                        if let Err(fault) = indexer.begin_anew() {
                            tracing::warn!(error = %fault, "the search cannot be made");
                        }
                        break;
                    }
                }
            }
        }
    })?)
}

/// This thread leaves the processor to the others where they need all of it: whoever records waits
/// for the writer, nobody for the search. Only Linux tells one thread of a process from another.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the search is as urgent as everything else");
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// Makes directory and file before SQLite does, so that nobody else can read them.
fn prepare(directory: &Path, file: &Path) -> io::Result<()> {
    let mut make = std::fs::DirBuilder::new();
    make.recursive(true);
    let mut open = std::fs::OpenOptions::new();
    open.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        make.mode(0o700);
        open.mode(0o600);
    }
    make.create(directory)?;
    open.open(file).map(drop)
}

/// Opens the writer's connection and brings the schema up to date.
fn connect(path: &Path) -> Result<Connection, SchemaError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    readers::keep_plans(&connection)?;
    // Takes effect only before the first table: lets retention give space back later.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let _: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The upkeep checkpoints; this is for the case that it cannot keep up.
    connection.pragma_update(None, "wal_autocheckpoint", 65_536)?;
    let _: i64 =
        connection
            .pragma_update_and_check(None, "journal_size_limit", 64 << 20, |row| row.get(0))?;
    connection.pragma_update(None, "cache_size", -32_000)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut connection)?;
    Ok(connection)
}
