//! [`Query`] on SQLite.

use std::collections::HashMap;

use agentops_protocol::api::{Export, ExportedSession, Stats};
use agentops_protocol::{
    Agent, Event, EventId, EventKind, Json, ProjectId, SessionId, Timestamp, Usd,
};
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::listing::{self, find};
use super::messages::MessageReader;
use super::pack::Unpacker;
use super::stats::kind_index;
use super::store::SqliteStore;
use super::{agents, bodies, changes, events, images, overview, rows, search, sessions};
use crate::model::stats_of;
use crate::page::Place;
use crate::{
    Changes, Cursor, EventFilter, EventPage, FoundEvent, FoundPage, Image, ImageName, Overview,
    PageSize, Query, QueryError, Revision, SessionFilter, SessionPage, SessionRow, exported,
};

/// The first name of a session is looked for in so many events.
pub(crate) const FIRST_EVENTS: usize = 200;

impl From<Fault> for QueryError {
    fn from(fault: Fault) -> Self {
        Self::Storage(fault.to_string())
    }
}

impl Query for SqliteStore {
    fn sessions(
        &self,
        project: Option<&ProjectId>,
        filter: &SessionFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<SessionPage, QueryError> {
        let from = place(cursor, |cursor| Place::of_sessions(cursor, filter.order))?;
        Ok(self
            .readers
            .read(|connection, _| list(connection, project, filter, size, from))?)
    }

    fn session(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<SessionRow>, QueryError> {
        Ok(self.readers.read(|connection, unpacker| {
            let Some(stored) = find(connection, project, id)? else {
                return Ok(None);
            };
            let seq = stored.seq;
            let mut row = session_row(connection, stored)?;
            row.stats.prices.clone_from(&self.price_source);
            row.session.host_env = host_env(connection, unpacker, seq)?;
            Ok(Some(row))
        })?)
    }

    fn stats(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Stats>, QueryError> {
        Ok(self.readers.read(|connection, _| {
            let Some(stored) = find(connection, project, id)? else {
                return Ok(None);
            };
            let mut stats = stats(connection, &stored)?;
            stats.prices.clone_from(&self.price_source);
            Ok(Some(stats))
        })?)
    }

    fn export(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Export>, QueryError> {
        Ok(self.readers.read(|connection, unpacker| {
            let stored = find(connection, project, id)?;
            let Some(stored) = stored else {
                return Ok(None);
            };
            let mut export = export(connection, unpacker, stored)?;
            export.stats.prices.clone_from(&self.price_source);
            Ok(Some(export))
        })?)
    }

    fn events(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<Option<EventPage>, QueryError> {
        let from = place(cursor, Place::of_events)?;
        Ok(self.readers.read(|connection, unpacker| {
            let stored = find(connection, project, id)?;
            stored
                .map(|stored| events::page(connection, unpacker, &stored, filter, size, from))
                .transpose()
        })?)
    }

    fn event(
        &self,
        project: Option<&ProjectId>,
        session: &SessionId,
        id: &EventId,
    ) -> Result<Option<Event>, QueryError> {
        Ok(self.readers.read(
            |connection, unpacker| match find(connection, project, session)? {
                Some(stored) => events::one(connection, unpacker, &stored, id),
                None => Ok(None),
            },
        )?)
    }

    fn found(
        &self,
        project: Option<&ProjectId>,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError> {
        let from = place(cursor, Place::of_found)?;
        Ok(self.readers.read(|connection, unpacker| {
            events::found(connection, unpacker, project, filter, size, from)
        })?)
    }

    fn search(
        &self,
        project: Option<&ProjectId>,
        question: &str,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError> {
        let from = place(cursor, Place::of_found)?;
        let path = self.readers.path();
        Ok(self.readers.read(|connection, unpacker| {
            search::search(
                path,
                connection,
                unpacker,
                project,
                question,
                filter,
                (size, from),
            )
        })?)
    }

    fn overview(
        &self,
        project: Option<&ProjectId>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Overview, QueryError> {
        Ok(self
            .readers
            .read(|connection, _| overview::read(connection, project, from, to))?)
    }

    fn changes(
        &self,
        project: Option<&ProjectId>,
        after: Option<&Revision>,
    ) -> Result<Changes, QueryError> {
        Ok(self
            .readers
            .read(|connection, _| changes::read(connection, project, after))?)
    }

    fn uncounted(
        &self,
        of: Option<(&ProjectId, &SessionId)>,
        most: usize,
    ) -> Result<Vec<FoundEvent>, QueryError> {
        Ok(self.readers.read(|connection, unpacker| {
            let session = match of {
                None => None,
                Some((project, id)) => match find(connection, Some(project), id)? {
                    Some(stored) => Some(stored.seq),
                    None => return Ok(Vec::new()),
                },
            };
            events::uncounted(connection, unpacker, session, most)
        })?)
    }

    fn image(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        name: &ImageName,
    ) -> Result<Option<Image>, QueryError> {
        Ok(self
            .readers
            .read(|connection, _| match find(connection, project, id)? {
                Some(stored) => images::find(connection, stored.seq, name),
                None => Ok(None),
            })?)
    }

    fn logs(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<String>, QueryError> {
        Ok(self.readers.read(|connection, unpacker| {
            let stored = find(connection, project, id)?;
            stored
                .map(|stored| logs(connection, unpacker, stored.seq))
                .transpose()
        })?)
    }

    fn agents(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Vec<Agent>>, QueryError> {
        Ok(self.readers.read(|connection, _| {
            let stored = find(connection, project, id)?;
            stored
                .map(|stored| agents::list(connection, stored.seq))
                .transpose()
        })?)
    }
}

fn place(
    cursor: Option<&Cursor>,
    read: impl FnOnce(&Cursor) -> Option<Place>,
) -> Result<Option<Place>, QueryError> {
    cursor
        .map(|cursor| read(cursor).ok_or(QueryError::Cursor))
        .transpose()
}

fn list(
    connection: &Connection,
    project: Option<&ProjectId>,
    filter: &SessionFilter,
    size: PageSize,
    from: Option<Place>,
) -> Result<SessionPage, Fault> {
    let (found, more) = listing::page(connection, project, filter, size, from)?;
    let last = found.last().filter(|_| more).map(|(place, _)| *place);
    let rows = found
        .into_iter()
        .map(|(_, stored)| session_row(connection, stored))
        .collect::<Result<_, Fault>>()?;
    Ok(SessionPage {
        rows,
        next: last.map(|place| place.session_cursor(filter.order)),
    })
}

fn session_row(connection: &Connection, stored: sessions::Stored) -> Result<SessionRow, Fault> {
    Ok(SessionRow {
        stats: stats(connection, &stored)?,
        first_name: first_name(connection, &stored)?,
        session: exported_session(stored)?,
    })
}

fn exported_session(stored: sessions::Stored) -> Result<ExportedSession, Fault> {
    let id: SessionId = stored.id.parse().map_err(|_| Fault::Damaged("id"))?;
    let facts = stored.facts;
    Ok(ExportedSession {
        session_id: id.clone(),
        id,
        project_id: stored.project,
        init_timestamp: facts.start,
        end_timestamp: facts.end,
        end_state: facts.state,
        end_state_reason: facts.reason,
        tags: facts.tags,
        host_env: None,
        video: facts.video,
        dropped: facts.dropped,
    })
}

fn first_name(connection: &Connection, stored: &sessions::Stored) -> Result<Option<String>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT e.kind, n.text FROM
           (SELECT kind, coalesce(name, model) AS name, start_us, seq FROM events
            WHERE session = ?1 ORDER BY start_us, seq LIMIT ?2) e
           JOIN names n ON n.id = e.name ORDER BY e.start_us, e.seq",
    )?;
    let mut rows = select.query((stored.seq, FIRST_EVENTS as i64))?;
    let action = kind_index(EventKind::Action);
    let mut first = None;
    while let Some(row) = rows.next()? {
        if usize::from(row.get::<_, u8>(0)?) == action || stored.sums.kinds[action] == 0 {
            return Ok(Some(row.get(1)?));
        }
        if first.is_none() {
            first = Some(row.get(1)?);
        }
    }
    Ok(first)
}

fn stats(connection: &Connection, stored: &sessions::Stored) -> Result<Stats, Fault> {
    let sums = &stored.sums;
    let mut stats = stats_of(&stored.id, &stored.facts, sums.last);
    let [actions, llms, tools, errors] = sums.kinds.map(i64::cast_unsigned);
    stats.actions = actions;
    stats.llms = llms;
    stats.tools = tools;
    stats.errors = errors;
    stats.events = actions + llms + tools + errors;
    stats.cost = sums.known_cost();
    stats.cost_known = Usd::from_picos(sums.cost);
    stats.unpriced = sums.unpriced.cast_unsigned();
    stats.prompt_tokens = sums.prompt_tokens.cast_unsigned();
    stats.completion_tokens = sums.completion_tokens.cast_unsigned();
    stats.cached_read_tokens = sums.cached_read_tokens.cast_unsigned();
    stats.cached_write_tokens = sums.cached_write_tokens.cast_unsigned();
    stats.reasoning_tokens = sums.reasoning_tokens.cast_unsigned();
    for (name, sums) in sessions::models(connection, stored.seq)? {
        let model = stats.models.entry(name).or_default();
        model.calls = sums.calls.cast_unsigned();
        model.prompt_tokens = sums.prompt_tokens.cast_unsigned();
        model.completion_tokens = sums.completion_tokens.cast_unsigned();
        model.cost = (sums.unpriced == 0).then_some(Usd::from_picos(sums.cost));
    }
    Ok(stats)
}

fn host_env(
    connection: &Connection,
    unpacker: &mut Unpacker,
    session: i64,
) -> Result<Option<Json>, Fault> {
    let packed: Option<(Option<i64>, Vec<u8>)> = connection
        .prepare_cached("SELECT dict, body FROM host_envs WHERE session = ?1")?
        .query_row([session], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((dict, body)) = packed else {
        return Ok(None);
    };
    bodies::json(&unpacker.unpack(connection, dict, &body)?).map(Some)
}

fn logs(connection: &Connection, unpacker: &mut Unpacker, session: i64) -> Result<String, Fault> {
    let mut select =
        connection.prepare_cached("SELECT dict, body FROM logs WHERE session = ?1 ORDER BY seq")?;
    let mut rows = select.query([session])?;
    let mut text = Vec::new();
    while let Some(row) = rows.next()? {
        let body = row
            .get_ref(1)?
            .as_blob()
            .map_err(|_| Fault::Damaged("logs"))?;
        text.extend(unpacker.unpack(connection, row.get(0)?, body)?);
    }
    String::from_utf8(text).map_err(|_| Fault::Damaged("logs"))
}

fn export(
    connection: &Connection,
    unpacker: &mut Unpacker,
    stored: sessions::Stored,
) -> Result<Export, Fault> {
    let seq = stored.seq;
    let stats = stats(connection, &stored)?;
    let mut session = exported_session(stored)?;
    session.host_env = host_env(connection, unpacker, seq)?;
    let mut agents = agents::list(connection, seq)?;
    let events = all_events(connection, unpacker, seq)?;
    if events.iter().any(|event| event.agent_id.is_none()) {
        agents.push(exported::default_agent(&session.id));
    }
    let kinds: HashMap<EventId, EventKind> = events
        .iter()
        .map(|event| (event.id.clone(), event.kind()))
        .collect();
    let mut lists: [Vec<Event>; 4] = Default::default();
    for mut event in events {
        exported::finish(&mut event, &session.id, |id| kinds.get(id).copied());
        exported::spell_out(&mut event);
        lists[kind_index(event.kind())].push(event);
    }
    let [actions, llms, tools, errors] = lists;
    Ok(Export {
        session,
        actions,
        llms,
        tools,
        errors,
        agents,
        threads: agents::threads(connection, seq)?,
        stats,
    })
}

/// All events in order, as they are stored.
fn all_events(
    connection: &Connection,
    unpacker: &mut Unpacker,
    session: i64,
) -> Result<Vec<Event>, Fault> {
    let sql = format!(
        "{}WHERE e.session = ?1 ORDER BY e.start_us, e.seq",
        rows::SELECT
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut found = select.query([session])?;
    let mut messages = MessageReader::default();
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        events.push(rows::read(row, connection, unpacker, &mut messages)?.event);
    }
    Ok(events)
}
