//! Connections for reading. Each read is one short transaction on a connection of its own, so
//! that it sees one revision and never waits for the writer.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;
use super::pack::Unpacker;

/// Most reads at a time.
const CONNECTIONS: usize = 8;
/// How long a read waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection with its expanders.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) unpacker: Unpacker,
}

#[derive(Default)]
struct State {
    idle: Vec<Reader>,
    taken: usize,
}

/// The pool.
pub(crate) struct Readers {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

/// Gives the place back, also when a read panics; the reader then is dropped.
struct Place<'a> {
    readers: &'a Readers,
    reader: Option<Reader>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.lock();
        state.taken -= 1;
        if !std::thread::panicking() {
            state.idle.extend(self.reader.take());
        }
        drop(state);
        self.readers.returned.notify_one();
    }
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// Reads in one transaction.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection, &mut Unpacker) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut place = self.take()?;
        let reader = match &mut place.reader {
            Some(reader) => reader,
            empty => empty.insert(Reader {
                connection: open(&self.path)?,
                unpacker: Unpacker::default(),
            }),
        };
        let tx = reader.connection.unchecked_transaction()?;
        let result = read(&tx, &mut reader.unpacker);
        tx.finish()?;
        result
    }

    /// The database.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn take(&self) -> Result<Place<'_>, Fault> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        while state.taken >= CONNECTIONS {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::Crowded);
            }
            state = match self.returned.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        state.taken += 1;
        let reader = state.idle.pop();
        Ok(Place {
            readers: self,
            reader,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that can only read.
pub(crate) fn open(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    keep_plans(&connection)?;
    connection.pragma_update(None, "cache_size", -4_000)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Statements keep the plan that they were prepared with. Otherwise SQLite looks at the values that
/// are bound and prepares many a statement anew each time it runs, which took half of the time of
/// whoever reads single rows.
pub(crate) fn keep_plans(connection: &Connection) -> Result<(), Fault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}
