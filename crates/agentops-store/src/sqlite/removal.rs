//! Takes sessions away: at once from sight, and their rows little by little, so that no write
//! waits for a long deletion. The roll-ups follow the rows that are there.

use agentops_protocol::{Timestamp, Usage, Usd};
use rusqlite::{Connection, OptionalExtension, Row};

use super::fault::Fault;
use super::rollups::Rollups;
use super::rows;
use super::stats::{Counted, kind_of};

/// Rows of one step.
const STEP: i64 = 500;

/// What else is kept of a session, a statement a table; each takes a step's rows at most.
const REST: [&str; 6] = [
    "DELETE FROM images WHERE seq IN (SELECT seq FROM images WHERE session = ?1 LIMIT ?2 / 25)",
    "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages WHERE session = ?1 LIMIT ?2)",
    "DELETE FROM logs WHERE seq IN (SELECT seq FROM logs WHERE session = ?1 LIMIT ?2)",
    "DELETE FROM agents WHERE seq IN (SELECT seq FROM agents WHERE session = ?1 LIMIT ?2)",
    "DELETE FROM threads WHERE seq IN (SELECT seq FROM threads WHERE session = ?1 LIMIT ?2)",
    "DELETE FROM requests WHERE session = ?1
       AND key IN (SELECT key FROM requests WHERE session = ?1 LIMIT ?2)",
];

/// Takes a session out of sight. Its rows wait for [`take_away`].
pub(crate) fn doom(connection: &Connection, session: i64, project: i64) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT INTO doomed (session, project) VALUES (?1, ?2)")?
        .execute((session, project))?;
    connection
        .prepare_cached("DELETE FROM readers WHERE session = ?1")?
        .execute([session])?;
    connection
        .prepare_cached("DELETE FROM sessions WHERE seq = ?1")?
        .execute([session])?;
    Ok(())
}

/// Whether rows of deleted sessions are still there.
pub(crate) fn is_due(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM doomed)")?
        .query_row([], |row| row.get(0))?)
}

/// Takes a step's rows away; whether more are left.
pub(crate) fn take_away(connection: &Connection) -> Result<bool, Fault> {
    let next: Option<(i64, i64)> = connection
        .prepare_cached("SELECT session, project FROM doomed LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((session, project)) = next else {
        return Ok(false);
    };
    if take_events(connection, session, project)? > 0 {
        return Ok(true);
    }
    for statement in REST {
        if connection
            .prepare_cached(statement)?
            .execute((session, STEP))?
            > 0
        {
            return Ok(true);
        }
    }
    for statement in [
        "DELETE FROM host_envs WHERE session = ?1",
        "DELETE FROM session_models WHERE session = ?1",
        "DELETE FROM doomed WHERE session = ?1",
    ] {
        connection.prepare_cached(statement)?.execute([session])?;
    }
    Ok(true)
}

fn take_events(connection: &Connection, session: i64, project: i64) -> Result<usize, Fault> {
    let mut rollups = Rollups::default();
    let mut taken = Vec::new();
    let mut select = connection.prepare_cached(
        "SELECT seq, kind, coalesce(model, name), start_us, end_us, status, prompt_tokens,
           completion_tokens, cost FROM events WHERE session = ?1 LIMIT ?2",
    )?;
    let mut found = select.query((session, STEP))?;
    while let Some(row) = found.next()? {
        taken.push(row.get::<_, i64>(0)?);
        let status = rows::status_of(row.get(5)?);
        rollups.count(project, row.get(2)?, &counted(row)?, &status, -1);
    }
    drop(found);
    let mut delete = connection.prepare_cached("DELETE FROM events WHERE seq = ?1")?;
    let mut note = connection.prepare_cached("INSERT INTO unsearched (event) VALUES (?1)")?;
    for seq in &taken {
        delete.execute([seq])?;
        note.execute([seq])?;
    }
    rollups.write(connection)?;
    Ok(taken.len())
}

fn counted(row: &Row<'_>) -> Result<Counted, Fault> {
    let tokens = |column| {
        row.get::<_, Option<i64>>(column)
            .map(|count| count.map(i64::cast_unsigned))
    };
    let mut usage = Usage::default();
    usage.prompt = tokens(6)?;
    usage.completion = tokens(7)?;
    Ok(Counted {
        kind: kind_of(row.get(1)?).ok_or(Fault::Damaged("kind"))?,
        model: None,
        start: Timestamp::from_micros(row.get(3)?),
        end: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
        usage,
        cost: row.get::<_, Option<i64>>(8)?.map(Usd::from_picos),
    })
}
