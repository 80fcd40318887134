//! Takes old sessions away, by age and by the size of the database, a few at a time.

use std::time::Duration;

use agentops_protocol::Timestamp;
use rusqlite::Connection;

use super::fault::Fault;
use super::{removal, requests};

/// Sessions of one step that are too old.
const OLD: i64 = 20;
/// Sessions of one step that are too many: how large each is shows only when it is gone.
const MANY: i64 = 4;
/// Pages of the file that are given back in one step.
const PAGES: i64 = 2_000;

/// How much is kept. Nothing is taken away unless told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Retention {
    /// Sessions in which nothing happened for so long are taken away.
    pub age: Option<Duration>,
    /// When the database holds more bytes, the sessions that began first are taken away.
    pub bytes: Option<u64>,
}

impl Retention {
    /// Dooms a step's sessions that are too old or too many; how many.
    pub(crate) fn step(self, connection: &Connection, now: Timestamp) -> Result<usize, Fault> {
        if let Some(age) = self.age {
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            let before = now.as_micros().saturating_sub(age);
            let sql = "SELECT seq, project FROM sessions
                WHERE start_us < ?1 AND max(start_us, coalesce(end_us, start_us), coalesce(last_us, start_us)) < ?1
                ORDER BY start_us LIMIT ?2";
            let doomed = doom(connection, sql, before, OLD)?;
            if doomed > 0 {
                return Ok(doomed);
            }
        }
        match self.bytes {
            Some(bytes) if used(connection)? > bytes => doom(
                connection,
                "SELECT seq, project FROM sessions WHERE start_us < ?1 ORDER BY start_us LIMIT ?2",
                i64::MAX,
                MANY,
            ),
            _ => Ok(0),
        }
    }
}

/// Bytes of the file that hold something.
fn used(connection: &Connection) -> Result<u64, Fault> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?).unsigned_abs())
}

fn doom(connection: &Connection, sql: &str, before: i64, most: i64) -> Result<usize, Fault> {
    let mut select = connection.prepare_cached(sql)?;
    let found = select.query_map((before, most), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found = found.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    for (session, project) in &found {
        removal::doom(connection, *session, *project)?;
        requests::note_change(connection, *session)?;
    }
    Ok(found.len())
}

/// Gives pages that hold nothing back to the system, a step's.
pub(crate) fn give_back(connection: &Connection) -> Result<(), Fault> {
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
