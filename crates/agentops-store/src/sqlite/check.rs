//! Looks whether a database is whole and its counts are right: everything that is kept as a sum is
//! counted anew. Reads only, beside whoever uses it.

use std::path::Path;

use rusqlite::Connection;

use super::fault::Fault;
use super::readers;
use super::store::{FILE, OpenError};

/// Most complaints of SQLite that are told.
const COMPLAINTS: usize = 20;

/// Sessions whose counts are not those of their events.
const SESSIONS: &str = "SELECT count(*) FROM sessions s LEFT JOIN (
      SELECT session, sum(kind = 0) AS actions, sum(kind = 1) AS llms, sum(kind = 2) AS tools,
        sum(kind = 3) AS errors, sum(kind = 1 AND cost IS NULL) AS unpriced, sum(cost) AS cost,
        sum(min(CASE WHEN prompt_tokens < 0 THEN 1 << 53 ELSE prompt_tokens END, 1 << 53)) AS prompts,
        sum(min(CASE WHEN completion_tokens < 0 THEN 1 << 53 ELSE completion_tokens END, 1 << 53))
          AS completions
      FROM events GROUP BY session) e ON e.session = s.seq
    WHERE s.actions <> coalesce(e.actions, 0) OR s.llms <> coalesce(e.llms, 0)
      OR s.tools <> coalesce(e.tools, 0) OR s.errors <> coalesce(e.errors, 0)
      OR s.unpriced <> coalesce(e.unpriced, 0) OR s.cost <> coalesce(e.cost, 0)
      OR s.prompt_tokens <> coalesce(e.prompts, 0)
      OR s.completion_tokens <> coalesce(e.completions, 0)";

/// Roll-ups that are not those of the events, and events that are in none.
const ROLLUPS: &str = "WITH anew AS (
      SELECT coalesce((SELECT project FROM sessions s WHERE s.seq = session),
          (SELECT project FROM doomed d WHERE d.session = events.session)) AS project,
        (start_us - ((start_us % 3600000000) + 3600000000) % 3600000000) / 3600000000 AS hour,
        kind, coalesce(model, name, 0) AS name, count(*) AS events, sum(status IN (1, 2)) AS failed,
        coalesce(sum(cost), 0) AS cost
      FROM events GROUP BY 1, 2, 3, 4),
    kept AS (
      SELECT project, hour, kind, name, sum(events) AS events, sum(failed) AS failed,
        sum(cost) AS cost
      FROM rollups GROUP BY 1, 2, 3, 4 HAVING sum(events) <> 0)
    SELECT (SELECT count(*) FROM (SELECT * FROM anew EXCEPT SELECT * FROM kept))
      + (SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM anew))";

/// Events that belong to no session, neither a living nor a deleted one.
const ORPHANS: &str = "SELECT count(*) FROM events WHERE session NOT IN (SELECT seq FROM sessions)
    AND session NOT IN (SELECT session FROM doomed)";

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// Sessions that are there.
    pub sessions: u64,
    /// Events that are there.
    pub events: u64,
    /// What SQLite says of its file; empty when it is whole.
    pub damages: Vec<String>,
    /// Sessions whose counts are wrong.
    pub wrong_sessions: u64,
    /// Hourly sums that are wrong.
    pub wrong_rollups: u64,
    /// Events without a session.
    pub orphans: u64,
}

impl CheckReport {
    /// Whether all is as it must be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.damages.is_empty() && self.wrong_sessions + self.wrong_rollups + self.orphans == 0
    }
}

/// Checks the database of a directory, as it is at this moment.
///
/// # Errors
/// A database that is not there or cannot be read at all.
pub fn check(directory: &Path) -> Result<CheckReport, OpenError> {
    check_file(&directory.join(FILE))
}

/// Checks a database by its file.
pub(crate) fn check_file(path: &Path) -> Result<CheckReport, OpenError> {
    let refused = |fault: Fault| OpenError::Database {
        path: path.to_owned(),
        message: fault.to_string(),
    };
    let connection = readers::open(path).map_err(refused)?;
    look(&connection).map_err(refused)
}

fn look(connection: &Connection) -> Result<CheckReport, Fault> {
    let view = connection.unchecked_transaction()?;
    let damages = {
        let mut select = view.prepare(&format!("PRAGMA integrity_check({COMPLAINTS})"))?;
        let told = select.query_map([], |row| row.get::<_, String>(0))?;
        told.collect::<rusqlite::Result<Vec<_>>>()?
    };
    let count = |sql: &str| -> Result<u64, Fault> {
        let count: i64 = view.query_row(sql, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    let report = CheckReport {
        damages: damages.into_iter().filter(|line| line != "ok").collect(),
        sessions: count("SELECT count(*) FROM sessions")?,
        events: count("SELECT count(*) FROM events")?,
        wrong_sessions: count(SESSIONS)?,
        wrong_rollups: count(ROLLUPS)?,
        orphans: count(ORPHANS)?,
    };
    view.finish()?;
    Ok(report)
}
