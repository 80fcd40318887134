//! Copies the write-ahead log into the database, beside the writer.
//!
//! A checkpoint of the kind that waits for nobody copies everything on the upkeep's thread. While
//! the writer never pauses the log cannot begin anew that way and would grow without end: above a
//! size the writer itself begins it anew, when nearly all of it has been copied already.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::fault::Fault;
use super::queue::Queue;

/// A log of fewer bytes stays as it is.
const WORTH_COPYING: u64 = 16 << 20;
/// A log of so many bytes must begin anew.
const TOO_LONG: u64 = 128 << 20;
/// How long the writer waits for readers then, for each time that the log is too long: nobody is
/// answered meanwhile. In vain is no harm, the next look comes soon.
const PATIENCE: Duration = Duration::from_millis(10);
const MOST_PATIENCE: Duration = Duration::from_millis(500);
/// How long the last checkpoint waits for other processes.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// Looks after the log of one database.
pub(crate) struct Checkpoints {
    connection: Connection,
    log: PathBuf,
}

impl Checkpoints {
    /// For the database at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(MOST_PATIENCE)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self {
            connection,
            log: log.into(),
        })
    }

    /// Copies what is worth it.
    pub(crate) fn look(&self, queue: &Queue) -> Result<(), Fault> {
        let bytes = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if bytes < WORTH_COPYING {
            return Ok(());
        }
        checkpoint(&self.connection, "PASSIVE")?;
        if bytes >= TOO_LONG {
            let times = u32::try_from(bytes / TOO_LONG).unwrap_or(u32::MAX);
            let patience = PATIENCE.saturating_mul(times).min(MOST_PATIENCE);
            queue.between(move |connection| {
                let usual: u32 =
                    connection.pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
                connection.busy_timeout(patience)?;
                let done = checkpoint(connection, "RESTART");
                connection.busy_timeout(Duration::from_millis(usual.into()))?;
                done
            })?;
        }
        Ok(())
    }
}

/// The writer's last act: the database is one file again, and its log is empty.
pub(crate) fn at_the_end(connection: &Connection) -> Result<(), Fault> {
    connection.busy_timeout(LAST_PATIENCE)?;
    checkpoint(connection, "TRUNCATE")
}

/// One that somebody else's reading cuts short is no failure: the next one goes on.
fn checkpoint(connection: &Connection, kind: &str) -> Result<(), Fault> {
    let sql = format!("PRAGMA wal_checkpoint({kind})");
    connection.query_row(&sql, [], |_| Ok(()))?;
    Ok(())
}
