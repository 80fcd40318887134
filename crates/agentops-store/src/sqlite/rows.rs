//! Rows of `events`: to and from [`Event`].

use agentops_protocol::{Event, EventBody, EventId, EventKind, Status, Timestamp, Usd};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::bodies;
use super::fault::Fault;
use super::idents::{self, Ident};
use super::messages::MessageReader;
use super::pack::{Packed, Unpacker};
use super::stats::{Counted, kind_index, kind_of};
use super::told;
use crate::page;
use crate::stub::Given;

/// Beginning of a SELECT that [`read`] understands.
pub(crate) const SELECT: &str = "SELECT e.session, e.id, e.parent, a.text, e.kind, n.text, m.text,
    e.start_us, e.end_us, e.status, e.stub, e.prompt_tokens, e.completion_tokens,
    e.cached_read_tokens, e.cached_write_tokens, e.reasoning_tokens, e.cost, e.cost_given,
    e.name, e.model, e.dict, e.body, e.estimated
  FROM events e LEFT JOIN names a ON a.id = e.agent LEFT JOIN names n ON n.id = e.name
    LEFT JOIN names m ON m.id = e.model ";

/// The same without the bodies, where those are only what was recorded at length: errors say in
/// theirs what is wrong, and the word of an unknown status is in there.
pub(crate) const HEADS: &str = "SELECT e.session, e.id, e.parent, a.text, e.kind, n.text, m.text,
    e.start_us, e.end_us, e.status, e.stub, e.prompt_tokens, e.completion_tokens,
    e.cached_read_tokens, e.cached_write_tokens, e.reasoning_tokens, e.cost, e.cost_given,
    e.name, e.model, e.dict, CASE WHEN e.kind = 3 OR e.status > 5 THEN e.body END, e.estimated
  FROM events e LEFT JOIN names a ON a.id = e.agent LEFT JOIN names n ON n.id = e.name
    LEFT JOIN names m ON m.id = e.model ";

/// The status of running events, as the indexes name it.
pub(crate) const RUNNING: i64 = 4;
/// The status of interrupted events.
pub(crate) const INTERRUPTED: i64 = 5;

/// An event with what the database knows beside it.
pub(crate) struct Stored {
    /// Whole; an LLM call has its cost, given or found.
    pub(crate) event: Event,
    /// What updates told, where it is a stub.
    pub(crate) stub: Option<Given>,
    pub(crate) cost_given: bool,
    pub(crate) name: Option<i64>,
    pub(crate) model: Option<i64>,
    /// What the column of that name says.
    pub(crate) estimated: Option<i64>,
}

impl Stored {
    /// The event as clients told it: without a cost or a count that was found here.
    pub(crate) fn given_only(&self) -> Event {
        let mut event = self.event.clone();
        told::only_given(&mut event, self.cost_given, self.estimated);
        event
    }

    /// What of it is counted.
    pub(crate) fn counted(&self) -> Counted {
        counted(&self.event, self.model)
    }
}

/// What of an event is counted.
pub(crate) fn counted(event: &Event, model: Option<i64>) -> Counted {
    let (usage, cost) = match &event.body {
        EventBody::Llm(llm) => (llm.usage, llm.cost),
        _ => Default::default(),
    };
    Counted {
        kind: event.kind(),
        model,
        start: event.init_timestamp,
        end: event.end_timestamp,
        usage,
        cost,
    }
}

/// Reads a row of [`SELECT`].
pub(crate) fn read(
    row: &Row<'_>,
    connection: &Connection,
    unpacker: &mut Unpacker,
    messages: &mut MessageReader,
) -> Result<Stored, Fault> {
    let kind = kind_of(row.get(4)?).ok_or(Fault::Damaged("kind"))?;
    let id = ident(row.get_ref(1)?)?.ok_or(Fault::Damaged("id"))?;
    let mut event = Event::started(id, kind, Timestamp::from_micros(row.get(7)?));
    event.parent_id = ident(row.get_ref(2)?)?;
    let agent: Option<String> = row.get(3)?;
    event.agent_id = agent
        .map(|id| id.parse().map_err(|_| Fault::Damaged("agent")))
        .transpose()?;
    event.end_timestamp = row.get::<_, Option<i64>>(8)?.map(Timestamp::from_micros);
    event.status = status_of(row.get(9)?);
    let name: Option<String> = row.get(5)?;
    match &mut event.body {
        EventBody::Action(action) => action.action_type = name,
        EventBody::Tool(tool) => tool.name = name,
        EventBody::Error(error) => error.error_type = name,
        EventBody::Llm(llm) => {
            let tokens = |column| {
                row.get::<_, Option<i64>>(column)
                    .map(|count| count.map(i64::cast_unsigned))
            };
            llm.model = row.get(6)?;
            llm.usage.prompt = tokens(11)?;
            llm.usage.completion = tokens(12)?;
            llm.usage.cached_read = tokens(13)?;
            llm.usage.cached_write = tokens(14)?;
            llm.usage.reasoning = tokens(15)?;
            llm.cost = row.get::<_, Option<i64>>(16)?.map(Usd::from_picos);
            let estimated: Option<i64> = row.get(22)?;
            llm.tokens_estimated = estimated.is_some_and(|bits| bits & 3 != 0);
        }
    }
    if let ValueRef::Blob(body) = row.get_ref(21)? {
        let body = unpacker.unpack(connection, row.get(20)?, body)?;
        bodies::read(&body, &mut event, |pieces| {
            messages.join(connection, unpacker, pieces)
        })?;
    }
    Ok(Stored {
        event,
        stub: row.get::<_, Option<u32>>(10)?.map(Given),
        cost_given: row.get::<_, Option<bool>>(17)?.unwrap_or(false),
        name: row.get(18)?,
        model: row.get(19)?,
        estimated: row.get(22)?,
    })
}

/// The kind of an event of a session; `None` when it is not there.
pub(crate) fn kind(
    connection: &Connection,
    session: i64,
    id: &EventId,
) -> Result<Option<EventKind>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT kind FROM events WHERE session = ?1 AND id = ?2")?;
    let mut rows = select.query((session, Ident::of(id.as_str())))?;
    match rows.next()? {
        Some(row) => Ok(kind_of(row.get(0)?)),
        None => Ok(None),
    }
}

/// Notes that the search does not know an event as it is now.
pub(crate) fn note_unsearched(
    connection: &Connection,
    session: i64,
    id: &EventId,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO unsearched (event) SELECT seq FROM events WHERE session = ?1 AND id = ?2",
        )?
        .execute((session, Ident::of(id.as_str())))?;
    Ok(())
}

/// What is written of an event beside itself.
pub(crate) struct Columns<'a> {
    pub(crate) session: i64,
    pub(crate) agent: Option<i64>,
    pub(crate) name: Option<i64>,
    pub(crate) model: Option<i64>,
    pub(crate) stub: Option<Given>,
    pub(crate) cost_given: bool,
    pub(crate) body: Packed<'a>,
}

/// Adds an event; `false` when its id is there already, and nothing is changed then.
pub(crate) fn insert(
    connection: &Connection,
    event: &Event,
    columns: &Columns<'_>,
) -> Result<bool, Fault> {
    const SQL: &str = "INSERT INTO events (session, id, parent, agent, kind, name, model,
        start_us, end_us, status, stub, prompt_tokens, completion_tokens, cached_read_tokens,
        cached_write_tokens, reasoning_tokens, cost, cost_given, dict, body, estimated)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
        ?19, ?20, ?21) ON CONFLICT DO NOTHING";
    Ok(execute(connection, SQL, event, columns)? > 0)
}

/// Writes an event over the one of its id.
pub(crate) fn update(
    connection: &Connection,
    event: &Event,
    columns: &Columns<'_>,
) -> Result<(), Fault> {
    const SQL: &str = "UPDATE events SET parent = ?3, agent = ?4, kind = ?5, name = ?6, model = ?7,
        start_us = ?8, end_us = ?9, status = ?10, stub = ?11, prompt_tokens = ?12,
        completion_tokens = ?13, cached_read_tokens = ?14, cached_write_tokens = ?15,
        reasoning_tokens = ?16, cost = ?17, cost_given = ?18, dict = ?19, body = ?20,
        estimated = ?21
      WHERE session = ?1 AND id = ?2";
    execute(connection, SQL, event, columns).map(drop)
}

fn execute(
    connection: &Connection,
    sql: &str,
    event: &Event,
    columns: &Columns<'_>,
) -> Result<usize, Fault> {
    let (usage, cost) = match &event.body {
        EventBody::Llm(llm) => (llm.usage, llm.cost),
        _ => Default::default(),
    };
    let signed = |count: Option<u64>| count.map(u64::cast_signed);
    Ok(connection.prepare_cached(sql)?.execute(params![
        columns.session,
        Ident::of(event.id.as_str()),
        event.parent_id.as_ref().map(|id| Ident::of(id.as_str())),
        columns.agent,
        kind_index(event.kind()) as i64,
        columns.name,
        columns.model,
        event.init_timestamp.as_micros(),
        event.end_timestamp.map(Timestamp::as_micros),
        status_number(&event.status),
        columns.stub.map(|given| given.0),
        signed(usage.prompt),
        signed(usage.completion),
        signed(usage.cached_read),
        signed(usage.cached_write),
        signed(usage.reasoning),
        cost.map(Usd::as_picos),
        columns.cost_given.then_some(1),
        columns.body.dict,
        (!columns.body.bytes.is_empty()).then_some(columns.body.bytes),
        told::waits(event).then_some(told::WAITS),
    ])?)
}

fn ident<T: std::str::FromStr>(value: ValueRef<'_>) -> Result<Option<T>, Fault> {
    let text = idents::text_of(value)?;
    text.map(|text| text.parse().map_err(|_| Fault::Damaged("id")))
        .transpose()
}

/// Numbers of statuses; never to change. The word of an unknown one is in the body.
fn status_number(status: &Status) -> i64 {
    match status {
        Status::Ok => 0,
        Status::Error => 1,
        Status::Panicked => 2,
        Status::Cancelled => 3,
        Status::Running => RUNNING,
        Status::Interrupted => INTERRUPTED,
        _ => 6,
    }
}

/// The status of a number.
pub(crate) fn status_of(number: i64) -> Status {
    match number {
        0 => Status::Ok,
        1 => Status::Error,
        2 => Status::Panicked,
        3 => Status::Cancelled,
        RUNNING => Status::Running,
        INTERRUPTED => Status::Interrupted,
        _ => Status::Unknown(String::new()),
    }
}

/// Whether the status of a number is a failure.
pub(crate) fn is_failure(number: i64) -> bool {
    page::is_failure(&status_of(number))
}

/// Says what of an event was estimated.
pub(crate) fn set_estimated(
    connection: &Connection,
    session: i64,
    id: &EventId,
    estimated: i64,
) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE events SET estimated = ?3 WHERE session = ?1 AND id = ?2")?
        .execute((session, Ident::of(id.as_str()), estimated))?;
    Ok(())
}

/// The calls of a session whose cost no client told.
pub(crate) fn priced_here(connection: &Connection, session: i64) -> Result<Vec<EventId>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM events WHERE session = ?1 AND kind = 1 AND cost_given IS NULL",
    )?;
    let mut rows = select.query([session])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.extend(ident::<EventId>(row.get_ref(0)?)?);
    }
    Ok(ids)
}

/// Interrupts what runs in a session; whether anything did.
pub(crate) fn interrupt(connection: &Connection, session: i64) -> Result<bool, Fault> {
    // The literal lets SQLite use the index of running events.
    let sql = format!(
        "UPDATE events SET status = {} WHERE session = ?1 AND status = {}",
        INTERRUPTED, RUNNING
    );
    Ok(connection.prepare_cached(&sql)?.execute([session])? > 0)
}

/// Interrupts an event, if it runs; whether it did.
pub(crate) fn interrupt_one(
    connection: &Connection,
    session: i64,
    id: &EventId,
) -> Result<bool, Fault> {
    let sql = format!(
        "UPDATE events SET status = {} WHERE session = ?1 AND id = ?2 AND status = {}",
        INTERRUPTED, RUNNING
    );
    let mut update = connection.prepare_cached(&sql)?;
    Ok(update.execute((session, Ident::of(id.as_str())))? > 0)
}
