//! What changed after a revision, for those who follow.

use agentops_protocol::ProjectId;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::requests;
use crate::{Change, Changes, Revision};

/// Most changes told at once.
const MOST: i64 = 1_000;

/// The changes after `after` that a project sees; none without one, only where to begin.
pub(crate) fn read(
    connection: &Connection,
    project: Option<&ProjectId>,
    after: Option<&Revision>,
) -> Result<Changes, Fault> {
    let epoch: String = connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'epoch'")?
        .query_row([], |row| row.get(0))?;
    let newest = requests::revision(connection)?;
    let at = |number| Revision {
        epoch: epoch.clone(),
        number,
    };
    let mut changes = Changes {
        changes: Vec::new(),
        next: at(newest),
        reset: false,
    };
    let Some(after) = after else {
        return Ok(changes);
    };
    if after.epoch != epoch || after.number > newest || is_forgotten(connection, after.number)? {
        changes.reset = true;
        return Ok(changes);
    }
    let mut select = connection.prepare_cached(
        "SELECT c.rev, s.id, p.id, d.session IS NOT NULL FROM changes c
           LEFT JOIN sessions s ON s.seq = c.session LEFT JOIN doomed d ON d.session = c.session
           LEFT JOIN projects p ON p.seq = coalesce(s.project, d.project)
         WHERE c.rev > ?1 AND p.id IS NOT NULL AND (?2 IS NULL OR p.id = ?2 OR EXISTS (
           SELECT 1 FROM readers r JOIN projects q ON q.seq = r.project
           WHERE r.session = s.seq AND q.id = ?2))
         ORDER BY c.rev LIMIT ?3",
    )?;
    let project = project.map(ProjectId::as_str);
    let mut rows = select.query((after.number.cast_signed(), project, MOST))?;
    let mut seen = std::collections::HashSet::new();
    let (mut count, mut last) = (0, 0_i64);
    while let Some(row) = rows.next()? {
        count += 1;
        last = row.get(0)?;
        let id: Option<String> = row.get(1)?;
        let owner: String = row.get(2)?;
        if seen.insert((id.clone(), owner.clone())) {
            let parsed = id.map(|id| id.parse().map_err(|_| Fault::Damaged("id")));
            changes.changes.push(Change {
                session: parsed.transpose()?,
                project: owner.parse().map_err(|_| Fault::Damaged("project"))?,
            });
        }
    }
    if count == MOST {
        changes.next = at(last.unsigned_abs());
    }
    Ok(changes)
}

/// Whether changes after this one have been forgotten.
fn is_forgotten(connection: &Connection, number: u64) -> Result<bool, Fault> {
    let oldest: Option<i64> = connection
        .prepare_cached("SELECT min(rev) FROM changes")?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(oldest.is_some_and(|oldest| oldest.unsigned_abs() > number.saturating_add(1)))
}
