//! Counts of a session. They change by (new - old) in the transaction of the events, and always
//! equal what counting the events anew gives.

use std::collections::HashMap;

use agentops_protocol::{EventKind, Timestamp, Usage, Usd};

/// An event counts at most so many tokens, the most that a request can say. A thousand events of
/// hostile numbers make a sum wrap, which is nonsense as they are, but never a panic.
const MOST_TOKENS: u64 = 1 << 53;

/// What of an event is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Counted {
    pub(crate) kind: EventKind,
    /// Of an LLM call: the id of the model's name, if it has one.
    pub(crate) model: Option<i64>,
    pub(crate) start: Timestamp,
    pub(crate) end: Option<Timestamp>,
    pub(crate) usage: Usage,
    pub(crate) cost: Option<Usd>,
}

impl Counted {
    /// When something of it last happened.
    pub(crate) fn last(&self) -> Timestamp {
        self.end.map_or(self.start, |end| end.max(self.start))
    }

    pub(crate) fn unpriced(&self) -> bool {
        self.kind == EventKind::Llm && self.cost.is_none()
    }

    pub(crate) fn prompt_tokens(&self) -> i64 {
        tokens(self.usage.prompt)
    }

    pub(crate) fn completion_tokens(&self) -> i64 {
        tokens(self.usage.completion)
    }
}

fn tokens(count: Option<u64>) -> i64 {
    count.unwrap_or(0).min(MOST_TOKENS).cast_signed()
}

/// Sums over LLM calls of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ModelSums {
    pub(crate) calls: i64,
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    pub(crate) cost: i64,
    pub(crate) unpriced: i64,
}

/// Sums over all events of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    /// Events by kind, in the order of [`EventKind::ALL`].
    pub(crate) kinds: [i64; 4],
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    pub(crate) cached_read_tokens: i64,
    pub(crate) cached_write_tokens: i64,
    pub(crate) reasoning_tokens: i64,
    /// Picodollars.
    pub(crate) cost: i64,
    pub(crate) unpriced: i64,
    /// When something last happened.
    pub(crate) last: Option<Timestamp>,
}

impl Sums {
    /// The cost; `None` when a call has no known price.
    pub(crate) fn known_cost(&self) -> Option<Usd> {
        (self.unpriced == 0).then_some(Usd::from_picos(self.cost))
    }
}

/// The counts of a session while a batch changes them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sums: Sums,
    /// What changed by model since the batch began.
    pub(crate) models: HashMap<i64, ModelSums>,
    /// Whether `sums.last` must be looked up: the event that happened last was moved back.
    pub(crate) last_is_stale: bool,
}

impl Tally {
    /// Counts `new` instead of `old`.
    pub(crate) fn replace(&mut self, old: Option<&Counted>, new: &Counted) {
        if let Some(old) = old {
            self.count(old, -1);
        }
        self.count(new, 1);
        if Some(new.last()) >= self.sums.last {
            self.sums.last = Some(new.last());
            self.last_is_stale = false;
        } else if old.is_some_and(|old| Some(old.last()) == self.sums.last) {
            self.last_is_stale = true;
        }
    }

    fn count(&mut self, event: &Counted, sign: i64) {
        let sums = &mut self.sums;
        add(&mut sums.kinds[kind_index(event.kind)], sign);
        if event.kind != EventKind::Llm {
            return;
        }
        add(&mut sums.prompt_tokens, sign * event.prompt_tokens());
        add(
            &mut sums.completion_tokens,
            sign * event.completion_tokens(),
        );
        add(
            &mut sums.cached_read_tokens,
            sign * tokens(event.usage.cached_read),
        );
        add(
            &mut sums.cached_write_tokens,
            sign * tokens(event.usage.cached_write),
        );
        add(
            &mut sums.reasoning_tokens,
            sign * tokens(event.usage.reasoning),
        );
        let cost = event.cost.unwrap_or_default().as_picos();
        sums.cost = sums.cost.saturating_add(sign * cost);
        add(&mut sums.unpriced, sign * i64::from(event.unpriced()));
        if let Some(model) = event.model {
            let sums = self.models.entry(model).or_default();
            add(&mut sums.calls, sign);
            add(&mut sums.prompt_tokens, sign * event.prompt_tokens());
            add(
                &mut sums.completion_tokens,
                sign * event.completion_tokens(),
            );
            sums.cost = sums.cost.saturating_add(sign * cost);
            add(&mut sums.unpriced, sign * i64::from(event.unpriced()));
        }
    }
}

fn add(sum: &mut i64, change: i64) {
    *sum = sum.wrapping_add(change);
}

/// The number of a kind in the database; never to change.
pub(crate) fn kind_index(kind: EventKind) -> usize {
    match kind {
        EventKind::Action => 0,
        EventKind::Llm => 1,
        EventKind::Tool => 2,
        EventKind::Error => 3,
    }
}

/// The kind of a number.
pub(crate) fn kind_of(index: i64) -> Option<EventKind> {
    usize::try_from(index)
        .ok()
        .and_then(|index| EventKind::ALL.get(index).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llm(start: i64, tokens: u64, cost: Option<i64>) -> Counted {
        Counted {
            kind: EventKind::Llm,
            model: Some(7),
            start: Timestamp::from_micros(start),
            end: None,
            usage: Usage::new(tokens, 1),
            cost: cost.map(Usd::from_picos),
        }
    }

    #[test]
    fn replacing_takes_back_what_was_counted() {
        let mut tally = Tally::default();
        let (first, second) = (llm(5, 10, None), llm(3, 20, Some(0)));
        tally.replace(None, &first);
        assert_eq!((tally.sums.unpriced, tally.sums.known_cost()), (1, None));
        tally.replace(Some(&first), &second);
        assert_eq!(tally.sums.prompt_tokens, 20);
        assert_eq!(
            tally.sums.known_cost(),
            Some(Usd::ZERO),
            "a given 0 is a cost"
        );
        assert_eq!(tally.models[&7].calls, 1);
        assert!(tally.last_is_stale, "the last event moved back");
        tally.replace(None, &llm(9, u64::MAX, None));
        assert!(!tally.last_is_stale);
        assert_eq!(tally.sums.prompt_tokens, 20 + (1 << 53));
    }

    #[test]
    fn kinds_and_their_numbers_agree() {
        for kind in EventKind::ALL {
            assert_eq!(kind_of(kind_index(kind) as i64), Some(kind));
        }
        assert_eq!(kind_of(4), None);
    }
}
