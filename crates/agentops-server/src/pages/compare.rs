//! Two sessions side by side: what one did that the other did not, and where they first part.

use agentops_protocol::SessionId;
use askama::Template;
use axum::extract::State;
use http::Uri;
use imara_diff::{Algorithm, Diff as WordDiff, InternedInput};

use super::chart::scaled;
use super::html::{Html, clean};
use super::shell::{Place, Shell};
use super::{Page, Viewer, markup, text};
use crate::app::App;
use crate::compare::{Comparison, Difference, Part, Row, Step};
use crate::error::ApiError;
use crate::links::{Query, segment, session_path};
use crate::routes;

/// Rows of one page.
const ROWS: usize = 500;
/// Deeper rows stand no further to the right.
const DEEPEST: usize = 16;

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    shell: Shell,
    a: String,
    b: String,
    changed: bool,
    result: Option<Shown>,
}

struct Shown {
    sums: Vec<Sum>,
    verdict: String,
    parts_here: Option<usize>,
    parts_href: String,
    rows: Vec<Line>,
    left_out: usize,
    other: String,
}

/// One figure of both.
struct Sum {
    name: &'static str,
    a: String,
    b: String,
    is_other: bool,
}

struct Line {
    number: usize,
    indent: usize,
    is_first: bool,
    class: &'static str,
    word: &'static str,
    kind: &'static str,
    name: String,
    a: Option<Side>,
    b: Option<Side>,
    differs: String,
    differences: Vec<Diff>,
}

/// An event of one of the two.
struct Side {
    href: String,
    status: String,
    mark: &'static str,
    duration: String,
    width: u64,
    cost: String,
}

struct Diff {
    path: String,
    a: Html,
    b: Html,
}

/// Two sessions of the viewer's project, or the form that asks which.
pub(crate) async fn compare(
    State(app): State<App>,
    Viewer(project): Viewer,
    uri: Uri,
) -> Result<Page, ApiError> {
    let query = Query::of(&uri);
    let given = |name: &str| query.get(name).unwrap_or_default().trim().to_owned();
    let (a, b) = (given("a"), given("b"));
    let changed = !given("changed").is_empty();
    let read = app.read(move |store| {
        let id = |text: &str| text.parse::<SessionId>().ok();
        let result = match (id(&a), id(&b)) {
            (Some(first), Some(second)) => {
                let comparison = routes::compared(store, &project, &first, &second)?;
                Some(shown(comparison, (&a, &b), changed))
            }
            _ => None,
        };
        Page::of(&ComparePage {
            shell: Shell::of(store, &project, Place::Compare)?,
            a,
            b,
            changed,
            result,
        })
    });
    read.await
}

fn shown(comparison: Comparison, ids: (&str, &str), changed: bool) -> Shown {
    let comparison = match changed {
        true => comparison.changed_only(),
        false => comparison,
    };
    let (a, b) = (&comparison.a.stats, &comparison.b.stats);
    let sum = |name, a: String, b: String| Sum {
        name,
        is_other: a != b,
        a,
        b,
    };
    let duration = |seconds| text::duration(text::micros(seconds));
    let tokens = |stats: &agentops_protocol::api::Stats| {
        text::count(stats.prompt_tokens.saturating_add(stats.completion_tokens))
    };
    let end = |state: agentops_protocol::EndState| format!("{state:?}");
    let sums = vec![
        sum(
            "Ended",
            end(comparison.a.end_state),
            end(comparison.b.end_state),
        ),
        sum("Duration", duration(a.duration), duration(b.duration)),
        sum(
            "Cost",
            text::cost(a.cost, a.cost_known),
            text::cost(b.cost, b.cost_known),
        ),
        sum("Tokens", tokens(a), tokens(b)),
        sum("Events", text::count(a.events), text::count(b.events)),
        sum("Errors", text::count(a.errors), text::count(b.errors)),
    ];
    let counts = &comparison.rows_by;
    let verdict = match comparison.first_divergence {
        None => "Both did the same.".to_owned(),
        Some(_) => format!(
            "{} the same, {} differ, {} only in A, {} only in B.",
            counts.same, counts.changed, counts.only_a, counts.only_b
        ),
    };
    let first = comparison.first_divergence;
    let longest = comparison.rows.iter().flat_map(|row| [&row.a, &row.b]);
    let longest = longest.flatten().filter_map(|step| step.duration_us).max();
    let paths = (session_path(ids.0), session_path(ids.1));
    let rows = comparison.rows.iter().enumerate().take(ROWS);
    let address = |changed: &str| {
        format!(
            "/compare?a={}&b={}{changed}",
            segment(ids.0),
            segment(ids.1)
        )
    };
    Shown {
        sums,
        verdict,
        parts_here: first.filter(|row| *row < ROWS),
        parts_href: first.map(|row| format!("#row-{row}")).unwrap_or_default(),
        rows: rows
            .map(|(number, row)| line(number, row, first, &paths, longest.unwrap_or(0)))
            .collect(),
        left_out: comparison.rows.len().saturating_sub(ROWS),
        other: address(if changed { "" } else { "&changed=1" }),
    }
}

fn line(
    number: usize,
    row: &Row,
    first: Option<usize>,
    paths: &(String, String),
    longest: u64,
) -> Line {
    let (class, word) = match (&row.a, &row.b) {
        (Some(_), None) => ("only-a", "only in A"),
        (None, Some(_)) => ("only-b", "only in B"),
        _ if row.differs.is_empty() => ("same", ""),
        _ => ("changed", "differs"),
    };
    let step = row.a.as_ref().or(row.b.as_ref());
    let name = step
        .and_then(|step| step.name.as_deref())
        .unwrap_or("unnamed");
    let differs: Vec<&str> = row.differs.iter().map(|part| part_word(*part)).collect();
    let side = |step: &Step, path: &str| Side {
        href: format!("{path}?event={}#panel", segment(step.id.as_str())),
        status: text::brief(&step.status),
        mark: markup::mark(&agentops_protocol::Status::from_name(&step.status)),
        duration: step.duration_us.map(text::duration).unwrap_or_default(),
        width: scaled(step.duration_us.unwrap_or(0), longest, 1_000),
        cost: step.cost.map(text::dollars).unwrap_or_default(),
    };
    Line {
        number,
        indent: row.depth.min(DEEPEST),
        is_first: first == Some(number),
        class,
        word,
        kind: step.map_or("actions", |step| step.event_type),
        name: text::brief(name),
        a: row.a.as_ref().map(|step| side(step, &paths.0)),
        b: row.b.as_ref().map(|step| side(step, &paths.1)),
        differs: differs.join(", "),
        differences: row.differences.iter().map(difference).collect(),
    }
}

fn part_word(part: Part) -> &'static str {
    match part {
        Part::Order => "place",
        Part::Agent => "agent",
        Part::Model => "model",
        Part::Arguments => "arguments",
        Part::Outcome => "outcome",
        Part::Result => "result",
    }
}

/// Both values, the words marked that only one of them has.
fn difference(difference: &Difference) -> Diff {
    let (a, b) = (difference.a.as_deref(), difference.b.as_deref());
    let (mut left, mut right) = (Html::default(), Html::default());
    match (a, b) {
        (Some(a), Some(b)) => {
            let (a, b) = (clean(a), clean(b));
            let mut words = InternedInput::default();
            words.update_before(words_of(&a));
            words.update_after(words_of(&b));
            let found = WordDiff::compute(Algorithm::Histogram, &words);
            for (word, at) in words_of(&a).zip(0..) {
                marked(&mut left, word, found.is_removed(at), ("<del>", "</del>"));
            }
            for (word, at) in words_of(&b).zip(0..) {
                marked(&mut right, word, found.is_added(at), ("<ins>", "</ins>"));
            }
        }
        _ => {
            for (value, html) in [(a, &mut left), (b, &mut right)] {
                match value {
                    Some(value) => html.shown(value),
                    None => html.raw("<span class=\"quiet\">nothing</span>"),
                };
            }
        }
    }
    Diff {
        path: text::brief(&difference.path),
        a: left,
        b: right,
    }
}

/// Words, and what stands between them letter by letter.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match rest.find(|char: char| !char.is_alphanumeric()) {
            Some(0) => first.len_utf8(),
            Some(end) => end,
            None => rest.len(),
        };
        let (word, behind) = rest.split_at(end);
        rest = behind;
        Some(word)
    })
}

fn marked(
    html: &mut Html,
    word: &str,
    is_marked: bool,
    (open, close): (&'static str, &'static str),
) {
    if is_marked {
        html.raw(open).text(word).raw(close);
    } else {
        html.text(word);
    }
}
