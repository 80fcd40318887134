//! Hourly sums by kind and name, with the latencies as a histogram, so that an overview of
//! months reads few rows. They change by (new - old) in the transaction of the events.

use std::collections::HashMap;

use agentops_protocol::{Status, Timestamp};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::stats::{Counted, kind_index};
use crate::page::is_failure;

const MICROS_PER_HOUR: i64 = 3_600_000_000;
/// The class of events that have no end.
const RUNNING: i64 = -1;

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

/// The class of a latency: 0 to 3 microseconds have their own, above that four classes to each
/// doubling, so that a class is at most 25 % wide.
pub(crate) fn bucket(micros: u64) -> i64 {
    if micros < 4 {
        return micros.cast_signed();
    }
    let doublings = i64::from(micros.ilog2());
    let quarter = (micros >> (doublings - 2)) & 3;
    (doublings - 1) * 4 + quarter.cast_signed()
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

    /// Writes what waits.
    pub(crate) fn write(&mut self, connection: &Connection) -> Result<(), Fault> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO rollups VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT DO UPDATE SET events = events + excluded.events,
               failed = failed + excluded.failed, duration_us = duration_us + excluded.duration_us,
               prompt_tokens = prompt_tokens + excluded.prompt_tokens,
               completion_tokens = completion_tokens + excluded.completion_tokens,
               cost = cost + excluded.cost, unpriced = unpriced + excluded.unpriced",
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

fn hour(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(MICROS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_rise_and_are_at_most_a_quarter_wide() {
        let mut before = (0, 0_u64);
        for micros in (0..5_000).chain([u64::from(u32::MAX), 1 << 62]) {
            let class = bucket(micros);
            assert!(class >= before.0, "{micros}");
            if class != before.0 {
                before = (class, micros);
            }
            assert!(
                micros - before.1 <= before.1 / 4 || micros > 5_000,
                "{micros}"
            );
        }
    }

    #[test]
    fn hours_before_1970_round_down() {
        assert_eq!(hour(Timestamp::from_micros(-1)), -1);
        assert_eq!(hour(Timestamp::from_micros(MICROS_PER_HOUR)), 1);
    }
}
