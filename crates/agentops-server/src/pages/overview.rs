//! What a project did in a stretch of time. Every figure leads to the sessions or events behind it.

mod days;

use agentops_protocol::Timestamp;
use agentops_store::{NamedSums, Overview};
use askama::Template;
use axum::extract::State;
use http::Uri;

use self::days::{Chart, charts};
use super::chart::{Bar, Donut, Slice};
use super::events::hours;
use super::html::Html;
use super::shell::{Place, Shell};
use super::{Page, Viewer, text};
use crate::app::App;
use crate::error::ApiError;
use crate::links::{Query, segment};

const HOUR: i64 = 3_600_000_000;
/// Rows of each list.
const ROWS: usize = 10;
/// The ranges that are offered.
const RANGES: [(&str, &str); 4] = [
    ("day", "Day"),
    ("week", "Week"),
    ("month", "30 days"),
    ("quarter", "90 days"),
];

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    ranges: Vec<RangeLink>,
    is_empty: bool,
    tiles: Vec<Tile>,
    ends: Html,
    ends_legend: Vec<Slice>,
    days: Vec<Chart>,
    reasons: Vec<Bar>,
    latencies: Vec<LatencyTable>,
    costs: Vec<Bar>,
    tags: Vec<TagRow>,
    errors: Vec<Bar>,
}

struct RangeLink {
    href: String,
    label: &'static str,
    is_here: bool,
}

struct Tile {
    name: &'static str,
    value: String,
    note: String,
    href: String,
    is_bad: bool,
}

struct LatencyTable {
    title: &'static str,
    kind: &'static str,
    rows: Vec<LatencyRow>,
}

struct LatencyRow {
    name: String,
    href: String,
    calls: String,
    failed: u64,
    failed_href: String,
    p50: String,
    p95: String,
    p99: String,
    tokens: String,
}

struct TagRow {
    bar: Bar,
    fail: u64,
    cost: String,
}

/// The viewer's project in sums.
pub(crate) async fn overview(
    State(app): State<App>,
    Viewer(project): Viewer,
    uri: Uri,
) -> Result<Page, ApiError> {
    let range = Query::of(&uri).get("range").unwrap_or_default();
    let range = RANGES.iter().find(|(word, _)| *word == range);
    let (range, _) = *range.unwrap_or(&RANGES[2]);
    let to = Timestamp::from_micros(app.now().as_micros() + 1);
    let span = hours(range).unwrap_or(30 * 24) * HOUR;
    let from = Timestamp::from_micros(to.as_micros() - span);
    let read = app.read(move |store| {
        let overview = store.overview(Some(&project), from, to)?;
        let shell = Shell::of(store, &project, Place::Overview)?;
        Page::of(&view(shell, &overview, range, (from, to)))
    });
    read.await
}

fn view(
    shell: Shell,
    overview: &Overview,
    range: &'static str,
    span: (Timestamp, Timestamp),
) -> OverviewPage {
    let ends = ends(overview, range);
    let most = |rows: &[(String, u64)]| rows.first().map_or(0, |row| row.1);
    let reasons = overview.reasons.iter().take(ROWS);
    let errors = overview.errors.iter().take(ROWS);
    let most_errors = overview.errors.first().map_or(0, |row| row.sums.events);
    OverviewPage {
        shell,
        ranges: RANGES
            .into_iter()
            .map(|(word, label)| RangeLink {
                href: format!("/overview?range={word}"),
                label,
                is_here: word == range,
            })
            .collect(),
        is_empty: overview.sessions.total == 0 && overview.total.events == 0,
        tiles: tiles(overview, range),
        ends: ends.draw(),
        ends_legend: ends.slices,
        days: charts(overview, span),
        reasons: reasons
            .map(|(reason, count)| {
                let count_text = text::counted(*count, "session");
                Bar::new(
                    reason,
                    count_text,
                    (*count, most(&overview.reasons)),
                    "errors",
                )
                .link(format!(
                    "/?end_state=Fail&range={range}&text={}",
                    segment(beginning(reason))
                ))
            })
            .collect(),
        latencies: [
            ("Models", "llms", &overview.models),
            ("Tools", "tools", &overview.tools),
        ]
        .map(|(title, kind, rows)| LatencyTable {
            title,
            kind,
            rows: rows
                .iter()
                .take(ROWS)
                .map(|row| latency(row, kind, range))
                .collect(),
        })
        .into(),
        costs: costs(overview, range),
        tags: tags(overview, range),
        errors: errors
            .map(|row| {
                let name = row.name.as_deref().unwrap_or("unnamed");
                let count = row.sums.events;
                Bar::new(name, text::count(count), (count, most_errors), "errors")
                    .link(events_path("errors", row.name.as_deref(), range))
            })
            .collect(),
    }
}

/// As much of a reason as a filter takes.
fn beginning(reason: &str) -> &str {
    let end = reason
        .char_indices()
        .nth(80)
        .map_or(reason.len(), |(at, _)| at);
    &reason[..end]
}

fn events_path(kind: &str, name: Option<&str>, range: &str) -> String {
    let name = name.map(|name| format!("&name={}", segment(name)));
    // A quarter is longer than what the list of events offers.
    let range = if range == "quarter" { "" } else { range };
    format!(
        "/events?kind={kind}{}&range={range}",
        name.unwrap_or_default()
    )
}

fn tiles(overview: &Overview, range: &str) -> Vec<Tile> {
    let (sessions, total) = (&overview.sessions, &overview.total);
    let rate = (sessions.fail * 1_000)
        .checked_div(sessions.total)
        .unwrap_or(0);
    let list = |rest: &str| format!("/?range={range}{rest}");
    let tile = |name, value, note, href| Tile {
        name,
        value,
        note,
        href,
        is_bad: false,
    };
    let calls: u64 = overview.models.iter().map(|row| row.sums.events).sum();
    let errors: u64 = overview.errors.iter().map(|row| row.sums.events).sum();
    let unpriced = match total.unpriced {
        0 => String::new(),
        unpriced => format!("{} without a price", text::counted(unpriced, "call")),
    };
    vec![
        tile(
            "Sessions",
            text::count(sessions.total),
            format!("{} running", text::count(sessions.running)),
            list(""),
        ),
        Tile {
            is_bad: sessions.fail > 0,
            ..tile(
                "Failed",
                text::count(sessions.fail),
                format!("{}.{} % of them", rate / 10, rate % 10),
                list("&end_state=Fail"),
            )
        },
        tile(
            "Cost",
            text::cost((total.unpriced == 0).then_some(total.cost), total.cost),
            unpriced,
            list("&sort=cost"),
        ),
        tile(
            "Tokens",
            text::count(total.prompt_tokens.saturating_add(total.completion_tokens)),
            format!(
                "{} in · {} out",
                text::count(total.prompt_tokens),
                text::count(total.completion_tokens)
            ),
            list("&sort=tokens"),
        ),
        tile(
            "LLM calls",
            text::count(calls),
            String::new(),
            events_path("llms", None, range),
        ),
        tile(
            "Errors",
            text::count(errors),
            String::new(),
            events_path("errors", None, range),
        ),
    ]
}

fn ends(overview: &Overview, range: &str) -> Donut {
    let sessions = &overview.sessions;
    let silent = sessions.total - sessions.success - sessions.fail;
    let slice = |label, class, count, rest: &str| Slice {
        label,
        class,
        count,
        href: format!("/?range={range}{rest}"),
    };
    Donut {
        slices: vec![
            slice("Success", "good", sessions.success, "&end_state=Success"),
            slice("Fail", "bad", sessions.fail, "&end_state=Fail"),
            slice(
                "Running",
                "warn",
                sessions.running.min(silent),
                "&status=running",
            ),
            slice(
                "Indeterminate",
                "none",
                silent.saturating_sub(sessions.running),
                "&end_state=Indeterminate&status=ended",
            ),
        ],
    }
}

fn latency(row: &NamedSums, kind: &'static str, range: &str) -> LatencyRow {
    let href = events_path(kind, row.name.as_deref(), range);
    let within = |part| {
        row.latencies
            .within(part)
            .map(text::duration)
            .unwrap_or_default()
    };
    LatencyRow {
        name: text::brief(row.name.as_deref().unwrap_or("unnamed")),
        failed_href: format!("{href}&failed=true"),
        href,
        calls: text::count(row.sums.events),
        failed: row.sums.failed,
        p50: within(0.5),
        p95: within(0.95),
        p99: within(0.99),
        tokens: text::count(
            row.sums
                .prompt_tokens
                .saturating_add(row.sums.completion_tokens),
        ),
    }
}

fn costs(overview: &Overview, range: &str) -> Vec<Bar> {
    let picos = |row: &NamedSums| u64::try_from(row.sums.cost.as_picos()).unwrap_or(0);
    let mut rows: Vec<&NamedSums> = overview.models.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(picos(row)));
    let most = rows.first().map_or(0, |row| picos(row));
    let rows = rows.into_iter().take(ROWS).map(|row| {
        let known = row.sums.cost;
        let cost = text::cost((row.sums.unpriced == 0).then_some(known), known);
        let name = row.name.as_deref().unwrap_or("unnamed");
        let model = row.name.as_deref().map(segment).unwrap_or_default();
        Bar::new(name, cost, (picos(row), most), "llms")
            .link(format!("/?range={range}&sort=cost&model={model}"))
    });
    rows.collect()
}

fn tags(overview: &Overview, range: &str) -> Vec<TagRow> {
    let most = overview.tags.first().map_or(0, |tag| tag.sessions);
    let rows = overview.tags.iter().take(ROWS).map(|tag| TagRow {
        bar: Bar::new(
            &tag.tag,
            text::count(tag.sessions),
            (tag.sessions, most),
            "actions",
        )
        .link(format!("/?range={range}&tag={}", segment(&tag.tag))),
        fail: tag.fail,
        cost: text::dollars(tag.cost),
    });
    rows.collect()
}
