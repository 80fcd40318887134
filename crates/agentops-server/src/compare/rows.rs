//! What a comparison says, as it goes out.

use agentops_protocol::api::SessionSummary;
use agentops_protocol::{EventId, Usd};
use serde::Serialize;

/// Two sessions, row by row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The first session, with its counts.
    pub a: SessionSummary,
    /// The second.
    pub b: SessionSummary,
    /// The row where the second first does something else, in the order in which things happen:
    /// a result counts after the calls inside that led to it. `None`: they do the same.
    pub first_divergence: Option<usize>,
    /// How many rows are what.
    pub rows_by: Counts,
    /// All events, each of a tree after its parent.
    pub rows: Vec<Row>,
}

/// How many rows are what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// The same in both.
    pub same: usize,
    /// In both, and not the same.
    pub changed: usize,
    /// In the first session only.
    pub only_a: usize,
    /// In the second only.
    pub only_b: usize,
}

/// An event of one session, or two that answer to each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The row above it in the tree.
    pub parent: Option<usize>,
    /// The number of rows above it in the tree.
    pub depth: usize,
    /// What the first session did.
    pub a: Option<Step>,
    /// What the second did.
    pub b: Option<Step>,
    /// What differs, when both did it.
    pub differs: Vec<Part>,
    /// Where it differs: the first places, as long as there is room for them.
    pub differences: Vec<Difference>,
}

/// One event, without what it worked on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Its id in its session.
    pub id: EventId,
    /// Its kind, as on the wire.
    pub event_type: &'static str,
    /// What a reader knows it by.
    pub name: Option<String>,
    /// The agent that did it, by name.
    pub agent: Option<String>,
    /// How it ended.
    pub status: String,
    /// Microseconds from its session's start to its own.
    pub start_us: i64,
    /// Microseconds it took; `None` while it runs.
    pub duration_us: Option<u64>,
    /// Tokens of an LLM call's prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens of its completion.
    pub completion_tokens: Option<u64>,
    /// Its cost, where it is known.
    pub cost: Option<Usd>,
}

/// What differs in a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Part {
    /// Its place among its siblings.
    Order,
    /// The agent that did it.
    Agent,
    /// An LLM call's model.
    Model,
    /// What it was called with: arguments, the prompt.
    Arguments,
    /// How it ended.
    Outcome,
    /// What came of it: the returned value, the completion, what an error says.
    Result,
}

/// One place at which two values differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// Of what.
    pub part: Part,
    /// The member of the event and the way into it: `params/query`, `prompt/messages/3/content`.
    /// `/` and `~` in a name are `~1` and `~0`, as in a JSON pointer.
    pub path: String,
    /// The first session's value as JSON, shortened where it is long; `None`: it has none.
    pub a: Option<String>,
    /// The second's.
    pub b: Option<String>,
}

impl Comparison {
    /// Leaves only the rows that differ, and those above them.
    #[must_use]
    pub fn changed_only(mut self) -> Self {
        let mut kept: Vec<bool> = self.rows.iter().map(Row::is_changed).collect();
        for at in (0..self.rows.len()).rev() {
            if let Some(parent) = self.rows[at].parent.filter(|_| kept[at]) {
                kept[parent] = true;
            }
        }
        // What becomes of each row's place.
        let places: Vec<usize> = kept
            .iter()
            .scan(0, |next, kept| {
                Some(std::mem::replace(next, *next + usize::from(*kept)))
            })
            .collect();
        let mut kept = kept.into_iter();
        self.rows.retain(|_| kept.next().unwrap_or(false));
        for row in &mut self.rows {
            row.parent = row.parent.map(|parent| places[parent]);
        }
        self.first_divergence = self.first_divergence.map(|row| places[row]);
        self
    }
}

impl Row {
    /// Whether the two sessions are not the same here.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.a.is_none() || self.b.is_none() || !self.differs.is_empty()
    }
}

impl Counts {
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut counts = Self::default();
        for row in rows {
            let count = match (&row.a, &row.b) {
                (Some(_), None) => &mut counts.only_a,
                (None, Some(_)) => &mut counts.only_b,
                _ if row.is_changed() => &mut counts.changed,
                _ => &mut counts.same,
            };
            *count += 1;
        }
        counts
    }
}
