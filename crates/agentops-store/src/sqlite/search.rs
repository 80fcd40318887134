//! Full-text search, in a database of its own beside the other: `search.db`, derived, and made
//! anew whenever it does not belong to the events that are there. One thread fills it, a step
//! behind; nothing that is recorded waits for it.
//!
//! A document is an event, under the event's number. Its words are kept without their places: a
//! question finds the events that have all of its words, wherever.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agentops_protocol::ProjectId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::events::{self, Candidates};
use super::fault::Fault;
use super::messages::MessageReader;
use super::pack::Unpacker;
use super::writer::Shared;
use super::{readers, rows};
use crate::page::Place;
use crate::{EventFilter, FoundPage, PageSize, words};

/// The database's name in its directory.
pub(super) const FILE: &str = "search.db";
/// Events of one step.
const STEP: i64 = 1_000;
/// How often it looks whether there is something to index.
pub(super) const INTERVAL: Duration = Duration::from_millis(700);
/// How long another process that indexes is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How words are made of texts: an index of another way is made anew.
const WORDS: i64 = 2;

const TABLES: &str = "
    CREATE TABLE state (epoch TEXT NOT NULL, done INTEGER NOT NULL) STRICT;
    CREATE VIRTUAL TABLE docs USING fts5(text, content='', contentless_delete=1, detail=none);";

/// Fills the index.
pub(super) struct Indexer {
    path: PathBuf,
    index: Connection,
    reader: Connection,
    unpacker: Unpacker,
}

impl Indexer {
    /// For the database at `path`; makes the index where there is none that belongs to it.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let reader = readers::open(path)?;
        let own = path.with_file_name(FILE);
        let index = match usable(&own, &reader) {
            Ok(Some(index)) => index,
            Ok(None) | Err(_) => anew(&own, &reader)?,
        };
        Ok(Self {
            path: own,
            index,
            reader,
            unpacker: Unpacker::default(),
        })
    }

    /// Indexes a step's events; whether more wait.
    pub(super) fn step(&mut self, shared: &Arc<Shared>) -> Result<bool, Fault> {
        let tx = self
            .index
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done: i64 = tx.query_row("SELECT done FROM state", [], |row| row.get(0))?;
        let view = self.reader.unchecked_transaction()?;
        let mut writing = Writing {
            index: &tx,
            view: &view,
            unpacker: &mut self.unpacker,
        };
        let new = writing.new_events(done)?;
        let changed = writing.changed_events(done.max(new.unwrap_or(done)))?;
        view.finish()?;
        if let Some(done) = new {
            tx.execute("UPDATE state SET done = ?1", [done])?;
        }
        tx.commit()?;
        if let Some(n) = changed {
            // Told twice is harmless: this may be lost with the process.
            shared.queue.change(move |connection| {
                connection.execute("DELETE FROM unsearched WHERE n <= ?1", [n])?;
                Ok(())
            })?;
        }
        Ok(new.is_some() || changed.is_some())
    }

    /// Begins anew, after something went wrong with the index.
    pub(super) fn begin_anew(&mut self) -> Result<(), Fault> {
        self.index = anew(&self.path, &self.reader)?;
        Ok(())
    }
}

/// The index, if it belongs to the database of `reader`.
fn usable(path: &Path, reader: &Connection) -> Result<Option<Connection>, Fault> {
    if !path.exists() {
        return Ok(None);
    }
    let index = connect(path)?;
    let words: i64 = index.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let (epoch, done): (String, i64) =
        index.query_row("SELECT epoch, done FROM state", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let newest: Option<i64> = reader
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let ours = words == WORDS && epoch == epoch_of(reader)? && done <= newest.unwrap_or(0);
    Ok(ours.then_some(index))
}

fn epoch_of(reader: &Connection) -> Result<String, Fault> {
    Ok(
        reader.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| {
            row.get(0)
        })?,
    )
}

fn anew(path: &Path, reader: &Connection) -> Result<Connection, Fault> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let mut open = std::fs::OpenOptions::new();
    open.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    open.open(path)?;
    let index = connect(path)?;
    index.execute_batch(TABLES)?;
    index.pragma_update(None, "user_version", WORDS)?;
    index.execute("INSERT INTO state VALUES (?1, 0)", [epoch_of(reader)?])?;
    Ok(index)
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let index = Connection::open(path)?;
    index.busy_timeout(PATIENCE)?;
    readers::keep_plans(&index)?;
    let _: String = index.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    // What a power cut takes is indexed again, or noticed and made anew.
    index.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(index)
}

/// One step.
struct Writing<'a> {
    index: &'a Connection,
    view: &'a Connection,
    unpacker: &'a mut Unpacker,
}

impl Writing<'_> {
    /// Events behind `done`; up to which, if there are any.
    fn new_events(&mut self, done: i64) -> Result<Option<i64>, Fault> {
        let sql = "SELECT seq FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut select = self.view.prepare_cached(sql)?;
        let found = select.query_map((done, STEP), |row| row.get::<_, i64>(0))?;
        let mut last = None;
        for seq in found {
            let seq = seq?;
            self.write(seq)?;
            last = Some(seq);
        }
        Ok(last)
    }

    /// Events that changed since; up to which entry of their list, if there are any.
    fn changed_events(&mut self, done: i64) -> Result<Option<i64>, Fault> {
        let sql = "SELECT n, event FROM unsearched ORDER BY n LIMIT ?1";
        let mut select = self.view.prepare_cached(sql)?;
        let mut found = select.query([STEP])?;
        let mut last = None;
        let mut seen = std::collections::HashSet::new();
        while let Some(row) = found.next()? {
            last = Some(row.get(0)?);
            let event: i64 = row.get(1)?;
            // One that is still to come is indexed as it will be then.
            if event <= done && seen.insert(event) {
                self.index
                    .prepare_cached("DELETE FROM docs WHERE rowid = ?1")?
                    .execute([event])?;
                self.write(event)?;
            }
        }
        Ok(last)
    }

    /// Indexes an event, if it is there.
    fn write(&mut self, seq: i64) -> Result<(), Fault> {
        let sql = format!("{}WHERE e.seq = ?1", rows::SELECT);
        let mut select = self.view.prepare_cached(&sql)?;
        let mut one = select.query([seq])?;
        let Some(row) = one.next()? else {
            return Ok(());
        };
        let mut messages = MessageReader::default();
        // A damaged event is no reason to index none behind it.
        let text = match rows::read(row, self.view, self.unpacker, &mut messages) {
            Ok(stored) => words::text_of(&stored.event),
            Err(Fault::Damaged(_)) => return Ok(()),
            Err(other) => return Err(other),
        };
        self.index
            .prepare_cached("INSERT OR REPLACE INTO docs (rowid, text) VALUES (?1, ?2)")?
            .execute((seq, text))?;
        Ok(())
    }
}

/// The numbers of events that have all words, the newest first.
struct Found {
    index: Connection,
    question: String,
    waiting: std::vec::IntoIter<i64>,
    before: i64,
    is_over: bool,
}

impl Candidates for Found {
    fn next(&mut self) -> Result<Option<i64>, Fault> {
        loop {
            if let Some(seq) = self.waiting.next() {
                self.before = seq;
                return Ok(Some(seq));
            }
            if self.is_over {
                return Ok(None);
            }
            let sql = "SELECT rowid FROM docs WHERE docs MATCH ?1 AND rowid < ?2
                ORDER BY rowid DESC LIMIT ?3";
            let mut select = self.index.prepare_cached(sql)?;
            let rows = select.query_map((&self.question, self.before, STEP), |row| row.get(0))?;
            let seqs = rows.collect::<rusqlite::Result<Vec<i64>>>()?;
            self.is_over = (seqs.len() as i64) < STEP;
            self.waiting = seqs.into_iter();
        }
    }
}

/// One page of the events that have all words of a question, the newest arrival first.
pub(super) fn search(
    path: &Path,
    connection: &Connection,
    unpacker: &mut Unpacker,
    project: Option<&ProjectId>,
    question: &str,
    filter: &EventFilter,
    (size, from): (PageSize, Option<Place>),
) -> Result<FoundPage, Fault> {
    let words = words::words(question);
    let own = path.with_file_name(FILE);
    if words.is_empty() || !own.exists() {
        return Ok(FoundPage {
            rows: Vec::new(),
            next: None,
        });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let index = Connection::open_with_flags(own, flags)?;
    index.busy_timeout(PATIENCE)?;
    readers::keep_plans(&index)?;
    // Quoted, a word is a word and no operator.
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let mut found = Found {
        index,
        question: quoted.join(" AND "),
        waiting: Vec::new().into_iter(),
        before: from.map_or(i64::MAX, |from| from.order),
        is_over: false,
    };
    events::pick(connection, unpacker, project, filter, size, &mut found)
}
