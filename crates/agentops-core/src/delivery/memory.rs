//! Lines where there is no disk: in memory, bounded by bytes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agentops_spool::{Op, Position};
use serde_json::value::RawValue;

use super::item::{Item, Items, Mark};
use crate::tally::Loss;

/// What a line takes beside its text.
const OVERHEAD: usize = 256;

/// Lines by number, until they are taken care of.
pub(crate) struct Memory {
    limit: usize,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    waiting: BTreeMap<u64, Item>,
    bytes: usize,
    appended: u64,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            lines: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many lines were appended.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.lock().appended)
    }

    /// The place before the first line that waits.
    pub(crate) fn start(&self) -> Position {
        let lines = self.lock();
        let first = lines.waiting.keys().next().copied();
        place(first.unwrap_or(lines.appended + 1) - 1)
    }

    pub(crate) fn append(&self, op: Op, sid: &str, body: &[u8]) -> Result<(), Loss> {
        let mut lines = self.lock();
        // What becomes of a session still fits when no event does.
        let reserve = match op {
            Op::Event | Op::Open => self.limit / 16,
            _ => 0,
        };
        if lines.bytes + body.len() + OVERHEAD > self.limit - reserve {
            return Err(Loss::MemoryFull);
        }
        let text = std::str::from_utf8(body).map_err(|_| Loss::TooLarge)?;
        let body = RawValue::from_string(text.to_owned()).map_err(|_| Loss::TooLarge)?;
        lines.appended += 1;
        let n = lines.appended;
        let item = Item {
            n,
            op,
            sid: sid.to_owned(),
            body,
            at: place(n - 1),
        };
        lines.bytes += size(&item);
        lines.waiting.insert(n, item);
        Ok(())
    }

    pub(crate) fn next(&self, from: Position, most: usize, bytes: usize) -> Items {
        let lines = self.lock();
        let mut room = bytes;
        let mut items: Vec<Item> = Vec::new();
        for item in lines.waiting.range(from.offset + 1..).map(|(_, item)| item) {
            let length = item.body.get().len();
            if items.len() >= most || (length > room && !items.is_empty()) {
                break;
            }
            room = room.saturating_sub(length);
            items.push(item.clone());
        }
        let end = items.last().map_or(from, |last| place(last.n));
        Items { items, end }
    }

    /// All lines.
    pub(crate) fn all(&self) -> Vec<Item> {
        self.lock().waiting.values().cloned().collect()
    }

    pub(crate) fn forget_until(&self, end: Position) {
        let mut lines = self.lock();
        while let Some(first) = lines.waiting.first_entry()
            && *first.key() <= end.offset
        {
            let gone = size(&first.remove());
            lines.bytes = lines.bytes.saturating_sub(gone);
        }
    }

    pub(crate) fn forget(&self, n: u64) {
        let mut lines = self.lock();
        if let Some(item) = lines.waiting.remove(&n) {
            lines.bytes = lines.bytes.saturating_sub(size(&item));
        }
    }
}

fn size(item: &Item) -> usize {
    item.body.get().len() + OVERHEAD
}

/// The place behind so many lines.
fn place(lines: u64) -> Position {
    Position {
        segment: 0,
        offset: lines,
    }
}
