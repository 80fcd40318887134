//! Lists of events: of one session in the order they began, of all sessions as they arrived.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use agentops_protocol::{Event, EventId, ProjectId, SessionId};
use rusqlite::{Connection, OptionalExtension, Row};

use super::fault::Fault;
use super::idents::Ident;
use super::messages::MessageReader;
use super::pack::Unpacker;
use super::rows;
use super::sessions::Stored;
use super::stats::kind_index;
use crate::page::Place;
use crate::{EventFilter, EventPage, EventRow, FoundEvent, FoundPage, PageSize, exported};

/// How long a page of events of all sessions is looked for, so that no read holds the log of the
/// database back for long.
const PATIENCE: Duration = Duration::from_millis(300);
/// After so many rows the clock is looked at.
const STRIDE: u32 = 256;
/// Most sessions that a search remembers.
const REMEMBERED: usize = 16_384;

/// Columns that [`Wanted::fits`] reads, in front of others.
const COLUMNS: &str = "kind, coalesce(model, name), status, start_us";

/// A filter in the numbers of the database.
struct Wanted<'a> {
    filter: &'a EventFilter,
    /// The id of the name; none has the id -1.
    name: Option<i64>,
}

impl<'a> Wanted<'a> {
    fn of(connection: &Connection, filter: &'a EventFilter) -> Result<Self, Fault> {
        let name = match &filter.name {
            None => None,
            Some(name) => {
                let known: Option<i64> = connection
                    .prepare_cached("SELECT id FROM names WHERE text = ?1")?
                    .query_row([name], |row| row.get(0))
                    .optional()?;
                Some(known.unwrap_or(-1))
            }
        };
        Ok(Self { filter, name })
    }

    /// Whether a row that begins with [`COLUMNS`] fits.
    fn fits(&self, row: &Row<'_>) -> Result<bool, Fault> {
        let kind: i64 = row.get(0)?;
        let name: Option<i64> = row.get(1)?;
        let status: i64 = row.get(2)?;
        let start: i64 = row.get(3)?;
        let filter = self.filter;
        Ok(filter
            .kind
            .is_none_or(|wanted| kind_index(wanted) as i64 == kind)
            && self.name.is_none_or(|wanted| name == Some(wanted))
            && (!filter.failed || rows::is_failure(status))
            && filter.from.is_none_or(|from| start >= from.as_micros())
            && filter.to.is_none_or(|to| start < to.as_micros()))
    }
}

/// Reads single events, whole or their heads.
struct Fetcher<'a> {
    connection: &'a Connection,
    unpacker: &'a mut Unpacker,
    messages: MessageReader,
    sql: String,
}

impl<'a> Fetcher<'a> {
    fn new(connection: &'a Connection, unpacker: &'a mut Unpacker, heads_only: bool) -> Self {
        let select = if heads_only {
            rows::HEADS
        } else {
            rows::SELECT
        };
        Self {
            connection,
            unpacker,
            messages: MessageReader::default(),
            sql: format!("{select}WHERE e.seq = ?1"),
        }
    }

    fn fetch(&mut self, seq: i64, session: i64, id: &SessionId) -> Result<Event, Fault> {
        let mut select = self.connection.prepare_cached(&self.sql)?;
        let mut one = select.query([seq])?;
        let row = one.next()?.ok_or(Fault::Damaged("event"))?;
        let read = rows::read(row, self.connection, self.unpacker, &mut self.messages)?;
        let mut event = read.event;
        let mut kind = Ok(None);
        exported::finish(&mut event, id, |trigger| {
            kind = rows::kind(self.connection, session, trigger);
            *kind.as_ref().unwrap_or(&None)
        });
        kind?;
        Ok(event)
    }
}

/// One page of a session's events.
pub(crate) fn page(
    connection: &Connection,
    unpacker: &mut Unpacker,
    session: &Stored,
    filter: &EventFilter,
    size: PageSize,
    from: Option<Place>,
) -> Result<EventPage, Fault> {
    let id: SessionId = session.id.parse().map_err(|_| Fault::Damaged("id"))?;
    let from = from.unwrap_or(Place::first());
    let wanted = Wanted::of(connection, filter)?;
    // Bodies are read for the rows of the page alone, wherever in the order those are.
    let mut order = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, seq FROM events
         WHERE session = ?1 AND (start_us, seq) >= (?2, ?3) ORDER BY start_us, seq"
    ))?;
    let mut fetcher = Fetcher::new(connection, unpacker, filter.heads_only);
    let mut page = EventPage {
        rows: Vec::new(),
        next: None,
    };
    let mut found = order.query((session.seq, from.start, from.order))?;
    let mut index = from.index;
    while let Some(row) = found.next()? {
        if wanted.fits(row)? {
            let seq: i64 = row.get(4)?;
            if page.rows.len() == size.get() {
                let next = Place {
                    start: row.get(3)?,
                    order: seq,
                    index,
                };
                page.next = Some(next.event_cursor());
                break;
            }
            let event = fetcher.fetch(seq, session.seq, &id)?;
            page.rows.push(EventRow { event, index });
        }
        index += 1;
    }
    Ok(page)
}

/// One event of a session, whole.
pub(crate) fn one(
    connection: &Connection,
    unpacker: &mut Unpacker,
    session: &Stored,
    id: &EventId,
) -> Result<Option<Event>, Fault> {
    let seq: Option<i64> = connection
        .prepare_cached("SELECT seq FROM events WHERE session = ?1 AND id = ?2")?
        .query_row((session.seq, Ident::of(id.as_str())), |row| row.get(0))
        .optional()?;
    let Some(seq) = seq else { return Ok(None) };
    let session_id = session.id.parse().map_err(|_| Fault::Damaged("id"))?;
    let mut fetcher = Fetcher::new(connection, unpacker, false);
    fetcher.fetch(seq, session.seq, &session_id).map(Some)
}

/// Calls whose tokens wait to be counted: of a session, or of all.
pub(crate) fn uncounted(
    connection: &Connection,
    unpacker: &mut Unpacker,
    session: Option<i64>,
    most: usize,
) -> Result<Vec<FoundEvent>, Fault> {
    // The literal lets SQLite use the index of these events.
    let mut select = connection.prepare_cached(match session {
        Some(_) => "SELECT seq, session FROM events WHERE estimated = 0 AND session = ?1 LIMIT ?2",
        None => "SELECT seq, session FROM events WHERE estimated = 0 AND ?1 IS NULL LIMIT ?2",
    })?;
    let mut rows = select.query((session, most as i64))?;
    let (mut owners, mut found) = (Owners::default(), Vec::new());
    let mut fetcher = Fetcher::new(connection, unpacker, false);
    while let Some(row) = rows.next()? {
        let (seq, session) = (row.get(0)?, row.get(1)?);
        // One of a deleted session waits to go.
        if let Some((id, owner)) = owners.of(connection, session, None)? {
            found.push(FoundEvent {
                event: fetcher.fetch(seq, session, id)?,
                session: id.clone(),
                project: owner.clone(),
            });
        }
    }
    Ok(found)
}

/// Where events come from that may fit, by number.
pub(crate) trait Candidates {
    /// The next one; the numbers fall.
    fn next(&mut self) -> Result<Option<i64>, Fault>;
}

/// All events, from the newest arrival on.
struct All<'a>(rusqlite::Rows<'a>);

impl Candidates for All<'_> {
    fn next(&mut self) -> Result<Option<i64>, Fault> {
        let row = self.0.next()?;
        Ok(row.map(|row| row.get(0)).transpose()?)
    }
}

/// One page of the events of all sessions that a project sees, the newest arrival first.
pub(crate) fn found(
    connection: &Connection,
    unpacker: &mut Unpacker,
    project: Option<&ProjectId>,
    filter: &EventFilter,
    size: PageSize,
    from: Option<Place>,
) -> Result<FoundPage, Fault> {
    // The literal lets SQLite use the index of failed events.
    let failed = if filter.failed {
        "AND status IN (1, 2)"
    } else {
        ""
    };
    let sql = format!("SELECT seq FROM events WHERE seq < ?1 {failed} ORDER BY seq DESC");
    let mut order = connection.prepare_cached(&sql)?;
    let before = from.map_or(i64::MAX, |from| from.order);
    let mut all = All(order.query([before])?);
    pick(connection, unpacker, project, filter, size, &mut all)
}

/// A page of those candidates that fit.
pub(crate) fn pick(
    connection: &Connection,
    unpacker: &mut Unpacker,
    project: Option<&ProjectId>,
    filter: &EventFilter,
    size: PageSize,
    candidates: &mut impl Candidates,
) -> Result<FoundPage, Fault> {
    let wanted = Wanted::of(connection, filter)?;
    let mut columns = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, session FROM events WHERE seq = ?1"
    ))?;
    let mut owners = Owners::default();
    let mut fetcher = Fetcher::new(connection, unpacker, filter.heads_only);
    let mut page = FoundPage {
        rows: Vec::new(),
        next: None,
    };
    let (begun, mut looked) = (Instant::now(), 0_u32);
    let mut last = i64::MAX;
    while let Some(seq) = candidates.next()? {
        looked = looked.wrapping_add(1);
        let is_late = looked.is_multiple_of(STRIDE) && begun.elapsed() > PATIENCE;
        if is_late || page.rows.len() == size.get() {
            let place = Place {
                order: last,
                ..Place::default()
            };
            page.next = Some(place.found_cursor());
            break;
        }
        last = seq;
        let mut row = columns.query([seq])?;
        let session = match row.next()? {
            Some(row) if wanted.fits(row)? => row.get(4)?,
            _ => continue,
        };
        if let Some((id, owner)) = owners.of(connection, session, project)? {
            page.rows.push(FoundEvent {
                event: fetcher.fetch(seq, session, id)?,
                session: id.clone(),
                project: owner.clone(),
            });
        }
    }
    Ok(page)
}

/// Sessions by number, as far as a project sees them.
#[derive(Default)]
struct Owners(HashMap<i64, Option<(SessionId, ProjectId)>>);

impl Owners {
    fn of(
        &mut self,
        connection: &Connection,
        session: i64,
        project: Option<&ProjectId>,
    ) -> Result<Option<&(SessionId, ProjectId)>, Fault> {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        match self.0.entry(session) {
            std::collections::hash_map::Entry::Occupied(known) => Ok(known.into_mut().as_ref()),
            std::collections::hash_map::Entry::Vacant(new) => {
                let owner: Option<(String, String)> = connection
                    .prepare_cached(
                        "SELECT s.id, p.id FROM sessions s JOIN projects p ON p.seq = s.project
                         WHERE s.seq = ?1 AND (?2 IS NULL OR p.id = ?2 OR EXISTS (
                           SELECT 1 FROM readers r JOIN projects q ON q.seq = r.project
                           WHERE r.session = s.seq AND q.id = ?2))",
                    )?
                    .query_row((session, project.map(ProjectId::as_str)), |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()?;
                let owner = match owner {
                    None => None,
                    Some((id, owner)) => Some((
                        id.parse().map_err(|_| Fault::Damaged("id"))?,
                        owner.parse().map_err(|_| Fault::Damaged("project"))?,
                    )),
                };
                Ok(new.insert(owner).as_ref())
            }
        }
    }
}
