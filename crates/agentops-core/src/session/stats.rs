//! Counts of a session, asked for.

use std::fmt;
use std::time::Duration;

use agentops_protocol::api::Stats;
use agentops_protocol::{SessionId, Usd};
use serde::Serialize;
use serde::ser::SerializeMap;

use super::Session;
use crate::client::Client;
use crate::delivery::{Fetch, Until};

/// What a session did and cost so far.
///
/// Serialises with the documented keys: `LLM calls`, `Tool calls`, `Actions`, `Errors`,
/// `Duration`, `Cost`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Analytics {
    /// LLM calls.
    pub llm_calls: u64,
    /// Tool calls.
    pub tool_calls: u64,
    /// Actions.
    pub actions: u64,
    /// Errors.
    pub errors: u64,
    /// From its start to its end, or to now while it runs.
    pub duration: Duration,
    /// Total cost; `None` when a model's price is unknown.
    pub cost: Option<Usd>,
    /// All prompt tokens.
    pub prompt_tokens: u64,
    /// All completion tokens.
    pub completion_tokens: u64,
    /// What had to be dropped, by reason.
    pub dropped: std::collections::BTreeMap<String, u64>,
}

impl Analytics {
    fn of(stats: Stats) -> Self {
        Self {
            llm_calls: stats.llms,
            tool_calls: stats.tools,
            actions: stats.actions,
            errors: stats.errors,
            duration: Duration::try_from_secs_f64(stats.duration).unwrap_or_default(),
            cost: stats.cost,
            prompt_tokens: stats.prompt_tokens,
            completion_tokens: stats.completion_tokens,
            dropped: stats.dropped,
        }
    }
}

impl Serialize for Analytics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("LLM calls", &self.llm_calls)?;
        map.serialize_entry("Tool calls", &self.tool_calls)?;
        map.serialize_entry("Actions", &self.actions)?;
        map.serialize_entry("Errors", &self.errors)?;
        map.serialize_entry("Duration", &short(self.duration))?;
        map.serialize_entry("Cost", &self.cost.map(Usd::to_six_decimals))?;
        map.serialize_entry("Prompt tokens", &self.prompt_tokens)?;
        map.serialize_entry("Completion tokens", &self.completion_tokens)?;
        map.serialize_entry("Dropped", &self.dropped)?;
        map.end()
    }
}

/// The line at the end of a session, as `Display`.
#[derive(Debug, Clone)]
pub struct StatsLine {
    duration: Duration,
    cost: Option<Usd>,
    counts: [u64; 4],
}

impl StatsLine {
    pub(crate) fn new(stats: &Stats, cost: Option<Usd>) -> Self {
        let duration = Duration::try_from_secs_f64(stats.duration).unwrap_or_default();
        let counts = [stats.llms, stats.tools, stats.actions, stats.errors];
        Self {
            duration,
            cost,
            counts,
        }
    }
}

impl fmt::Display for StatsLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [llms, tools, actions, errors] = self.counts;
        let cost = match self.cost {
            Some(cost) => format!("${}", cost.to_six_decimals()),
            None => "unknown".to_owned(),
        };
        write!(
            f,
            "Session Stats - Duration: {} | Cost: {cost} | LLMs: {llms} | Tools: {tools} | Actions: {actions} | Errors: {errors}",
            short(self.duration),
        )
    }
}

/// A duration as the Python SDK writes it: `1h 2m 3.4s`.
fn short(duration: Duration) -> String {
    let (hours, minutes) = (duration.as_secs() / 3_600, duration.as_secs() / 60 % 60);
    let seconds = duration.as_secs_f64() % 60.0;
    let mut text = String::new();
    if hours > 0 {
        text.push_str(&format!("{hours}h "));
    }
    if hours > 0 || minutes > 0 {
        text.push_str(&format!("{minutes}m "));
    }
    text + &format!("{seconds:.1}s")
}

/// Why a session's data cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(String);

impl Session {
    /// What the whole session did and cost so far, other processes' parts included. Asking
    /// changes nothing.
    ///
    /// # Errors
    /// When the session is inactive, or the server does not answer within `flush_timeout`.
    pub async fn analytics(&self) -> Result<Analytics, FetchError> {
        let stats = stats(&self.client, self.id()).await?;
        let mut analytics = Analytics::of(stats);
        if let (Some(started), None) = (self.started(), self.ended()) {
            let micros = crate::state::now().micros_since(started);
            analytics.duration = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        }
        Ok(analytics)
    }

    /// The counts of this process's part.
    pub(crate) fn own_stats(&self) -> Stats {
        let Some(state) = &self.state else {
            return Stats::default();
        };
        let facts = state.facts();
        let ended = facts.end.as_ref().map(|end| end.at.as_micros());
        facts
            .tally
            .stats(state.id.as_str(), state.started.as_micros(), ended)
    }
}

/// The counts of a session, from the server or from this machine.
pub(crate) async fn stats(client: &Client, id: &str) -> Result<Stats, FetchError> {
    let text = fetch(client, id, Fetch::Stats).await?;
    serde_json::from_str(&text)
        .map_err(|error| FetchError(format!("the server's answer is no stats object: {error}")))
}

/// Everything of a session, from the server or from this machine.
pub(crate) async fn export(client: &Client, id: &str) -> Result<serde_json::Value, FetchError> {
    let text = fetch(client, id, Fetch::Export).await?;
    serde_json::from_str(&text)
        .map_err(|error| FetchError(format!("the server's answer is no export: {error}")))
}

async fn fetch(
    client: &Client,
    id: &str,
    what: impl FnOnce(SessionId) -> Fetch,
) -> Result<String, FetchError> {
    let Some(link) = client.link() else {
        return Err(FetchError(
            "recording is off; nothing can be fetched".to_owned(),
        ));
    };
    let id: SessionId = id
        .parse()
        .map_err(|_| FetchError("there is no such session; start one first".to_owned()))?;
    // What was recorded just now is to be part of the answer.
    let limit = client.settings().flush_timeout;
    let _ = link.flush(Some(&id), Until::Delivered, limit).await;
    match link.fetch(what(id)).await {
        Some(answer) => answer.map_err(FetchError),
        None => Err(FetchError("the worker has ended".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_reads_as_documented() {
        let stats = Stats::default();
        let mut line = StatsLine::new(&stats, Some("0.0123456".parse().unwrap()));
        line.duration = Duration::from_millis(500);
        line.counts = [3, 5, 12, 5];
        assert_eq!(
            line.to_string(),
            "Session Stats - Duration: 0.5s | Cost: $0.012346 | LLMs: 3 | Tools: 5 | Actions: 12 | Errors: 5"
        );
        line.cost = Some(Usd::ZERO);
        assert!(line.to_string().contains("Cost: $0.00 |"));
        line.cost = None;
        assert!(line.to_string().contains("Cost: unknown |"));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(short(Duration::from_millis(61_200)), "1m 1.2s");
        assert_eq!(short(Duration::from_secs(3_723)), "1h 2m 3.0s");
    }
}
