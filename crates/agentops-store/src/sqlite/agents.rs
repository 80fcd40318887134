//! Agents and threads of a session.

use agentops_protocol::{Agent, Json, Thread};
use rusqlite::{Connection, params};

use super::bodies;
use super::fault::Fault;

/// Adds an agent, or changes what is told of a known one.
pub(crate) fn upsert(connection: &Connection, session: i64, agent: &Agent) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO agents (session, id, name, logs) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (session, id) DO UPDATE SET name = coalesce(excluded.name, name),
               logs = coalesce(excluded.logs, logs)",
        )?
        .execute(params![
            session,
            agent.id.as_str(),
            agent.name,
            agent.logs.as_ref().map(Json::get),
        ])?;
    Ok(())
}

/// Adds a thread, or moves a known one.
pub(crate) fn upsert_thread(
    connection: &Connection,
    session: i64,
    thread: &Thread,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO threads (session, id, agent) VALUES (?1, ?2, ?3)
             ON CONFLICT (session, id) DO UPDATE SET agent = coalesce(excluded.agent, agent)",
        )?
        .execute((
            session,
            thread.id.as_str(),
            thread.agent_id.as_ref().map(AsRef::<str>::as_ref),
        ))?;
    Ok(())
}

/// The agents of a session, in order of arrival.
pub(crate) fn list(connection: &Connection, session: i64) -> Result<Vec<Agent>, Fault> {
    let mut select = connection
        .prepare_cached("SELECT id, name, logs FROM agents WHERE session = ?1 ORDER BY seq")?;
    let mut rows = select.query([session])?;
    let mut agents = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, logs): (String, Option<String>) = (row.get(0)?, row.get(2)?);
        agents.push(Agent {
            id: id.parse().map_err(|_| Fault::Damaged("id"))?,
            name: row.get(1)?,
            logs: logs.map(|logs| bodies::json(logs.as_bytes())).transpose()?,
        });
    }
    Ok(agents)
}

/// The threads of a session, in order of arrival.
pub(crate) fn threads(connection: &Connection, session: i64) -> Result<Vec<Thread>, Fault> {
    let mut select = connection
        .prepare_cached("SELECT id, agent FROM threads WHERE session = ?1 ORDER BY seq")?;
    let mut rows = select.query([session])?;
    let mut threads = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, agent): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        let agent = agent
            .map(|id| id.parse().map_err(|_| Fault::Damaged("id")))
            .transpose()?;
        threads.push(Thread {
            id: id.parse().map_err(|_| Fault::Damaged("id"))?,
            agent_id: agent,
        });
    }
    Ok(threads)
}
