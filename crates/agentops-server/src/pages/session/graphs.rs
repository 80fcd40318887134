//! Where the time and the money went: sums by name, the slowest calls, and a flame graph.

use std::collections::HashMap;

use agentops_protocol::{EventBody, EventKind, Usd};
use agentops_store::EventRow;
use askama::Template;

use super::Asked;
use super::head::Head;
use super::panel::is_failure;
use crate::error::ApiError;
use crate::links::segment;
use crate::pages::chart::{Bar, Flame, Frame};
use crate::pages::html::Html;
use crate::pages::shell::Shell;
use crate::pages::tree::tree;
use crate::pages::{Page, text};

/// Rows of each list.
const ROWS: usize = 20;
/// Deeper calls are part of the deepest that is drawn.
const DEEPEST: usize = 12;

#[derive(Template)]
#[template(path = "graphs.html")]
struct GraphsPage {
    shell: Shell,
    head: Head,
    groups: Vec<Group>,
    slowest: Vec<Bar>,
    cost: Option<Html>,
    time: Option<Html>,
}

/// The events of one kind, by name.
struct Group {
    title: &'static str,
    rows: Vec<NamedRow>,
}

struct NamedRow {
    bar: Bar,
    calls: String,
    mean: String,
    longest: String,
    failed: u64,
}

#[derive(Default)]
struct Sums {
    calls: u64,
    failed: u64,
    micros: u64,
    longest: u64,
    longest_id: String,
}

pub(super) fn page(asked: Asked<'_>) -> Result<Page, ApiError> {
    let rows = asked.heads()?;
    let path = &asked.head.path;
    let kinds = [
        ("Time by model", EventKind::Llm, "llms"),
        ("Time by tool", EventKind::Tool, "tools"),
        ("Time by action", EventKind::Action, "actions"),
    ];
    let groups = kinds
        .into_iter()
        .map(|(title, kind, class)| group(&rows, path, (title, kind, class)))
        .filter(|group| !group.rows.is_empty())
        .collect();
    let view = GraphsPage {
        shell: asked.shell()?,
        groups,
        slowest: slowest(&rows, path),
        cost: flame(&rows, path, Weight::Cost),
        time: flame(&rows, path, Weight::Time),
        head: asked.head,
    };
    Page::of(&view)
}

fn group(
    rows: &[EventRow],
    path: &str,
    (title, kind, class): (&'static str, EventKind, &'static str),
) -> Group {
    let mut named: HashMap<&str, Sums> = HashMap::new();
    for event in rows
        .iter()
        .map(|row| &row.event)
        .filter(|event| event.kind() == kind)
    {
        let sums = named.entry(event.name().unwrap_or("unnamed")).or_default();
        let micros = event.duration_micros().unwrap_or(0);
        sums.calls += 1;
        sums.failed += u64::from(is_failure(&event.status));
        sums.micros = sums.micros.saturating_add(micros);
        if micros >= sums.longest {
            sums.longest = micros;
            sums.longest_id = event.id.as_str().to_owned();
        }
    }
    let mut named: Vec<_> = named.into_iter().collect();
    named.sort_by(|a, b| (b.1.micros, a.0).cmp(&(a.1.micros, b.0)));
    named.truncate(ROWS);
    let most = named.first().map_or(0, |(_, sums)| sums.micros);
    let rows = named.into_iter().map(|(name, sums)| NamedRow {
        bar: Bar::new(
            name,
            text::duration(sums.micros),
            (sums.micros, most),
            class,
        )
        .link(event_path(path, &sums.longest_id)),
        calls: text::count(sums.calls),
        mean: text::duration(sums.micros / sums.calls.max(1)),
        longest: text::duration(sums.longest),
        failed: sums.failed,
    });
    Group {
        title,
        rows: rows.collect(),
    }
}

fn event_path(path: &str, id: &str) -> String {
    format!("{path}?event={}#panel", segment(id))
}

/// The calls that took longest; a call is not slow for what happens inside it, so only those of
/// models and tools count.
fn slowest(rows: &[EventRow], path: &str) -> Vec<Bar> {
    let calls = rows.iter().map(|row| &row.event);
    let mut calls: Vec<_> = calls
        .filter(|event| matches!(event.kind(), EventKind::Llm | EventKind::Tool))
        .filter_map(|event| Some((event.duration_micros()?, event)))
        .collect();
    calls.sort_by_key(|(micros, _)| std::cmp::Reverse(*micros));
    calls.truncate(ROWS / 2);
    let most = calls.first().map_or(0, |(micros, _)| *micros);
    calls
        .into_iter()
        .map(|(micros, event)| {
            let name = event.name().unwrap_or("unnamed");
            Bar::new(
                name,
                text::duration(micros),
                (micros, most),
                event.kind().as_str(),
            )
            .link(event_path(path, event.id.as_str()))
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Weight {
    Cost,
    Time,
}

/// The calls by the names above them, as wide as they weigh with what is inside them.
fn flame(rows: &[EventRow], path: &str, weight: Weight) -> Option<Html> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut known: HashMap<(Option<usize>, &str, EventKind), usize> = HashMap::new();
    let mut above: Vec<usize> = Vec::new();
    for placed in tree(rows) {
        let event = &placed.row.event;
        above.truncate(placed.depth.min(DEEPEST));
        if event.kind() == EventKind::Error {
            continue;
        }
        let parent = above.last().copied();
        let name = event.name().unwrap_or("unnamed");
        let at = *known
            .entry((parent, name, event.kind()))
            .or_insert_with(|| {
                frames.push(Frame {
                    parent,
                    depth: above.len(),
                    name: text::brief(name),
                    class: event.kind().as_str(),
                    href: event_path(path, event.id.as_str()),
                    calls: 0,
                    weight: 0,
                });
                frames.len() - 1
            });
        let micros = event.duration_micros().unwrap_or(0);
        frames[at].calls += 1;
        match (weight, &event.body) {
            (Weight::Cost, EventBody::Llm(llm)) => {
                let picos = llm.cost.map_or(0, Usd::as_picos);
                frames[at].weight += u64::try_from(picos).unwrap_or(0);
            }
            (Weight::Cost, _) => {}
            (Weight::Time, _) => {
                frames[at].weight = frames[at].weight.saturating_add(micros);
            }
        }
        if above.len() < DEEPEST {
            above.push(at);
        }
    }
    let sums_up = weight == Weight::Cost;
    let label = |weight: u64| match sums_up {
        true => text::dollars(Usd::from_picos(i64::try_from(weight).unwrap_or(i64::MAX))),
        false => text::duration(weight),
    };
    let title = if sums_up {
        "Cost by call"
    } else {
        "Time by call"
    };
    Flame { frames, sums_up }.draw(title, &label)
}
