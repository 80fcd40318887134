//! Two sessions side by side: which call of one answers to which of the other, and where they
//! part first.
//!
//! Ids and times are never compared, those of tool calls in chats neither: every run has its own. Siblings are matched in three steps
//! ([`align`]): equal calls in their order, then calls of the same name in what lies between,
//! then equal calls that changed places. What differs in a pair is told member by member, cut to
//! what a page can show. Nothing here reads a store or a clock.

mod align;
mod differences;
mod divergence;
mod rows;
mod values;

use std::collections::HashMap;

use agentops_protocol::api::{Export, SessionSummary};
use agentops_protocol::{AgentId, Event, EventBody, Forest, Timestamp};
use agentops_store::SessionRow;

use self::align::{Pair, Siblings};
use self::differences::Budget;
pub use self::rows::{Comparison, Counts, Difference, Part, Row, Step};

/// The most events of one session that are compared.
pub const MOST_EVENTS: u64 = 50_000;

/// A session has too many events to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session of {events} events is too long to compare, {MOST_EVENTS} at most")]
pub struct TooLong {
    events: usize,
}

/// Compares two sessions.
///
/// # Errors
/// One of them has more than [`MOST_EVENTS`] events.
pub fn compare(a: &Export, b: &Export) -> Result<Comparison, TooLong> {
    let (a, b) = (Session::of(a)?, Session::of(b)?);
    let rows = Walk::new(&a, &b).rows();
    Ok(Comparison {
        first_divergence: divergence::first(&rows),
        rows_by: Counts::of(&rows),
        rows,
        a: a.summary,
        b: b.summary,
    })
}

/// One of the two, ready to be walked.
struct Session<'a> {
    summary: SessionSummary,
    start: Timestamp,
    events: Vec<&'a Event>,
    forest: Forest,
    agents: HashMap<&'a AgentId, &'a str>,
}

impl<'a> Session<'a> {
    fn of(export: &'a Export) -> Result<Self, TooLong> {
        let kinds = [&export.actions, &export.llms, &export.tools, &export.errors];
        let mut events: Vec<&Event> = kinds.into_iter().flatten().collect();
        if events.len() as u64 > MOST_EVENTS {
            return Err(TooLong {
                events: events.len(),
            });
        }
        events.sort_by_key(|event| event.init_timestamp);
        let agents = export.agents.iter();
        let named = agents.filter_map(|agent| Some((&agent.id, agent.name.as_deref()?)));
        let row = SessionRow {
            session: export.session.clone(),
            stats: export.stats.clone(),
            first_name: None,
        };
        Ok(Self {
            summary: row.into(),
            start: export.session.init_timestamp,
            forest: Forest::of(events.iter().copied()),
            events,
            agents: named.collect(),
        })
    }

    fn agent(&self, event: &Event) -> Option<&'a str> {
        self.agents.get(event.agent_id.as_ref()?).copied()
    }

    fn step(&self, at: usize) -> Step {
        let event = self.events[at];
        let (mut tokens, mut cost) = ((None, None), None);
        if let EventBody::Llm(llm) = &event.body {
            tokens = (llm.usage.prompt, llm.usage.completion);
            cost = llm.cost;
        }
        Step {
            id: event.id.clone(),
            event_type: event.kind().as_str(),
            name: event.name().map(str::to_owned),
            agent: self.agent(event).map(str::to_owned),
            status: event.status.as_str().to_owned(),
            start_us: event.init_timestamp.micros_since(self.start),
            duration_us: event.duration_micros(),
            prompt_tokens: tokens.0,
            completion_tokens: tokens.1,
            cost,
        }
    }
}

/// The way through both trees at once.
struct Walk<'a> {
    a: &'a Session<'a>,
    b: &'a Session<'a>,
    siblings: Siblings<'a>,
    budget: Budget,
    /// Pairs that have no row yet, with the row above them; the next one is the last.
    waiting: Vec<(Pair, Option<usize>)>,
    rows: Vec<Row>,
}

impl<'a> Walk<'a> {
    fn new(a: &'a Session<'a>, b: &'a Session<'a>) -> Self {
        Self {
            a,
            b,
            siblings: Siblings::new(&a.events, &b.events),
            budget: Budget::default(),
            waiting: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn rows(mut self) -> Vec<Row> {
        self.below(self.a.forest.tops(), self.b.forest.tops(), None);
        while let Some((pair, parent)) = self.waiting.pop() {
            let row = self.rows.len();
            self.row(pair, parent);
            let under = |session: &'a Session<'a>, at: Option<usize>| -> &'a [usize] {
                at.map_or(&[], |at| session.forest.under(at))
            };
            self.below(under(self.a, pair.a), under(self.b, pair.b), Some(row));
        }
        self.rows
    }

    fn below(&mut self, a: &[usize], b: &[usize], parent: Option<usize>) {
        let pairs = self.siblings.align(a, b);
        let pairs = pairs.into_iter().rev().map(|pair| (pair, parent));
        self.waiting.extend(pairs);
    }

    fn row(&mut self, pair: Pair, parent: Option<usize>) {
        let (mut differs, mut differences) = (Vec::new(), Vec::new());
        if let (Some(a), Some(b)) = (pair.a, pair.b) {
            let (left, right) = (self.a.events[a], self.b.events[b]);
            if pair.moved {
                differs.push(Part::Order);
            }
            if self.a.agent(left) != self.b.agent(right) {
                differs.push(Part::Agent);
            }
            let (parts, places) = differences::of(left, right, &mut self.budget);
            differs.extend(parts);
            differences = places;
        }
        self.rows.push(Row {
            parent,
            depth: parent.map_or(0, |parent| self.rows[parent].depth + 1),
            a: pair.a.map(|at| self.a.step(at)),
            b: pair.b.map(|at| self.b.step(at)),
            differs,
            differences,
        });
    }
}

#[cfg(test)]
mod tests;
