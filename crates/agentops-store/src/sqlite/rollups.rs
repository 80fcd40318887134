//! Hourly sums by kind and name, with the latencies as a histogram, so that an overview of
//! months reads few rows. They change by (new - old) in the transaction of the events.

use std::collections::HashMap;

use agentops_protocol::{Status, Timestamp};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::stats::{Counted, kind_index};
use crate::latency::bucket;
use crate::page::is_failure;

const MICROS_PER_HOUR: i64 = 3_600_000_000;
/// The class of events that have no end.
pub(crate) const RUNNING: i64 = -1;

/// What one row of the roll-ups sums over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    project: i64,
    hour: i64,
    kind: i64,
    name: i64,
    bucket: i64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Row {
    events: i64,
    failed: i64,
    duration_us: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    cost: i64,
    unpriced: i64,
}

/// Changes of roll-ups that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Rollups {
    changed: HashMap<Key, Row>,
}

impl Rollups {
    /// Forgets what waits: the batch is rolled back.
    pub(crate) fn forget(&mut self) {
        self.changed.clear();
    }

    /// Counts an event (`sign` 1) or takes it back (-1). `name` is the id of the model's name of
    /// an LLM call and of the event's name otherwise.
    pub(crate) fn count(
        &mut self,
        project: i64,
        name: Option<i64>,
        event: &Counted,
        status: &Status,
        sign: i64,
    ) {
        let duration = event.end.map(|end| {
            let micros = end.micros_since(event.start).max(0);
            (bucket(micros.unsigned_abs()), micros)
        });
        let key = Key {
            project,
            hour: hour(event.start),
            kind: kind_index(event.kind) as i64,
            name: name.unwrap_or(0),
            bucket: duration.map_or(RUNNING, |(bucket, _)| bucket),
        };
        let row = self.changed.entry(key).or_default();
        row.events += sign;
        row.failed += sign * i64::from(is_failure(status));
        let micros = duration.map_or(0, |(_, micros)| micros);
        row.duration_us = row.duration_us.saturating_add(sign * micros);
        row.prompt_tokens += sign * event.prompt_tokens();
        row.completion_tokens += sign * event.completion_tokens();
        let cost = event.cost.unwrap_or_default().as_picos();
        row.cost = row.cost.saturating_add(sign * cost);
        row.unpriced += sign * i64::from(event.unpriced());
    }

    /// Writes what waits. A sum of hostile numbers leaves SQLite's integers and would be refused:
    /// the casts keep it at their end.
    pub(crate) fn write(&mut self, connection: &Connection) -> Result<(), Fault> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO rollups VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT DO UPDATE SET events = events + excluded.events,
               failed = failed + excluded.failed,
               duration_us = CAST(duration_us + excluded.duration_us AS INTEGER),
               prompt_tokens = CAST(prompt_tokens + excluded.prompt_tokens AS INTEGER),
               completion_tokens = CAST(completion_tokens + excluded.completion_tokens AS INTEGER),
               cost = CAST(cost + excluded.cost AS INTEGER),
               unpriced = unpriced + excluded.unpriced",
        )?;
        for (key, row) in self
            .changed
            .drain()
            .filter(|(_, row)| *row != Row::default())
        {
            upsert.execute(params![
                key.project,
                key.hour,
                key.kind,
                key.name,
                key.bucket,
                row.events,
                row.failed,
                row.duration_us,
                row.prompt_tokens,
                row.completion_tokens,
                row.cost,
                row.unpriced,
            ])?;
        }
        Ok(())
    }
}

/// The hour of a time, counted from 1970.
pub(crate) fn hour(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(MICROS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_before_1970_round_down() {
        assert_eq!(hour(Timestamp::from_micros(-1)), -1);
        assert_eq!(hour(Timestamp::from_micros(MICROS_PER_HOUR)), 1);
    }
}
