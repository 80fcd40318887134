//! What a project did in a stretch of time, in sums.

use std::collections::BTreeMap;

use agentops_protocol::Usd;

use crate::Latencies;

/// Most rows of each list of an overview.
pub(crate) const ROWS: usize = 50;
/// Microseconds of a day.
pub(crate) const DAY: i64 = 24 * 3_600_000_000;

/// Sums over the sessions that began in a stretch of time, and over the events that began in it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Overview {
    /// Sessions that run, ended well, ended badly, and ended without saying how.
    pub sessions: SessionSums,
    /// Why sessions ended badly, the most frequent first.
    pub reasons: Vec<(String, u64)>,
    /// Sessions by tag, the most frequent first.
    pub tags: Vec<TagSums>,
    /// By day of UTC, as days since 1970-01-01; days without anything are left out.
    pub days: BTreeMap<i64, DaySums>,
    /// LLM calls by model, the most frequent first.
    pub models: Vec<NamedSums>,
    /// Tool calls by tool.
    pub tools: Vec<NamedSums>,
    /// Actions by name.
    pub actions: Vec<NamedSums>,
    /// Errors by type.
    pub errors: Vec<NamedSums>,
    /// Over all events.
    pub total: EventSums,
}

/// How sessions ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SessionSums {
    /// All of them.
    pub total: u64,
    /// Have not ended.
    pub running: u64,
    /// Ended well.
    pub success: u64,
    /// Ended badly.
    pub fail: u64,
}

/// The sessions of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TagSums {
    /// The tag.
    pub tag: String,
    /// How many have it.
    pub sessions: u64,
    /// Of them, those that ended badly.
    pub fail: u64,
    /// What is known of their cost.
    pub cost: Usd,
}

/// Sums over events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EventSums {
    /// How many.
    pub events: u64,
    /// Of them, those that ended by an error or a panic.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of completions.
    pub completion_tokens: u64,
    /// What is known of the cost.
    pub cost: Usd,
    /// LLM calls without a known price.
    pub unpriced: u64,
}

impl EventSums {
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.failed += other.failed;
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self
            .completion_tokens
            .saturating_add(other.completion_tokens);
        self.cost = self.cost + other.cost;
        self.unpriced += other.unpriced;
    }
}

/// Sums of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DaySums {
    /// Sessions that began.
    pub sessions: u64,
    /// Of them, those that ended badly.
    pub fail: u64,
    /// Error events.
    pub errors: u64,
    /// Over all events that began.
    pub sums: EventSums,
}

/// Sums of events of one name.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct NamedSums {
    /// The name; `None` for those that have none.
    pub name: Option<String>,
    /// Over them.
    pub sums: EventSums,
    /// How long they took.
    pub latencies: Latencies,
}

/// The most frequent first, and of those as many as are shown.
pub(crate) fn most(mut rows: Vec<NamedSums>) -> Vec<NamedSums> {
    rows.retain(|row| row.sums.events > 0);
    rows.sort_by(|a, b| (b.sums.events, &a.name).cmp(&(a.sums.events, &b.name)));
    rows.truncate(ROWS);
    rows
}
