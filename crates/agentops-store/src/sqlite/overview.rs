//! The overview: sessions from their rows, events from the roll-ups.
//!
//! SQLite refuses a sum that leaves its integers. Sums of hostile numbers must not: each is taken
//! in two parts and put together here, stopping at the end of the range.

use std::collections::HashMap;

use agentops_protocol::{EndState, EventKind, ProjectId, Timestamp, Usd};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::rollups::{RUNNING, hour};
use super::sessions::state_number;
use super::stats::kind_index;
use crate::overview::{DAY, EventSums, NamedSums, Overview, ROWS, TagSums, most};

/// What parts of sums are cut by.
const PART: i64 = 1_000_000_000;
/// How much of a reason is told apart.
const REASON_CHARS: i64 = 200;

/// Of a project (of all: `None`), from and to.
pub(crate) fn read(
    connection: &Connection,
    project: Option<&ProjectId>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Overview, Fault> {
    let project = match project {
        None => None,
        Some(project) => {
            let seq: Option<i64> = connection
                .prepare_cached("SELECT seq FROM projects WHERE id = ?1")?
                .query_row([project.as_str()], |row| row.get(0))
                .optional()?;
            Some(seq.unwrap_or(-1))
        }
    };
    let mut overview = Overview::default();
    let range = Range { project, from, to };
    range.sessions(connection, &mut overview)?;
    range.reasons_and_tags(connection, &mut overview)?;
    range.names(connection, &mut overview)?;
    range.days(connection, &mut overview)?;
    Ok(overview)
}

struct Range {
    project: Option<i64>,
    from: Timestamp,
    to: Timestamp,
}

impl Range {
    /// Sessions that began in it; takes ?1 to ?3.
    const SESSIONS: &str =
        "(?1 IS NULL OR s.project = ?1) AND s.start_us >= ?2 AND s.start_us < ?3";
    /// Roll-ups of its hours; takes ?1 to ?3.
    const ROLLUPS: &str = "(?1 IS NULL OR r.project = ?1) AND r.hour >= ?2 AND r.hour <= ?3";

    fn micros(&self) -> (Option<i64>, i64, i64) {
        (self.project, self.from.as_micros(), self.to.as_micros())
    }

    fn hours(&self) -> (Option<i64>, i64, i64) {
        let last = Timestamp::from_micros(self.to.as_micros().saturating_sub(1));
        (self.project, hour(self.from), hour(last))
    }

    fn sessions(&self, connection: &Connection, overview: &mut Overview) -> Result<(), Fault> {
        let sql = format!(
            "SELECT (s.start_us - ((s.start_us % {DAY}) + {DAY}) % {DAY}) / {DAY}, count(*),
               sum(s.end_us IS NULL), sum(s.end_state = {}), sum(s.end_state = {})
             FROM sessions s WHERE {} GROUP BY 1",
            state_number(EndState::Success),
            state_number(EndState::Failure),
            Self::SESSIONS
        );
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(self.micros())?;
        while let Some(row) = rows.next()? {
            let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
            let (all, fail) = (count(1)?, count(4)?);
            let sums = &mut overview.sessions;
            sums.total += all;
            sums.running += count(2)?;
            sums.success += count(3)?;
            sums.fail += fail;
            let day = overview.days.entry(row.get(0)?).or_default();
            (day.sessions, day.fail) = (all, fail);
        }
        Ok(())
    }

    fn reasons_and_tags(
        &self,
        connection: &Connection,
        overview: &mut Overview,
    ) -> Result<(), Fault> {
        let failed = state_number(EndState::Failure);
        let sql = format!(
            "SELECT substr(s.reason, 1, {REASON_CHARS}), count(*) FROM sessions s
             WHERE {} AND s.end_state = {failed} AND s.reason IS NOT NULL
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {ROWS}",
            Self::SESSIONS
        );
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(self.micros())?;
        while let Some(row) = rows.next()? {
            let count: i64 = row.get(1)?;
            overview.reasons.push((row.get(0)?, count.unsigned_abs()));
        }
        let sql = format!(
            "SELECT t.value, count(*), sum(s.end_state = {failed}),
               sum(s.cost / {PART}), sum(s.cost % {PART})
             FROM sessions s, json_each(s.tags) t WHERE {}
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {ROWS}",
            Self::SESSIONS
        );
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(self.micros())?;
        while let Some(row) = rows.next()? {
            let (all, fail): (i64, i64) = (row.get(1)?, row.get(2)?);
            overview.tags.push(TagSums {
                tag: row.get(0)?,
                sessions: all.unsigned_abs(),
                fail: fail.unsigned_abs(),
                cost: Usd::from_picos(whole(row, 3)?),
            });
        }
        Ok(())
    }

    fn names(&self, connection: &Connection, overview: &mut Overview) -> Result<(), Fault> {
        let sql = format!(
            "SELECT {SUMS}, r.kind, r.name, r.bucket FROM rollups r
             WHERE {} GROUP BY r.kind, r.name, r.bucket",
            Self::ROLLUPS
        );
        let mut named: HashMap<(i64, i64), NamedSums> = HashMap::new();
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(self.hours())?;
        while let Some(row) = rows.next()? {
            let sums = sums(row)?;
            overview.total.add(&sums);
            let key = (row.get(COLUMNS)?, row.get(COLUMNS + 1)?);
            let one = named.entry(key).or_default();
            one.sums.add(&sums);
            let bucket = row.get(COLUMNS + 2)?;
            if bucket != RUNNING {
                one.latencies.add(bucket, sums.events);
            }
        }
        let mut kinds: [Vec<NamedSums>; 4] = Default::default();
        for ((kind, name), mut sums) in named {
            sums.name = connection
                .prepare_cached("SELECT text FROM names WHERE id = ?1")?
                .query_row(params![name], |row| row.get(0))
                .optional()?;
            if let Some(list) = usize::try_from(kind)
                .ok()
                .and_then(|kind| kinds.get_mut(kind))
            {
                list.push(sums);
            }
        }
        let [actions, llms, tools, errors] = kinds.map(most);
        (overview.actions, overview.models) = (actions, llms);
        (overview.tools, overview.errors) = (tools, errors);
        Ok(())
    }

    fn days(&self, connection: &Connection, overview: &mut Overview) -> Result<(), Fault> {
        let sql = format!(
            "SELECT {SUMS}, (r.hour - ((r.hour % 24) + 24) % 24) / 24, sum(r.events * (r.kind = {}))
             FROM rollups r WHERE {} GROUP BY {}",
            kind_index(EventKind::Error),
            Self::ROLLUPS,
            COLUMNS + 1
        );
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(self.hours())?;
        while let Some(row) = rows.next()? {
            let sums = sums(row)?;
            if sums.events == 0 {
                continue;
            }
            let errors: i64 = row.get(COLUMNS + 1)?;
            let day = overview.days.entry(row.get(COLUMNS)?).or_default();
            (day.sums, day.errors) = (sums, errors.unsigned_abs());
        }
        Ok(())
    }
}

/// Columns of [`SUMS`].
const COLUMNS: usize = 9;
const SUMS: &str = "sum(r.events), sum(r.failed), sum(r.unpriced),
    sum(r.prompt_tokens / 1000000000), sum(r.prompt_tokens % 1000000000),
    sum(r.completion_tokens / 1000000000), sum(r.completion_tokens % 1000000000),
    sum(r.cost / 1000000000), sum(r.cost % 1000000000)";

fn sums(row: &Row<'_>) -> Result<EventSums, Fault> {
    let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(EventSums {
        events: count(0)?,
        failed: count(1)?,
        unpriced: count(2)?,
        prompt_tokens: whole(row, 3)?.unsigned_abs(),
        completion_tokens: whole(row, 5)?.unsigned_abs(),
        cost: Usd::from_picos(whole(row, 7)?),
    })
}

/// A sum in its two parts, from this column on.
fn whole(row: &Row<'_>, column: usize) -> Result<i64, Fault> {
    let (high, low): (i64, i64) = (row.get(column)?, row.get(column + 1)?);
    Ok(high.saturating_mul(PART).saturating_add(low))
}
