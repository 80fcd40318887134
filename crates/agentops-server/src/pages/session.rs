//! One session: its facts, and its events as a tree.

use agentops_protocol::{EventBody, EventKind, Json, ProjectId, SessionId, Status, Timestamp};
use agentops_store::{Cursor, EventFilter, EventPage, EventRow, PageSize, SessionRow};
use askama::Template;
use axum::extract::State;
use http::Uri;

use super::text::{self, Shown};
use super::tree::{Placed, tree};
use super::{Page, Viewer, sessions};
use crate::app::{App, Storage};
use crate::error::ApiError;
use crate::links::{Query, SessionPath, segment, session_path};

/// What is shown of one recorded value.
const VALUE_BYTES: usize = 16 << 10;
/// What is shown of all recorded values of a page; the export has everything.
const PAGE_BYTES: usize = 4 << 20;
/// Deeper events stand no further to the right: a phone has no room for them.
const DEEPEST: usize = 16;
/// The width of the timeline that bars are drawn on.
const TIMELINE: u64 = 1_000;

#[derive(Template)]
#[template(path = "session.html")]
struct SessionPage {
    name: String,
    id: String,
    state: &'static str,
    reason: Option<Shown>,
    facts: Vec<Fact>,
    tags: Vec<String>,
    video: Option<String>,
    host_env: Option<Shown>,
    logs: Option<Shown>,
    events: Vec<EventLine>,
    total: u64,
    from: u64,
    to: u64,
    next: Option<String>,
    first: Option<String>,
}

struct Fact {
    name: &'static str,
    value: String,
}

/// One event of the tree.
struct EventLine {
    indent: usize,
    level: usize,
    adopted: bool,
    kind: &'static str,
    kind_label: &'static str,
    name: String,
    status: String,
    is_bad: bool,
    at: String,
    duration: String,
    bar_x: u64,
    bar_width: u64,
    tokens: String,
    cost: String,
    message: String,
    id: String,
    agent: String,
    sections: Vec<Section>,
}

struct Section {
    title: &'static str,
    value: Shown,
}

/// A session of the local project.
pub(crate) async fn session(
    State(app): State<App>,
    Viewer(project): Viewer,
    SessionPath(id): SessionPath,
    uri: Uri,
) -> Result<Page, ApiError> {
    let cursor = Query::of(&uri)
        .get("cursor")
        .filter(|cursor| !cursor.is_empty())
        .map(Cursor);
    let read = app.read(move |store| read(store, &project, &id, cursor.as_ref()));
    read.await?.ok_or_else(ApiError::no_session)
}

/// Reads and renders: both may take long, and this thread may.
fn read(
    store: &dyn Storage,
    project: &ProjectId,
    id: &SessionId,
    cursor: Option<&Cursor>,
) -> Result<Option<Page>, ApiError> {
    let project = Some(project);
    let Some(row) = store.session(project, id)? else {
        return Ok(None);
    };
    let filter = EventFilter::default();
    let Some(page) = store.events(project, id, &filter, PageSize::MAX, cursor)? else {
        return Ok(None);
    };
    let logs = store.logs(project, id)?.filter(|logs| !logs.is_empty());
    Page::of(&view(row, page, logs, cursor.is_none())).map(Some)
}

fn view(row: SessionRow, page: EventPage, logs: Option<String>, is_first: bool) -> SessionPage {
    let path = session_path(row.session.id.as_str());
    let timeline = Timeline::of(&row, &page);
    let mut left = PAGE_BYTES;
    let events = tree(&page.rows);
    let events = events
        .into_iter()
        .map(|placed| event(placed, &timeline, &mut left))
        .collect();
    let from = page.rows.first().map_or(0, |row| row.index + 1);
    SessionPage {
        name: sessions::name(&row),
        id: row.session.id.as_str().to_owned(),
        state: sessions::state(&row),
        facts: facts(&row),
        total: row.stats.events,
        from,
        to: (from + page.rows.len() as u64).saturating_sub(1),
        next: page
            .next
            .map(|Cursor(next)| format!("{path}?cursor={}", segment(&next))),
        first: (!is_first).then_some(path),
        reason: row
            .session
            .end_state_reason
            .map(|reason| text::cut(reason, VALUE_BYTES)),
        tags: row
            .session
            .tags
            .iter()
            .map(|tag| text::brief(tag))
            .collect(),
        video: row
            .session
            .video
            .map(|url| text::cut(url, VALUE_BYTES).text),
        host_env: row
            .session
            .host_env
            .map(|env| text::value(&env, VALUE_BYTES)),
        logs: logs.map(|logs| text::cut(logs, VALUE_BYTES * 4)),
        events,
    }
}

fn facts(row: &SessionRow) -> Vec<Fact> {
    let stats = &row.stats;
    let fact = |name, value| Fact { name, value };
    let mut facts = vec![
        fact(
            "Started",
            format!("{} UTC", text::time(row.session.init_timestamp)),
        ),
        fact("Duration", text::duration(text::micros(stats.duration))),
        fact("Cost", text::cost(stats.cost, stats.cost_known)),
        fact("Prompt tokens", text::count(stats.prompt_tokens)),
        fact("Completion tokens", text::count(stats.completion_tokens)),
        fact("LLM calls", text::count(stats.llms)),
        fact("Tool calls", text::count(stats.tools)),
        fact("Actions", text::count(stats.actions)),
        fact("Errors", text::count(stats.errors)),
    ];
    if let Some(end) = row.session.end_timestamp {
        facts.insert(1, fact("Ended", format!("{} UTC", text::time(end))));
    }
    if stats.unpriced > 0 {
        facts.push(fact("Calls without a price", text::count(stats.unpriced)));
    }
    for (reason, count) in &row.session.dropped {
        facts.push(fact(
            "Not recorded",
            format!("{} ({reason})", text::count(*count)),
        ));
    }
    facts
}

/// The stretch of time that bars are drawn on.
struct Timeline {
    start: i64,
    span: u64,
}

impl Timeline {
    fn of(row: &SessionRow, page: &EventPage) -> Self {
        let micros = |at: Timestamp| at.as_micros();
        let starts = page.rows.iter().map(|row| micros(row.event.init_timestamp));
        let session = micros(row.session.init_timestamp);
        let start = starts.chain([session]).min().unwrap_or(session);
        let ends = page
            .rows
            .iter()
            .map(|row| micros(row.event.end_timestamp.unwrap_or(row.event.init_timestamp)));
        let last = row.session.end_timestamp.map_or(session, micros);
        let end = ends.chain([last]).max().unwrap_or(last);
        Self {
            start,
            span: end.abs_diff(start).max(1),
        }
    }

    /// Where a moment lies on the line.
    fn at(&self, moment: Timestamp) -> u64 {
        let since = u64::try_from(moment.as_micros() - self.start)
            .unwrap_or(0)
            .min(self.span);
        let scaled = u128::from(since) * u128::from(TIMELINE) / u128::from(self.span);
        u64::try_from(scaled).unwrap_or(TIMELINE)
    }
}

fn event(placed: Placed<'_>, timeline: &Timeline, left: &mut usize) -> EventLine {
    let row = placed.row;
    let event = &row.event;
    let bar_x = timeline.at(event.init_timestamp);
    // What runs still reaches to the end of the line.
    let bar_end = event.end_timestamp.map_or(TIMELINE, |end| timeline.at(end));
    let (tokens, message) = match &event.body {
        EventBody::Llm(llm) => (llm.usage.total().map(text::count), None),
        EventBody::Error(error) => (None, error.message()),
        EventBody::Action(_) | EventBody::Tool(_) => (None, None),
    };
    let since = event.init_timestamp.as_micros() - timeline.start;
    // An error is a moment, and bad by its kind: neither needs saying.
    let is_error = event.kind() == EventKind::Error;
    let duration = event.duration_micros().filter(|_| !is_error);
    let expected = is_error && event.status == Status::Error;
    EventLine {
        indent: placed.depth.min(DEEPEST),
        level: placed.depth + 1,
        adopted: placed.adopted,
        kind: event.kind().as_str(),
        kind_label: label(event.kind()),
        name: text::brief(event.name().unwrap_or("unnamed")),
        status: text::brief(event.status.as_str()),
        is_bad: !expected && !matches!(event.status, Status::Ok | Status::Running),
        at: format!("+{}", text::duration(u64::try_from(since).unwrap_or(0))),
        duration: duration.map(text::duration).unwrap_or_default(),
        bar_x,
        bar_width: bar_end.saturating_sub(bar_x).max(3),
        tokens: tokens.unwrap_or_default(),
        cost: row
            .cost()
            .map(|cost| format!("${}", cost.to_six_decimals()))
            .unwrap_or_default(),
        message: message
            .map(|message| text::brief(&message))
            .unwrap_or_default(),
        id: event.id.as_str().to_owned(),
        agent: event
            .agent_id
            .as_ref()
            .map(|id| id.as_str().to_owned())
            .unwrap_or_default(),
        sections: sections(row, left),
    }
}

fn label(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Action => "action",
        EventKind::Llm => "LLM",
        EventKind::Tool => "tool",
        EventKind::Error => "error",
    }
}

/// The recorded values of an event, as far as the page has room for them.
fn sections(row: &EventRow, left: &mut usize) -> Vec<Section> {
    let event = &row.event;
    let mut values: Vec<(&'static str, Option<&Json>)> = vec![("Arguments", event.params.as_ref())];
    let mut screenshot = None;
    match &event.body {
        EventBody::Llm(llm) => {
            values.push(("Prompt", llm.prompt.as_ref()));
            values.push(("Completion", llm.completion.as_ref()));
        }
        EventBody::Error(error) => {
            values.push(("Details", error.details.as_ref()));
            values.push(("Code", error.code.as_ref()));
        }
        EventBody::Action(action) => {
            screenshot = action.screenshot.as_deref().map(Json::string);
        }
        EventBody::Tool(_) => {}
    }
    values.push(("Returned", event.returns.as_ref()));
    values.push(("Logs", event.logs.as_ref()));
    values.push(("Screenshot", screenshot.as_ref()));
    let mut sections = Vec::new();
    for (title, json) in values {
        if let Some(json) = json.filter(|json| !json.is_null()) {
            let value = text::value(json, VALUE_BYTES.min(*left));
            *left -= value.text.len();
            sections.push(Section { title, value });
        }
    }
    sections
}
