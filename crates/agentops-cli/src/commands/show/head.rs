//! The facts of a session, one a line. What is not known is left out.

use agentops_protocol::EventKind;
use agentops_protocol::api::Stats;

use crate::output::{Line, Style};
use crate::text::{self, counted};
use crate::view::{Event, Session};

/// Lines of a reason below its first one.
const REASON_LINES: usize = 20;

/// All facts. `events` are those at hand, of `total`.
pub(crate) fn lines(
    session: &Session,
    stats: Option<&Stats>,
    events: &[Event],
    total: usize,
) -> Vec<Line> {
    let mut lines = vec![fact("session", Style::Strong, session.id())];
    lines.extend(state(session, stats));
    let mut add = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| fact(name, Style::Plain, value)));
    };
    add(
        "started",
        session
            .init_timestamp
            .map(|at| format!("{} UTC", text::date(at))),
    );
    add("duration", duration(session, stats));
    add(
        "tags",
        session
            .tags
            .as_ref()
            .filter(|tags| !tags.is_empty())
            .map(|tags| tags.join(", ")),
    );
    add("video", session.video.clone());
    add("cost", stats.map(cost));
    add("tokens", stats.map(tokens));
    add("events", Some(counts(stats, events, total)));
    add("lost", lost(session, stats));
    lines
}

/// A line of a fact.
pub(crate) fn fact(name: &str, style: Style, value: impl Into<String>) -> Line {
    Line::new()
        .and(Style::Faint, text::pad(name, 10))
        .and(style, value)
}

/// The state and why; a reason of several lines, a traceback for one, goes on below.
fn state(session: &Session, stats: Option<&Stats>) -> Vec<Line> {
    let running = match stats {
        Some(stats) if !stats.status.is_empty() => stats.status == "running",
        _ => session.end_timestamp.is_none(),
    };
    let (style, state) = match session.end_state.as_deref() {
        Some("Success") => (Style::Good, "Success"),
        Some("Fail") => (Style::Bad, "Fail"),
        _ if running => (Style::Accent, "running"),
        Some(state) => (Style::Plain, state),
        None => (Style::Plain, "Indeterminate"),
    };
    let first = fact("state", style, state);
    let mut reason = session
        .end_state_reason
        .as_deref()
        .unwrap_or_default()
        .trim_end()
        .lines();
    let Some(why) = reason.next() else {
        return vec![first];
    };
    let mut lines = vec![first.and(Style::Plain, format!(": {why}"))];
    lines.extend(
        reason
            .by_ref()
            .take(REASON_LINES)
            .map(|line| fact("", Style::Plain, line)),
    );
    if reason.next().is_some() {
        lines.push(fact("", Style::Faint, "…"));
    }
    lines
}

fn duration(session: &Session, stats: Option<&Stats>) -> Option<String> {
    match (session.init_timestamp, session.end_timestamp, stats) {
        (Some(start), Some(end), _) => Some(text::duration(end.micros_since(start))),
        (_, _, Some(stats)) => Some(text::seconds(stats.duration)),
        _ => None,
    }
}

/// What it cost, as far as that is known.
pub(crate) fn cost(stats: &Stats) -> String {
    match stats.cost {
        Some(cost) => format!("${cost}"),
        None => {
            let calls = counted(stats.unpriced, "LLM call");
            format!(
                "not known: ${} and {calls} without a known price",
                stats.cost_known
            )
        }
    }
}

/// Its tokens.
pub(crate) fn tokens(stats: &Stats) -> String {
    format!(
        "{} prompt, {} completion",
        stats.prompt_tokens, stats.completion_tokens
    )
}

/// How many events of each kind: all of them where they are counted, else those at hand.
pub(crate) fn counts(stats: Option<&Stats>, events: &[Event], total: usize) -> String {
    let at_hand = |kind| events.iter().filter(|event| event.kind == kind).count() as u64;
    let stats = stats.filter(|_| total > events.len());
    let all = |of: fn(&Stats) -> u64, kind| stats.map_or_else(|| at_hand(kind), of);
    let by_kind = [
        (all(|stats| stats.actions, EventKind::Action), "action"),
        (all(|stats| stats.llms, EventKind::Llm), "LLM call"),
        (all(|stats| stats.tools, EventKind::Tool), "tool call"),
        (all(|stats| stats.errors, EventKind::Error), "error"),
    ];
    let by_kind: Vec<String> = by_kind
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    match by_kind.is_empty() {
        true => "none".to_owned(),
        false => format!("{total}: {}", by_kind.join(", ")),
    }
}

/// What the client dropped, by reason.
fn lost(session: &Session, stats: Option<&Stats>) -> Option<String> {
    let dropped = session
        .dropped
        .as_ref()
        .filter(|dropped| !dropped.is_empty());
    let dropped = dropped.or(stats.map(|stats| &stats.dropped))?;
    let losses: Vec<String> = dropped
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    (!losses.is_empty()).then(|| losses.join(", "))
}
