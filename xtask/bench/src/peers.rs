//! The subjects: ours, what others offer, a floor written by hand, and nothing.
//!
//! All record the same of a call: its name, when it began and ended, its arguments and what it returned. Each counts
//! what arrived at its far end, so that a subject cannot be fast by dropping.

mod bare;
#[cfg(feature = "peers")]
mod by_hand;
#[cfg(feature = "peers")]
mod fastrace;
mod floor;
#[cfg(feature = "peers")]
mod otel;
mod ours;
#[cfg(feature = "peers")]
mod sentry;
mod tracing;
#[cfg(feature = "peers")]
mod tracing_otel;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use ours::Ours;

use crate::work::What;

/// What a far end does with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exporter {
    /// Counts it.
    Instant,
    /// Takes 5 ms for every 512 calls.
    Slow,
}

impl Exporter {
    /// Takes its time for so many calls.
    pub fn take(self, calls: usize) {
        if self == Exporter::Slow {
            let batches = u32::try_from(calls.div_ceil(512)).unwrap_or(u32::MAX);
            std::thread::sleep(Duration::from_millis(5) * batches);
        }
    }
}

/// A subject that has been set up.
pub trait Running: Sync {
    /// Calls a function so many times on this thread.
    fn run(&self, what: What, calls: usize);

    /// Waits until what was recorded has arrived, as far as the subject offers to.
    fn settle(&self) {}

    /// How many calls have arrived since the beginning; `None` where nothing is recorded.
    fn arrived(&self) -> Option<u64> {
        None
    }

    /// How many calls the subject itself says are lost; `None` where it does not say.
    fn shown_as_lost(&self) -> Option<u64> {
        None
    }
}

/// A subject.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a row of a table")]
pub struct Subject {
    /// Its name in tables and on the command line.
    pub name: &'static str,
    /// Sets it up in this process, for so many calls at once.
    pub set_up: fn(Exporter, usize) -> Box<dyn Running>,
}

/// All of them, in the order of the table.
pub const SUBJECTS: &[Subject] = &[
    Subject {
        name: "bare",
        set_up: bare::set_up,
    },
    Subject {
        name: "agentops on",
        set_up: ours::set_up_on,
    },
    Subject {
        name: "agentops off",
        set_up: ours::set_up_off,
    },
    Subject {
        name: "tracing off",
        set_up: tracing::set_up_off,
    },
    Subject {
        name: "floor by hand",
        set_up: floor::set_up,
    },
    #[cfg(feature = "peers")]
    Subject {
        name: "fastrace",
        set_up: fastrace::set_up,
    },
    #[cfg(feature = "peers")]
    Subject {
        name: "otel api",
        set_up: by_hand::set_up,
    },
    #[cfg(feature = "peers")]
    Subject {
        name: "tracing + otel",
        set_up: tracing_otel::set_up,
    },
    #[cfg(feature = "peers")]
    Subject {
        name: "sentry",
        set_up: sentry::set_up,
    },
];

/// Counts what arrives at a far end.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<AtomicU64>);

impl Arrivals {
    /// So many calls have arrived.
    pub fn add(&self, calls: usize) {
        self.0.fetch_add(calls as u64, Ordering::Relaxed);
    }

    /// How many have.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
