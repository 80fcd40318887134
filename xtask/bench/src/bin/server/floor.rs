//! What SQLite alone does on this disk: the same columns and indexes, plain bodies, rows that were made before the
//! clock starts, one thread, a commit and its sync after so many rows.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::traffic::{self, Words};

/// Rows that are made ready and used over and over, with new ids.
const READY: usize = 4_000;
/// Events of one session.
const SESSION_ROWS: i64 = 1_000;

#[derive(Debug, Serialize)]
pub(crate) struct Floor {
    pub(crate) stored_before: u64,
    pub(crate) rows_a_commit: u64,
    pub(crate) rows_per_s: f64,
}

/// Rows a second with 100 and with 1,600 rows a commit, into an empty table and with `past` rows in it.
pub(crate) fn run(past: u64, time: Duration) -> anyhow::Result<Vec<Floor>> {
    let directory = tempfile::tempdir()?;
    let mut connection = Connection::open(directory.path().join("floor.db"))?;
    for (name, value) in [
        ("auto_vacuum", "INCREMENTAL"),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("wal_autocheckpoint", "65536"),
        ("cache_size", "-32000"),
    ] {
        connection.pragma_update(None, name, value)?;
    }
    connection.execute_batch(include_str!(
        "../../../../../crates/agentops-store/src/sqlite/schema/001.sql"
    ))?;
    let mut words = Words::new(99);
    let bodies: Vec<String> = (0..READY)
        .map(|_| traffic::events(&mut words, 1).split_off(340))
        .collect();
    let mut rows = Rows {
        bodies,
        next: 0,
        words,
    };
    let mut floors = Vec::new();
    let mut measure = |connection: &mut Connection, rows: &mut Rows, before, size| {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < time {
            rows.commit(connection, size)?;
            count += size;
        }
        let floor = Floor {
            stored_before: before,
            rows_a_commit: size,
            rows_per_s: count as f64 / begun.elapsed().as_secs_f64(),
        };
        println!(
            "floor: SQLite alone, {before} stored, {size} rows a commit: {:.0} rows/s",
            floor.rows_per_s
        );
        floors.push(floor);
        anyhow::Ok(())
    };
    measure(&mut connection, &mut rows, 0, 100)?;
    measure(&mut connection, &mut rows, 0, 1_600)?;
    while rows.next < past as i64 {
        rows.commit(&mut connection, 4_000)?;
    }
    measure(&mut connection, &mut rows, past, 100)?;
    measure(&mut connection, &mut rows, past, 1_600)?;
    Ok(floors)
}

struct Rows {
    bodies: Vec<String>,
    next: i64,
    words: Words,
}

impl Rows {
    fn commit(&mut self, connection: &mut Connection, count: u64) -> rusqlite::Result<()> {
        let tx = connection.transaction()?;
        {
            let mut insert = tx.prepare_cached(
                "INSERT INTO events (session, id, parent, agent, kind, name, model, start_us, end_us, status, stub,
                   prompt_tokens, completion_tokens, cached_read_tokens, cached_write_tokens, reasoning_tokens, cost,
                   cost_given, dict, body)
                 VALUES (?1, ?2, NULL, 1, 1, NULL, 2, ?3, ?3, 0, NULL, 150, 80, NULL, NULL, NULL, 1, NULL, NULL, ?4)",
            )?;
            for _ in 0..count {
                let mut id = [0; 16];
                id[..8].copy_from_slice(&self.words.next().to_le_bytes());
                id[8..].copy_from_slice(&self.words.next().to_le_bytes());
                let start =
                    1_795_384_391_000_000 + (self.words.next() % 3_600_000_000).cast_signed();
                let body = &self.bodies[self.next as usize % READY];
                insert.execute(params![
                    self.next / SESSION_ROWS,
                    id,
                    start,
                    body.as_bytes()
                ])?;
                self.next += 1;
            }
        }
        tx.commit()
    }
}
