//! Running counts of a session: what this process recorded in it.

use std::collections::BTreeMap;
use std::fmt;

use agentops_protocol::api::{ModelStats, Stats};
use agentops_protocol::{EventKind, Usage, Usd};

/// Why something that was recorded is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// More was recorded than fits in memory before the worker took it.
    MemoryFull,
    /// The disk, or its limit, was full.
    DiskFull,
    /// One event was larger than anything that can be sent.
    TooLarge,
    /// The server refused it.
    Rejected,
    /// No session was open.
    NoSession,
    /// `before_send` said no.
    Hook,
    /// The session was sampled out.
    Sampled,
}

impl Loss {
    /// The key on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MemoryFull => "memory_full",
            Self::DiskFull => "disk_full",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::NoSession => "no_session",
            Self::Hook => "hook",
            Self::Sampled => "sampled",
        }
    }

    /// Whether it was to be kept: more than a hook, a sample or an early end left out.
    pub(crate) const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::MemoryFull | Self::DiskFull | Self::TooLarge | Self::Rejected
        )
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Counts of one session in this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    stats: Stats,
    /// Sum of known costs.
    cost: Usd,
    losses: BTreeMap<Loss, u64>,
    /// End of the last event, microseconds since 1970.
    last_us: Option<i64>,
}

/// What counts of an LLM call.
#[derive(Debug, Clone, Default)]
pub(crate) struct LlmFacts {
    pub(crate) model: Option<String>,
    pub(crate) usage: Usage,
    pub(crate) cost: Option<Usd>,
}

impl Tally {
    /// One event that ended at `end_us`.
    pub(crate) fn event(&mut self, kind: EventKind, end_us: i64) {
        self.stats.events += 1;
        match kind {
            EventKind::Action => self.stats.actions += 1,
            EventKind::Llm => self.stats.llms += 1,
            EventKind::Tool => self.stats.tools += 1,
            EventKind::Error => self.stats.errors += 1,
        }
        self.last_us = Some(self.last_us.map_or(end_us, |last| last.max(end_us)));
    }

    /// How many events there were.
    pub(crate) fn events(&self) -> u64 {
        self.stats.events
    }

    /// What one LLM call used, beside its [`Tally::event`].
    pub(crate) fn llm(&mut self, facts: &LlmFacts) {
        let usage = &facts.usage;
        self.stats.prompt_tokens += usage.prompt.unwrap_or(0);
        self.stats.completion_tokens += usage.completion.unwrap_or(0);
        self.stats.cached_read_tokens += usage.cached_read.unwrap_or(0);
        self.stats.cached_write_tokens += usage.cached_write.unwrap_or(0);
        self.stats.reasoning_tokens += usage.reasoning.unwrap_or(0);
        match facts.cost {
            Some(cost) => self.cost = self.cost + cost,
            None => self.stats.unpriced += 1,
        }
        let name = facts.model.clone().unwrap_or_default();
        let fresh = || ModelStats {
            cost: Some(Usd::ZERO),
            ..ModelStats::default()
        };
        let model = self.stats.models.entry(name).or_insert_with(fresh);
        model.calls += 1;
        model.prompt_tokens += usage.prompt.unwrap_or(0);
        model.completion_tokens += usage.completion.unwrap_or(0);
        model.cost = match (model.cost, facts.cost) {
            (Some(sum), Some(cost)) => Some(sum + cost),
            _ => None,
        };
    }

    /// `count` events are lost.
    pub(crate) fn lose(&mut self, loss: Loss, count: u64) {
        *self.losses.entry(loss).or_insert(0) += count;
    }

    /// Losses by reason.
    pub(crate) fn losses(&self) -> &BTreeMap<Loss, u64> {
        &self.losses
    }

    /// How many events are lost that were to be kept.
    pub(crate) fn failures(&self) -> u64 {
        let losses = self.losses.iter();
        losses
            .filter(|(loss, _)| loss.is_failure())
            .map(|(_, count)| count)
            .sum()
    }

    /// Losses as they go over the wire.
    pub(crate) fn dropped(&self) -> BTreeMap<String, u64> {
        self.losses
            .iter()
            .map(|(loss, count)| (loss.as_str().to_owned(), *count))
            .collect()
    }

    /// All counts of a session that began and, maybe, ended then.
    pub(crate) fn stats(&self, id: &str, started_us: i64, ended_us: Option<i64>) -> Stats {
        let mut stats = self.stats.clone();
        stats.session_id = id.to_owned();
        stats.cost = (stats.unpriced == 0).then_some(self.cost);
        stats.cost_known = self.cost;
        let until = ended_us.or(self.last_us).unwrap_or(started_us);
        stats.duration = seconds(until.saturating_sub(started_us).max(0));
        stats.status = if ended_us.is_some() {
            "ended"
        } else {
            "running"
        }
        .to_owned();
        stats.dropped = self.dropped();
        stats
    }
}

/// Microseconds as seconds.
pub(crate) fn seconds(micros: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
    let micros = micros as f64;
    micros / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_by_choice_is_no_failure() {
        let mut tally = Tally::default();
        tally.lose(Loss::Hook, 3);
        assert_eq!(tally.failures(), 0);
        tally.lose(Loss::Rejected, 1);
        assert_eq!(tally.failures(), 1);
    }

    #[test]
    fn one_call_without_a_price_leaves_the_cost_unknown_and_its_known_part_known() {
        let mut tally = Tally::default();
        tally.event(EventKind::Llm, 5);
        let priced = LlmFacts {
            model: Some("gpt-4".into()),
            usage: Usage::new(150, 80),
            cost: Some(Usd::from_picos(9_300_000_000)),
        };
        tally.llm(&priced);
        assert_eq!(
            tally.stats("s", 0, None).cost.unwrap().to_string(),
            "0.00930"
        );
        tally.event(EventKind::Llm, 3);
        tally.llm(&LlmFacts {
            model: Some("mine".into()),
            ..LlmFacts::default()
        });
        let stats = tally.stats("s", 0, None);
        assert_eq!(
            (stats.cost, stats.cost_known.to_string().as_str()),
            (None, "0.00930")
        );
        assert_eq!(
            (stats.llms, stats.unpriced, stats.prompt_tokens),
            (2, 1, 150)
        );
        assert_eq!(stats.models["mine"].cost, None);
        assert!((stats.duration - 5e-6).abs() < 1e-12, "{}", stats.duration);
    }
}
