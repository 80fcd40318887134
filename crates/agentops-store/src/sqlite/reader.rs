//! [`Query`] on SQLite.

use std::collections::HashMap;

use agentops_protocol::api::{Export, ExportedSession, Stats};
use agentops_protocol::{Event, EventId, EventKind, Json, ProjectId, SessionId, Usd};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::fault::Fault;
use super::messages::MessageReader;
use super::pack::Unpacker;
use super::stats::kind_index;
use super::store::SqliteStore;
use super::{agents, bodies, rows, sessions};
use crate::model::stats_of;
use crate::page::Place;
use crate::{
    Cursor, EventFilter, EventPage, EventRow, PageSize, Query, QueryError, SessionFilter,
    SessionPage, SessionRow, exported,
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
        let from = place(cursor, Place::of_sessions)?;
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
            let stored = find(connection, project, id)?;
            stored.map(|stored| stats(connection, &stored)).transpose()
        })?)
    }

    fn export(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Export>, QueryError> {
        Ok(self.readers.read(|connection, unpacker| {
            let stored = find(connection, project, id)?;
            stored
                .map(|stored| export(connection, unpacker, stored))
                .transpose()
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
                .map(|stored| page(connection, unpacker, &stored, filter, size, from))
                .transpose()
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
}

fn place(
    cursor: Option<&Cursor>,
    read: impl FnOnce(&Cursor) -> Option<Place>,
) -> Result<Option<Place>, QueryError> {
    cursor
        .map(|cursor| read(cursor).ok_or(QueryError::Cursor))
        .transpose()
}

fn find(
    connection: &Connection,
    project: Option<&ProjectId>,
    id: &SessionId,
) -> Result<Option<sessions::Stored>, Fault> {
    let sql = format!(
        "{}WHERE s.id = ?1 AND (?2 IS NULL OR p.id = ?2)
         ORDER BY s.start_us DESC, s.seq DESC LIMIT 1",
        sessions::SELECT
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query((id.as_str(), project.map(ProjectId::as_str)))?;
    rows.next()?.map(sessions::read).transpose()
}

fn list(
    connection: &Connection,
    project: Option<&ProjectId>,
    filter: &SessionFilter,
    size: PageSize,
    from: Option<Place>,
) -> Result<SessionPage, Fault> {
    let (terms, values) = conditions(connection, project, filter, from)?;
    let sql = format!(
        "{}WHERE {terms} ORDER BY s.start_us DESC, s.seq DESC LIMIT {}",
        sessions::SELECT,
        size.get() + 1
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut found = select.query(params_from_iter(values))?;
    let mut page = SessionPage {
        rows: Vec::new(),
        next: None,
    };
    let mut last = Place::default();
    while let Some(row) = found.next()? {
        if page.rows.len() == size.get() {
            page.next = Some(last.session_cursor());
            break;
        }
        let stored = sessions::read(row)?;
        last = Place {
            start: stored.facts.start.as_micros(),
            order: stored.seq,
            index: 0,
        };
        page.rows.push(session_row(connection, stored)?);
    }
    Ok(page)
}

/// What must hold of a listed session, with the values for the question marks.
fn conditions(
    connection: &Connection,
    project: Option<&ProjectId>,
    filter: &SessionFilter,
    from: Option<Place>,
) -> Result<(String, Vec<Value>), Fault> {
    let mut terms = vec!["true"];
    let mut values: Vec<Value> = Vec::new();
    if let Some(project) = project {
        let seq: Option<i64> = connection
            .prepare_cached("SELECT seq FROM projects WHERE id = ?1")?
            .query_row([project.as_str()], |row| row.get(0))
            .optional()?;
        terms.push("s.project = ?");
        values.push(seq.unwrap_or(-1).into());
    }
    if let Some(tag) = &filter.tag {
        terms.push("EXISTS (SELECT 1 FROM json_each(s.tags) t WHERE t.value = ?)");
        values.push(tag.clone().into());
    }
    if let Some(state) = filter.end_state {
        terms.push("s.end_state = ?");
        values.push(sessions::state_number(state).into());
    }
    if let Some(start) = filter.from {
        terms.push("s.start_us >= ?");
        values.push(start.as_micros().into());
    }
    if let Some(end) = filter.to {
        terms.push("s.start_us < ?");
        values.push(end.as_micros().into());
    }
    if filter.with_errors {
        terms.push("s.errors > 0");
    }
    if let Some(place) = from {
        terms.push("(s.start_us, s.seq) < (?, ?)");
        values.extend([place.start.into(), place.order.into()]);
    }
    Ok((terms.join(" AND "), values))
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

fn page(
    connection: &Connection,
    unpacker: &mut Unpacker,
    session: &sessions::Stored,
    filter: &EventFilter,
    size: PageSize,
    from: Option<Place>,
) -> Result<EventPage, Fault> {
    let id: SessionId = session.id.parse().map_err(|_| Fault::Damaged("id"))?;
    let from = from.unwrap_or(Place::first());
    let wanted = filter.kind.map(kind_index);
    // Bodies are read for the rows of the page alone, wherever in the order those are.
    let mut order = connection.prepare_cached(
        "SELECT seq, start_us, kind FROM events
         WHERE session = ?1 AND (start_us, seq) >= (?2, ?3) ORDER BY start_us, seq",
    )?;
    let sql = format!("{}WHERE e.seq = ?1", rows::SELECT);
    let mut select = connection.prepare_cached(&sql)?;
    let mut messages = MessageReader::default();
    let mut page = EventPage {
        rows: Vec::new(),
        next: None,
    };
    let mut found = order.query((session.seq, from.start, from.order))?;
    let mut index = from.index;
    while let Some(row) = found.next()? {
        let (seq, kind): (i64, u8) = (row.get(0)?, row.get(2)?);
        if wanted.is_none_or(|wanted| wanted == usize::from(kind)) {
            if page.rows.len() == size.get() {
                let next = Place {
                    start: row.get(1)?,
                    order: seq,
                    index,
                };
                page.next = Some(next.event_cursor());
                break;
            }
            let mut one = select.query([seq])?;
            let row = one.next()?.ok_or(Fault::Damaged("event"))?;
            let mut event = rows::read(row, connection, unpacker, &mut messages)?.event;
            let mut kind = Ok(None);
            exported::finish(&mut event, &id, |trigger| {
                kind = rows::kind(connection, session.seq, trigger);
                *kind.as_ref().unwrap_or(&None)
            });
            kind?;
            page.rows.push(EventRow { event, index });
        }
        index += 1;
    }
    Ok(page)
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
    let events = events(connection, unpacker, seq)?;
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
fn events(
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
