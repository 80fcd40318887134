//! A database with a past: events are put into it by the store itself, without the network.

use std::path::Path;
use std::time::{Duration, Instant};

use agentops_protocol::{SessionId, Timestamp, accept};
use agentops_store::{Batch, Ingest as _, Mutation, Options, SqliteStore, Write};
use anyhow::ensure;

use crate::traffic::{self, Words};

/// Events of one batch.
const BATCH: u64 = 2_000;
/// Batches that wait at once.
const AHEAD: usize = 8;
/// How long the search may need to catch up.
const PATIENCE: Duration = Duration::from_secs(240);
/// Ids begin like this, and a session of 1,000 and one of 50,000 events have these.
pub(crate) const THOUSAND: &str = "a-session-of-a-thousand";
pub(crate) const FIFTY_THOUSAND: &str = "a-session-of-fifty-thousand";

/// Puts `events` into `sessions` sessions of equal size, and a few special ones beside them.
pub(crate) fn fill(
    directory: &Path,
    events: u64,
    sessions: u64,
    special: bool,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut options = Options::new(|_, usage| {
        agentops_protocol::Usd::from_picos(2_500_000).times(usage.total()?)
    });
    options.search = true;
    let store = SqliteStore::open(directory, options)?;
    let project = agentops_store::Catalog::default_project(&store)?.id;
    let mut words = Words::new(4_242);
    let mut waiting = std::collections::VecDeque::new();
    let mut put = |writes: Vec<(String, u64)>| -> anyhow::Result<()> {
        let mut batch = Batch {
            writes: Vec::new(),
            idempotency_key: None,
            cursor: None,
        };
        for (session, count) in writes {
            let session: SessionId = session.parse()?;
            let body = traffic::events(&mut words, count);
            let received = Timestamp::from_micros(1_795_384_391_000_000);
            let events = accept::create_events(body.as_bytes(), &session, received)?;
            batch.writes.push(Write {
                project: project.clone(),
                session,
                received,
                mutation: Mutation::CreateEvents(events),
            });
        }
        waiting.push_back(store.submit(batch)?);
        if waiting.len() >= AHEAD
            && let Some(first) = waiting.pop_front()
        {
            first.wait()?;
        }
        Ok(())
    };
    if special {
        put(vec![(THOUSAND.to_owned(), 1_000)])?;
        for _ in 0..25 {
            put(vec![(FIFTY_THOUSAND.to_owned(), BATCH)])?;
        }
    }
    let each = events / sessions;
    let in_batch = (BATCH / each).max(1);
    let mut session = 0;
    while session < sessions {
        let until = (session + in_batch).min(sessions);
        put((session..until)
            .map(|n| (format!("past-{n}"), each))
            .collect())?;
        session = until;
    }
    for pending in waiting {
        pending.wait()?;
    }
    let stored = begun.elapsed();
    settle(directory)?;
    drop(store);
    println!(
        "{events} events in {sessions} sessions: stored in {:.1} s, searchable after {:.1} s",
        stored.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Waits until the search knows everything.
fn settle(directory: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    let number = |file: &str, sql: &str| -> rusqlite::Result<i64> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = rusqlite::Connection::open_with_flags(directory.join(file), flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.query_row(sql, [], |row| row.get(0))
    };
    let newest = number("agentops.db", "SELECT max(seq) FROM events")?;
    while number("search.db", "SELECT done FROM state")? < newest {
        ensure!(begun.elapsed() < PATIENCE, "the search does not catch up");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// How many events a database has, and how many bytes it and its search take.
pub(crate) fn measured(directory: &Path) -> anyhow::Result<(u64, u64, u64)> {
    let connection = rusqlite::Connection::open(directory.join("agentops.db"))?;
    let events: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    let size = |name: &str| std::fs::metadata(directory.join(name)).map_or(0, |file| file.len());
    let with_log = |name: &str| size(name) + size(&format!("{name}-wal"));
    Ok((
        events.unsigned_abs(),
        with_log("agentops.db"),
        with_log("search.db"),
    ))
}
