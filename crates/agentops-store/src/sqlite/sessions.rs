//! Rows of `sessions` and `session_models`.

use std::collections::BTreeMap;

use agentops_protocol::{EndState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::pack::Packer;
use super::stats::{ModelSums, Sums, Tally};
use crate::facts::{Facts, HostEnv};

/// Beginning of a SELECT that [`read`] understands.
pub(crate) const SELECT: &str = "SELECT s.seq, s.id, p.id, s.start_us, s.start_given, s.end_us,
    s.recovered, s.end_state, s.reason, s.tags, s.video, s.dropped, s.has_env, s.actions, s.llms,
    s.tools, s.errors, s.prompt_tokens, s.completion_tokens, s.cached_read_tokens,
    s.cached_write_tokens, s.reasoning_tokens, s.cost, s.unpriced, s.last_us
  FROM sessions s JOIN projects p ON p.seq = s.project ";

/// A session as it is stored.
pub(crate) struct Stored {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) facts: Facts,
    pub(crate) sums: Sums,
}

/// Reads a row of [`SELECT`].
pub(crate) fn read(row: &Row<'_>) -> Result<Stored, Fault> {
    let micros = |column| {
        row.get::<_, Option<i64>>(column)
            .map(|at| at.map(Timestamp::from_micros))
    };
    let tags: String = row.get(9)?;
    let dropped: String = row.get(11)?;
    Ok(Stored {
        seq: row.get(0)?,
        id: row.get(1)?,
        project: row.get(2)?,
        facts: Facts {
            start: Timestamp::from_micros(row.get(3)?),
            start_given: row.get(4)?,
            end: micros(5)?,
            recovered: row.get(6)?,
            state: state_of(row.get(7)?),
            reason: row.get(8)?,
            tags: serde_json::from_str(&tags).map_err(|_| Fault::Damaged("tags"))?,
            video: row.get(10)?,
            dropped: serde_json::from_str::<BTreeMap<_, _>>(&dropped)
                .map_err(|_| Fault::Damaged("dropped"))?,
            host_env: if row.get(12)? {
                HostEnv::Stored
            } else {
                HostEnv::Absent
            },
        },
        sums: Sums {
            kinds: [row.get(13)?, row.get(14)?, row.get(15)?, row.get(16)?],
            prompt_tokens: row.get(17)?,
            completion_tokens: row.get(18)?,
            cached_read_tokens: row.get(19)?,
            cached_write_tokens: row.get(20)?,
            reasoning_tokens: row.get(21)?,
            cost: row.get(22)?,
            unpriced: row.get(23)?,
            last: micros(24)?,
        },
    })
}

/// The session of an id in a project.
pub(crate) fn find(
    connection: &Connection,
    project: i64,
    id: &str,
) -> Result<Option<Stored>, Fault> {
    let sql = format!("{SELECT}WHERE s.id = ?1 AND s.project = ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query((id, project))?;
    rows.next()?.map(read).transpose()
}

/// The number of a session.
pub(crate) fn seq(connection: &Connection, project: i64, id: &str) -> Result<Option<i64>, Fault> {
    Ok(connection
        .prepare_cached("SELECT seq FROM sessions WHERE id = ?1 AND project = ?2")?
        .query_row((id, project), |row| row.get(0))
        .optional()?)
}

/// Lets a project read a session; whether that is new.
pub(crate) fn share(connection: &Connection, seq: i64, project: i64) -> Result<bool, Fault> {
    let added = connection
        .prepare_cached("INSERT INTO readers VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute((project, seq))?;
    Ok(added > 0)
}

/// Adds a session.
pub(crate) fn insert(
    connection: &Connection,
    project: i64,
    id: &str,
    facts: &Facts,
) -> Result<i64, Fault> {
    Ok(connection
        .prepare_cached(
            "INSERT INTO sessions (project, id, start_us, start_given, recovered, end_state, tags,
               dropped, has_env) VALUES (?1, ?2, ?3, 0, 0, 0, '[]', '{}', 0)",
        )?
        .insert(params![project, id, facts.start.as_micros()])?)
}

/// Writes facts that changed; a new host environment goes to its own table.
pub(crate) fn save_facts(
    connection: &Connection,
    packer: &mut Packer,
    seq: i64,
    facts: &Facts,
) -> Result<(), Fault> {
    if let HostEnv::New(env) = &facts.host_env {
        let packed = packer.pack(env.get().as_bytes())?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO host_envs VALUES (?1, ?2, ?3)")?
            .execute((seq, packed.dict, packed.bytes))?;
    }
    let text = |result: serde_json::Result<String>| result.map_err(|_| Fault::Damaged("facts"));
    connection
        .prepare_cached(
            "UPDATE sessions SET start_us = ?2, start_given = ?3, end_us = ?4, recovered = ?5,
               end_state = ?6, reason = ?7, tags = ?8, video = ?9, dropped = ?10, has_env = ?11
             WHERE seq = ?1",
        )?
        .execute(params![
            seq,
            facts.start.as_micros(),
            facts.start_given,
            facts.end.map(Timestamp::as_micros),
            facts.recovered,
            state_number(facts.state),
            facts.reason,
            text(serde_json::to_string(&facts.tags))?,
            facts.video,
            text(serde_json::to_string(&facts.dropped))?,
            facts.host_env != HostEnv::Absent,
        ])?;
    Ok(())
}

/// Writes counts that changed, those of models included.
pub(crate) fn save_counts(
    connection: &Connection,
    seq: i64,
    tally: &mut Tally,
) -> Result<(), Fault> {
    refresh_last(connection, seq, tally)?;
    let sums = &tally.sums;
    let [actions, llms, tools, errors] = sums.kinds;
    connection
        .prepare_cached(
            "UPDATE sessions SET actions = ?2, llms = ?3, tools = ?4, errors = ?5,
               prompt_tokens = ?6, completion_tokens = ?7, cached_read_tokens = ?8,
               cached_write_tokens = ?9, reasoning_tokens = ?10, cost = ?11, unpriced = ?12,
               last_us = ?13 WHERE seq = ?1",
        )?
        .execute(params![
            seq,
            actions,
            llms,
            tools,
            errors,
            sums.prompt_tokens,
            sums.completion_tokens,
            sums.cached_read_tokens,
            sums.cached_write_tokens,
            sums.reasoning_tokens,
            sums.cost,
            sums.unpriced,
            sums.last.map(Timestamp::as_micros),
        ])?;
    let mut upsert = connection.prepare_cached(
        "INSERT INTO session_models VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET
           calls = calls + excluded.calls,
           prompt_tokens = CAST(prompt_tokens + excluded.prompt_tokens AS INTEGER),
           completion_tokens = CAST(completion_tokens + excluded.completion_tokens AS INTEGER),
           cost = CAST(cost + excluded.cost AS INTEGER), unpriced = unpriced + excluded.unpriced",
    )?;
    for (model, sums) in tally
        .models
        .drain()
        .filter(|(_, sums)| *sums != ModelSums::default())
    {
        upsert.execute((
            seq,
            model,
            sums.calls,
            sums.prompt_tokens,
            sums.completion_tokens,
            sums.cost,
            sums.unpriced,
        ))?;
    }
    Ok(())
}

/// Looks up when something last happened, where the last event was moved back.
pub(crate) fn refresh_last(
    connection: &Connection,
    seq: i64,
    tally: &mut Tally,
) -> Result<(), Fault> {
    if tally.last_is_stale {
        let last: Option<i64> = connection
            .prepare_cached(
                "SELECT max(max(start_us, coalesce(end_us, start_us))) FROM events
                 WHERE session = ?1",
            )?
            .query_row([seq], |row| row.get(0))?;
        tally.sums.last = last.map(Timestamp::from_micros);
        tally.last_is_stale = false;
    }
    Ok(())
}

/// The counts by model, by name.
pub(crate) fn models(connection: &Connection, seq: i64) -> Result<Vec<(String, ModelSums)>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT n.text, m.calls, m.prompt_tokens, m.completion_tokens, m.cost, m.unpriced
         FROM session_models m JOIN names n ON n.id = m.model
         WHERE m.session = ?1 AND m.calls > 0",
    )?;
    let mut rows = select.query([seq])?;
    let mut models = Vec::new();
    while let Some(row) = rows.next()? {
        let sums = ModelSums {
            calls: row.get(1)?,
            prompt_tokens: row.get(2)?,
            completion_tokens: row.get(3)?,
            cost: row.get(4)?,
            unpriced: row.get(5)?,
        };
        models.push((row.get(0)?, sums));
    }
    Ok(models)
}

/// Numbers of end states; never to change.
pub(crate) fn state_number(state: EndState) -> i64 {
    match state {
        EndState::Indeterminate => 0,
        EndState::Success => 1,
        EndState::Failure => 2,
    }
}

fn state_of(number: i64) -> EndState {
    match number {
        1 => EndState::Success,
        2 => EndState::Failure,
        _ => EndState::Indeterminate,
    }
}
