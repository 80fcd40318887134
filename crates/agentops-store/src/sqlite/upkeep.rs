//! What is done beside the work, on a thread of its own: checkpoints, taking deleted sessions away,
//! training the dictionary, forgetting old batch ids and old changes. Reads on a connection of its
//! own and writes through the writer.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agentops_protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::checkpoint::Checkpoints;
use super::fault::Fault;
use super::pack::Unpacker;
use super::retention::{self, Retention};
use super::writer::Shared;
use super::{readers, removal};

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often it thinks of a dictionary, in looks.
const TRAIN_EVERY: u32 = 10;
/// How often it looks for what is too old or too much, in looks.
const RETAIN_EVERY: u32 = 60;
/// How often it forgets, in looks.
const FORGET_EVERY: u32 = 1_200;
/// A dictionary is trained when there are so many events.
const FIRST_TRAINING: i64 = 2_000;
/// And again when there are so many times as many.
const GROWTH: i64 = 32;
/// Bodies it is trained on, and their bytes.
const SAMPLES: i64 = 2_000;
const SAMPLE_BYTES: usize = 2 << 20;
const DICTIONARY_BYTES: usize = 48 << 10;
/// How long a batch id is known.
const REQUEST_MICROS: i64 = 7 * 24 * 3_600 * 1_000_000;
/// How many changes are kept.
const CHANGES: i64 = 200_000;

/// How many changed events wait for the search.
const UNSEARCHED: i64 = 1_000_000;

/// Wakes the thread to end it.
#[derive(Default)]
pub(crate) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Ends the thread soon.
    pub(crate) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits; `true` when the thread must end.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(stopped, time, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What the thread works with.
pub(crate) struct Upkeep {
    reader: Connection,
    checkpoints: Checkpoints,
    retention: Retention,
}

impl Upkeep {
    /// For the database at `path`.
    pub(crate) fn open(path: &Path, retention: Retention) -> Result<Self, Fault> {
        Ok(Self {
            reader: readers::open(path)?,
            checkpoints: Checkpoints::open(path)?,
            retention,
        })
    }

    /// Runs until it is stopped.
    pub(crate) fn run(&self, shared: &Arc<Shared>, stop: &Stop) {
        let mut looks = 0_u32;
        while !stop.wait(INTERVAL) {
            told("a checkpoint failed", self.checkpoints.look(&shared.queue));
            if looks.is_multiple_of(RETAIN_EVERY) {
                let retained = retain(shared, &self.reader, self.retention, now(), stop);
                told("old sessions stay", retained);
            }
            told(
                "a deleted session stays",
                take_away(shared, &self.reader, stop),
            );
            if looks % TRAIN_EVERY == TRAIN_EVERY - 1 {
                let trained = train(shared, &self.reader).map(drop);
                told("training the dictionary failed", trained);
            }
            if looks.is_multiple_of(FORGET_EVERY) {
                told("forgetting old batch ids failed", forget(shared, now()));
            }
            looks = looks.wrapping_add(1);
        }
    }
}

fn told(what: &str, done: Result<(), Fault>) {
    match done {
        // The writer has said why.
        Ok(()) | Err(Fault::Stopped) => {}
        Err(fault) => tracing::warn!(error = %fault, "{what}"),
    }
}

/// Takes sessions away that are too old or too many, until what is left is as it should be.
pub(crate) fn retain(
    shared: &Arc<Shared>,
    connection: &Connection,
    retention: Retention,
    now: Timestamp,
    stop: &Stop,
) -> Result<(), Fault> {
    if retention == Retention::default() {
        return Ok(());
    }
    // Rows first: only when they are gone does the size say what is still too much.
    while !stop.wait(Duration::ZERO) {
        take_away(shared, connection, stop)?;
        let step = move |connection: &Connection| retention.step(connection, now);
        if shared.queue.change(step)? == 0 {
            break;
        }
    }
    shared
        .queue
        .between(|connection| retention::give_back(connection))
}

/// Takes the rows of deleted sessions away, a step a transaction.
pub(crate) fn take_away(
    shared: &Arc<Shared>,
    connection: &Connection,
    stop: &Stop,
) -> Result<(), Fault> {
    if !removal::is_due(connection)? {
        return Ok(());
    }
    while !stop.wait(Duration::ZERO) && shared.queue.change(removal::take_away)? {}
    Ok(())
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Trains a dictionary on the user's own data when there is enough that is new; whether it did.
pub(crate) fn train(shared: &Arc<Shared>, connection: &Connection) -> Result<bool, Fault> {
    let rows: Option<i64> =
        connection.query_row("SELECT max(seq) FROM events", [], |row| row.get(0))?;
    let rows = rows.unwrap_or(0);
    let trained: Option<i64> = connection
        .query_row(
            "SELECT rows FROM dictionaries ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let due = trained.map_or(FIRST_TRAINING, |trained| trained.saturating_mul(GROWTH));
    if rows < due {
        return Ok(false);
    }
    let samples = samples(connection)?;
    let bytes = match zstd::dict::from_samples(&samples, DICTIONARY_BYTES) {
        Ok(bytes) => bytes,
        // Too few or too small bodies; there is nothing to gain from them.
        Err(error) => {
            tracing::debug!(%error, "no dictionary can be trained yet");
            return Ok(false);
        }
    };
    let id = shared.queue.change(move |connection| {
        connection.execute(
            "INSERT INTO dictionaries (rows, bytes) VALUES (?1, ?2)",
            (rows, bytes),
        )?;
        Ok(connection.last_insert_rowid())
    })?;
    shared.dictionary.store(id, Ordering::Release);
    tracing::debug!(dictionary.id = id, rows, "trained a dictionary");
    Ok(true)
}

/// The newest bodies, expanded.
fn samples(connection: &Connection) -> Result<Vec<Vec<u8>>, Fault> {
    let mut unpacker = Unpacker::default();
    let mut samples = Vec::new();
    let mut size = 0;
    let mut select = connection.prepare(
        "SELECT dict, body FROM events WHERE body IS NOT NULL ORDER BY seq DESC LIMIT ?1",
    )?;
    let mut rows = select.query([SAMPLES])?;
    while let Some(row) = rows.next()? {
        let body = row
            .get_ref(1)?
            .as_blob()
            .map_err(|_| Fault::Damaged("body"))?;
        let mut plain = unpacker.unpack(connection, row.get(0)?, body)?;
        plain.truncate(SAMPLE_BYTES / 16);
        size += plain.len();
        samples.push(plain);
        if size >= SAMPLE_BYTES {
            break;
        }
    }
    Ok(samples)
}

/// Forgets batch ids that no client repeats any more, and changes nobody can be behind by.
pub(crate) fn forget(shared: &Arc<Shared>, now: Timestamp) -> Result<(), Fault> {
    let before = now.as_micros().saturating_sub(REQUEST_MICROS);
    shared.queue.change(move |connection| {
        connection.execute("DELETE FROM requests WHERE at_us < ?1", [before])?;
        // Where nobody searches nobody takes from this list. A search that was left so far behind
        // may find an event by words that it had.
        connection.execute(
            "DELETE FROM unsearched WHERE n <= (SELECT max(n) FROM unsearched) - ?1",
            [UNSEARCHED],
        )?;
        connection.execute(
            "DELETE FROM changes WHERE rev <= (SELECT max(rev) FROM changes) - ?1",
            [CHANGES],
        )?;
        Ok(())
    })
}
