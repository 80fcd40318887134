//! `agentops sessions compare`: two sessions side by side, and where they part.
//!
//! Both are read as exports, so that a session of a server, one of a data directory and a file
//! that was kept as a baseline can stand beside each other.

mod read;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use agentops_protocol::Usd;
use agentops_protocol::api::{Export, SessionSummary, Stats};
use agentops_server::{Comparison, MOST_EVENTS, Part, Row, Step};
use anyhow::Context as _;

use super::list::cost;
use crate::args::Compare;
use crate::backend::Backend;
use crate::exit::{Exit, Problem};
use crate::output::{Line, Out, Style};
use crate::text;

/// Columns of a name with its indentation.
const NAME: usize = 40;
/// Places that are told of a row; JSON has more.
const TOLD: usize = 4;
/// Columns of one level, and how many levels are indented.
const LEVEL: usize = 2;
const DEEPEST: usize = 12;

pub(crate) fn run(args: &Compare, out: &mut Out) -> anyhow::Result<ExitCode> {
    let mut backend = None;
    let a = session(&args.a, args, &mut backend)?;
    let b = session(&args.b, args, &mut backend)?;
    let found = agentops_server::compare(&a, &b)
        .map_err(|error| Problem::new(Exit::Failure, error.to_string()))?;
    let parts = found.first_divergence.is_some();
    let found = if args.all || args.json {
        found
    } else {
        found.changed_only()
    };
    if args.json {
        out.json(&serde_json::to_string(&found).context("cannot write the comparison")?)?;
    } else {
        print(&found, args.limit as usize, out)?;
    }
    out.flush()?;
    let exit = if args.baseline && parts {
        Exit::Failure
    } else {
        Exit::Success
    };
    Ok(exit.into())
}

/// The session of an id, or of a file. What is in files needs no server and no directory.
fn session(name: &str, args: &Compare, backend: &mut Option<Backend>) -> anyhow::Result<Export> {
    if name.contains(std::path::is_separator) || name.ends_with(".json") {
        let text = std::fs::read_to_string(Path::new(name));
        let text = text.with_context(|| format!("cannot read {name}"))?;
        return read::export(&text).with_context(|| format!("{name} is no export of a session"));
    }
    if backend.is_none() {
        *backend = Some(Backend::open(&args.source)?);
    }
    let backend = backend.as_ref().expect("it was opened above");
    let text = backend.of_session(name, |id| {
        // Asked first, so that nothing too long is read at all.
        let stats = backend.stats(id)?;
        let stats: Option<Stats> = stats.and_then(|stats| serde_json::from_str(&stats).ok());
        if let Some(events) = stats
            .map(|stats| stats.events)
            .filter(|events| *events > MOST_EVENTS)
        {
            let message = format!(
                "{name} has {events} events; sessions of at most {MOST_EVENTS} are compared"
            );
            return Err(Problem::new(Exit::Failure, message).into());
        }
        backend.export_exactly(id)
    })?;
    read::export(&text).with_context(|| format!("the export of {name} cannot be read"))
}

fn print<W: Write>(found: &Comparison, limit: usize, out: &mut Out<W>) -> anyhow::Result<()> {
    for (name, session) in [("a", &found.a), ("b", &found.b)] {
        out.line(head(name, session))?;
    }
    let counts = &found.rows_by;
    out.line(fact(
        "calls",
        format!(
            "{} the same, {} changed, {} only in a, {} only in b",
            counts.same, counts.changed, counts.only_a, counts.only_b
        ),
    ))?;
    let Some(first) = found.first_divergence else {
        return out.line(Line::new().and(Style::Good, "both did the same"));
    };
    out.line(fact("parts", at(found, first)))?;
    out.line("")?;
    let width = out.wraps_at();
    for (index, row) in found.rows.iter().take(limit).enumerate() {
        out.line(line(row, index == first, width))?;
        let told = row.differences.len().min(TOLD);
        for difference in &row.differences[..told] {
            let indent = " ".repeat(4 + indent(row));
            let value = |value: &Option<String>| {
                text::clean(value.as_deref().unwrap_or("nothing")).into_owned()
            };
            let path = text::clean(&difference.path).into_owned();
            out.line(Line::fit(
                width,
                [(Style::Faint, format!("{indent}{path}"))],
            ))?;
            out.line(Line::fit(
                width,
                [(Style::Bad, format!("{indent}- {}", value(&difference.a)))],
            ))?;
            out.line(Line::fit(
                width,
                [(Style::Good, format!("{indent}+ {}", value(&difference.b)))],
            ))?;
        }
    }
    match found.rows.len().saturating_sub(limit) {
        0 => Ok(()),
        more => out.line(format!(
            "… and {more} more; --limit {} shows all",
            found.rows.len()
        )),
    }
}

fn fact(name: &str, value: impl Into<String>) -> Line {
    Line::new()
        .and(Style::Faint, text::pad(name, 7))
        .and(Style::Plain, value)
}

fn head(name: &str, session: &SessionSummary) -> Line {
    let stats = &session.stats;
    let (duration, cost) = (text::seconds(stats.duration), cost(stats));
    let (id, state) = (&session.session_id, session.end_state.as_str());
    let tokens = format!("{}+{} tok", stats.prompt_tokens, stats.completion_tokens);
    fact(name, format!("{id}  {state}  {duration}  {cost}  {tokens}"))
}

/// Where the sessions part, in words: the calls above it, the call, and what differs.
fn at(found: &Comparison, row: usize) -> String {
    let mut names = Vec::new();
    let mut above = Some(row);
    while let Some(index) = above {
        let row = &found.rows[index];
        names.push(step(row).map_or("", label));
        above = row.parent;
    }
    names.reverse();
    // Of a deep one, the ends say most.
    let most = 6;
    if names.len() > most {
        names.splice(most / 2..names.len() - most / 2, ["…"]);
    }
    format!("at {}: {}", names.join(" › "), what(&found.rows[row]))
}

fn what(row: &Row) -> String {
    match (&row.a, &row.b) {
        (Some(_), None) => "only in a".to_owned(),
        (None, _) => "only in b".to_owned(),
        _ => {
            let words: Vec<&str> = row.differs.iter().map(|part| word(*part)).collect();
            words.join(", ")
        }
    }
}

fn word(part: Part) -> &'static str {
    match part {
        Part::Order => "order",
        Part::Agent => "agent",
        Part::Model => "model",
        Part::Arguments => "arguments",
        Part::Outcome => "outcome",
        Part::Result => "result",
        _ => "something else",
    }
}

fn step(row: &Row) -> Option<&Step> {
    row.a.as_ref().or(row.b.as_ref())
}

fn label(step: &Step) -> &str {
    step.name
        .as_deref()
        .filter(|name| !name.is_empty())
        .unwrap_or("(no name)")
}

fn indent(row: &Row) -> usize {
    row.depth.min(DEEPEST) * LEVEL
}

fn line(row: &Row, is_first: bool, width: usize) -> Line {
    let (sign, style) = match (&row.a, &row.b) {
        (Some(_), None) => ("-", Style::Bad),
        (None, _) => ("+", Style::Good),
        _ if row.is_changed() => ("~", Style::Accent),
        _ => (" ", Style::Plain),
    };
    let mark = if is_first { "►" } else { " " };
    let name = text::clean(step(row).map_or("", label)).into_owned();
    let name = format!("{}{name}", " ".repeat(indent(row)));
    let changed = if row.is_changed() {
        what(row)
    } else {
        String::new()
    };
    Line::fit(
        width,
        [
            (Style::Accent, mark.to_owned()),
            (style, format!("{sign} {}", text::pad(&name, NAME))),
            (Style::Plain, format!(" {}", times(row))),
            (style, format!("  {changed}")),
        ],
    )
}

/// What both took and cost.
fn times(row: &Row) -> String {
    let duration = |step: &Option<Step>| {
        let step = step.as_ref()?;
        let micros = i64::try_from(step.duration_us?).unwrap_or(i64::MAX);
        Some(text::duration(micros))
    };
    let paid = |step: &Option<Step>| step.as_ref()?.cost.filter(|cost| *cost != Usd::ZERO);
    let both = |a: Option<String>, b: Option<String>| match (a, b) {
        (Some(a), Some(b)) if a == b => a,
        (Some(a), Some(b)) => format!("{a} → {b}"),
        (a, b) => a.or(b).unwrap_or_default(),
    };
    let durations = both(duration(&row.a), duration(&row.b));
    let dollars = |cost: Option<Usd>| cost.map(|cost| format!("${cost}"));
    let costs = both(dollars(paid(&row.a)), dollars(paid(&row.b)));
    format!("{durations}  {costs}").trim_end().to_owned()
}
