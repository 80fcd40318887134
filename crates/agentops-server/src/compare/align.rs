//! Which of some siblings answer to which of others.
//!
//! 1. Equal calls (same kind, name and arguments) in the same order, as many as a diff finds.
//! 2. In each stretch between them, calls of the same kind and name, in the same order.
//! 3. Among those left over, equal calls that stand elsewhere. Such a pair has moved, unless both
//!    ran at the same time as a sibling: then their order was chance.
//!
//! The diff is Myers' with heuristics that keep it near linear, so that 50,000 siblings in
//! any order are no matter; it may then match fewer than it could.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use agentops_protocol::{Event, EventBody, EventKind, Timestamp};
use imara_diff::{Algorithm, Diff, Token};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::values::{chat, tree};

/// Two events that answer to each other, or one that nothing answers to, by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) a: Option<usize>,
    pub(super) b: Option<usize>,
    /// They are equal and stand in another order.
    pub(super) moved: bool,
}

/// Everything that is known of the events of both sessions before they are matched.
pub(super) struct Siblings<'a> {
    a: Side<'a>,
    b: Side<'a>,
    /// How many different names and calls there are.
    names: u32,
    calls: u32,
}

/// The events of one session, and for each a number of its name and one of its name and
/// arguments: equal numbers mean equal in both sessions.
struct Side<'a> {
    events: &'a [&'a Event],
    names: Vec<Token>,
    calls: Vec<Token>,
}

impl<'a> Siblings<'a> {
    pub(super) fn new(a: &'a [&'a Event], b: &'a [&'a Event]) -> Self {
        let mut names = Numbers::default();
        let mut calls = Numbers::default();
        let mut side = |events: &'a [&'a Event]| Side {
            events,
            names: events.iter().map(|event| names.of(name(event))).collect(),
            calls: events.iter().map(|event| calls.of(call(event))).collect(),
        };
        let (a, b) = (side(a), side(b));
        Self {
            a,
            b,
            names: names.count(),
            calls: calls.count(),
        }
    }

    /// Matches siblings, given by their places and in the order they began. Those that only one
    /// session has stand between the pairs around them, the first session's first.
    pub(super) fn align(&self, a: &[usize], b: &[usize]) -> Vec<Pair> {
        let mut matched = Matched {
            to_b: vec![None; a.len()],
            is_taken: vec![false; b.len()],
            moved: vec![false; a.len()],
        };
        let of = |tokens: &[Token], places: &[usize]| -> Vec<Token> {
            places.iter().map(|at| tokens[*at]).collect()
        };
        let calls = (of(&self.a.calls, a), of(&self.b.calls, b));
        let names = (of(&self.a.names, a), of(&self.b.names, b));
        for (before, after) in stretches(&calls.0, &calls.1, self.calls, &mut matched, (0, 0)) {
            let offset = (before.start, after.start);
            let (left, right) = (&names.0[before], &names.1[after]);
            let _ = stretches(left, right, self.names, &mut matched, offset);
        }
        self.find_moved((a, &calls.0), (b, &calls.1), &mut matched);
        matched.pairs(a, b)
    }

    fn find_moved(&self, a: (&[usize], &[Token]), b: (&[usize], &[Token]), matched: &mut Matched) {
        let mut left: HashMap<u32, VecDeque<usize>> = HashMap::new();
        for (at, call) in b.1.iter().enumerate() {
            if !matched.is_taken[at] {
                left.entry(call.0).or_default().push_back(at);
            }
        }
        if left.is_empty() {
            return;
        }
        let together = (self.a.together(a.0), self.b.together(b.0));
        for (at, call) in a.1.iter().enumerate() {
            if matched.to_b[at].is_some() {
                continue;
            }
            if let Some(other) = left.get_mut(&call.0).and_then(VecDeque::pop_front) {
                matched.take(at, other);
                matched.moved[at] = !(together.0[at] && together.1[other]);
            }
        }
    }
}

impl Side<'_> {
    /// For each of some siblings, in the order they began, whether another one ran at the same
    /// time.
    fn together(&self, places: &[usize]) -> Vec<bool> {
        let mut together = vec![false; places.len()];
        // Who of those before ends last, and when; still running: never.
        let mut latest: Option<(usize, i64)> = None;
        for (at, place) in places.iter().enumerate() {
            let event = self.events[*place];
            let start = event.init_timestamp.as_micros();
            let end = event.end_timestamp.map_or(i64::MAX, Timestamp::as_micros);
            if let Some((before, ends)) = latest.filter(|(_, ends)| start < *ends) {
                (together[before], together[at]) = (true, true);
                latest = Some(if end > ends {
                    (at, end)
                } else {
                    (before, ends)
                });
            } else {
                latest = Some((at, end));
            }
        }
        together
    }
}

/// What has been matched among some siblings, by their places among them.
struct Matched {
    to_b: Vec<Option<usize>>,
    is_taken: Vec<bool>,
    moved: Vec<bool>,
}

impl Matched {
    fn take(&mut self, a: usize, b: usize) {
        self.to_b[a] = Some(b);
        self.is_taken[b] = true;
    }

    fn pairs(&self, a: &[usize], b: &[usize]) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(a.len().max(b.len()));
        let mut next = 0;
        // Those of the second session that come before its `end`.
        let mut lone = |pairs: &mut Vec<Pair>, end: usize| {
            for at in next..end {
                if !self.is_taken[at] {
                    let b = Some(b[at]);
                    let (a, moved) = (None, false);
                    pairs.push(Pair { a, b, moved });
                }
            }
            next = next.max(end);
        };
        // A pair out of order does not lead the way: it stands where the first session has it.
        let mut led = 0;
        for (at, place) in a.iter().enumerate() {
            let to_b = self.to_b[at];
            if let Some(other) = to_b.filter(|other| *other >= led && !self.moved[at]) {
                lone(&mut pairs, other);
                led = other;
            }
            pairs.push(Pair {
                a: Some(*place),
                b: to_b.map(|other| b[other]),
                moved: self.moved[at],
            });
        }
        lone(&mut pairs, b.len());
        pairs
    }
}

/// Matches equal tokens in their order, and tells the stretches between them in which neither
/// side is empty. `offset` is where the tokens stand among the siblings.
fn stretches(
    a: &[Token],
    b: &[Token],
    count: u32,
    matched: &mut Matched,
    offset: (usize, usize),
) -> Vec<(Range<usize>, Range<usize>)> {
    let mut diff = Diff::default();
    diff.compute_with(Algorithm::Myers, a, b, count);
    let mut between = Vec::new();
    let (mut from_a, mut from_b) = (0, 0);
    let mut equal = |from_a: usize, to_a: usize, from_b: usize| {
        for (at, other) in (from_a..to_a).zip(from_b..) {
            matched.take(offset.0 + at, offset.1 + other);
        }
    };
    for hunk in diff.hunks() {
        let (before, after) = (places(&hunk.before), places(&hunk.after));
        equal(from_a, before.start, from_b);
        (from_a, from_b) = (before.end, after.end);
        if !before.is_empty() && !after.is_empty() {
            between.push((before, after));
        }
    }
    equal(from_a, a.len(), from_b);
    between
}

fn places(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Numbers for whatever has the same digest.
#[derive(Default)]
struct Numbers(HashMap<[u8; 32], u32>);

impl Numbers {
    fn of(&mut self, digest: Sha256) -> Token {
        let next = self.count();
        Token(*self.0.entry(digest.finalize().into()).or_insert(next))
    }

    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).expect("there are at most twice fifty thousand events")
    }
}

/// The kind and the name. An LLM call answers to one of another model.
fn name(event: &Event) -> Sha256 {
    let mut digest = Sha256::new();
    add(&mut digest, event.kind().as_str());
    if event.kind() != EventKind::Llm {
        add(&mut digest, event.name().unwrap_or_default());
    }
    digest
}

/// The kind, the name and what it was called with; of an error, what it says.
fn call(event: &Event) -> Sha256 {
    let mut digest = Sha256::new();
    add(&mut digest, event.kind().as_str());
    add(&mut digest, event.name().unwrap_or_default());
    // As trees, in which the order of keys and the spelling of numbers do not count.
    let mut value = |value: Option<Value>| {
        let text = value.map(|value| value.to_string());
        add(&mut digest, text.as_deref().unwrap_or_default());
    };
    value(tree(event.params.as_ref()));
    match &event.body {
        EventBody::Llm(llm) => value(chat(llm.prompt.as_ref())),
        EventBody::Error(error) => value(tree(error.details.as_ref())),
        EventBody::Action(_) | EventBody::Tool(_) => {}
    }
    digest
}

/// Adds a text with its length, so that no two lists of texts are the same bytes.
fn add(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
}
