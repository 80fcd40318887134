//! Batch ids that were answered, revisions, and how far imports are: what makes repeating safe.

use agentops_protocol::{SessionId, Timestamp, Usd};
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::sessions;
use crate::ImportCursor;

/// Notes how far an import is.
pub(crate) fn save_cursor(connection: &Connection, cursor: &ImportCursor) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO imports VALUES (?1, ?2, ?3)")?
        .execute((
            &cursor.directory,
            cursor.segment.cast_signed(),
            cursor.offset.cast_signed(),
        ))?;
    Ok(())
}

/// The newest revision.
pub(crate) fn revision(connection: &Connection) -> Result<u64, Fault> {
    let revision: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(revision.unwrap_or(0).unsigned_abs())
}

/// Notes that a session changed; the revision.
pub(crate) fn note_change(connection: &Connection, session: i64) -> Result<u64, Fault> {
    let revision = connection
        .prepare_cached("INSERT INTO changes (session) VALUES (?1)")?
        .insert([session])?;
    Ok(revision.unsigned_abs())
}

/// Forgets the imports of all directories but these.
pub(crate) fn keep_cursors(connection: &Connection, directories: &[String]) -> Result<(), Fault> {
    let kept = serde_json::to_string(directories).map_err(|_| Fault::Damaged("directories"))?;
    connection.execute(
        "DELETE FROM imports WHERE directory NOT IN (SELECT value FROM json_each(?1))",
        [kept],
    )?;
    Ok(())
}

/// A batch id as it is kept: hashed, so that a long one costs no more than a short one.
pub(crate) fn short(key: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(key)[..16]);
    short
}

/// The cost a batch id was answered with; `None` when the session has not seen it.
pub(crate) fn answered(
    connection: &Connection,
    project: i64,
    session: &SessionId,
    key: &[u8; 16],
) -> Result<Option<Option<Usd>>, Fault> {
    let Some(seq) = sessions::seq(connection, project, session.as_str())? else {
        return Ok(None);
    };
    let cost: Option<Option<i64>> = connection
        .prepare_cached("SELECT cost FROM requests WHERE session = ?1 AND key = ?2")?
        .query_row((seq, key), |row| row.get(0))
        .optional()?;
    Ok(cost.map(|cost| cost.map(Usd::from_picos)))
}

/// Notes the cost a batch id is answered with.
pub(crate) fn save(
    connection: &Connection,
    session: i64,
    key: &[u8; 16],
    cost: Option<Usd>,
    at: Timestamp,
) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT INTO requests VALUES (?1, ?2, ?3, ?4)")?
        .execute((session, key, cost.map(Usd::as_picos), at.as_micros()))?;
    Ok(())
}
