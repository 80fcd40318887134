//! The list of sessions.

use askama::Template;
use axum::extract::State;
use http::Uri;

use agentops_protocol::EndState;
use agentops_store::{Cursor, PageSize, SessionFilter, SessionRow};

use super::{Page, Viewer, text};
use crate::app::App;
use crate::error::ApiError;
use crate::links::{Base, Query, segment, session_path};

/// Tags shown of one session.
const TAGS: usize = 12;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    endpoint: String,
    lines: Vec<SessionLine>,
    next: Option<String>,
    is_first: bool,
}

/// One session of the list.
struct SessionLine {
    href: String,
    name: String,
    id: String,
    started: String,
    duration: String,
    state: &'static str,
    reason: String,
    tags: Vec<String>,
    more_tags: usize,
    llms: String,
    tools: String,
    actions: String,
    errors: u64,
    tokens: String,
    cost: String,
}

/// The sessions of the viewer's project, newest start first.
pub(crate) async fn sessions(
    State(app): State<App>,
    Viewer(project): Viewer,
    base: Base,
    uri: Uri,
) -> Result<Page, ApiError> {
    let cursor = Query::of(&uri)
        .get("cursor")
        .filter(|cursor| !cursor.is_empty())
        .map(Cursor);
    let is_first = cursor.is_none();
    let read = app.read(move |store| {
        let filter = SessionFilter::default();
        store.sessions(Some(&project), &filter, PageSize::DEFAULT, cursor.as_ref())
    });
    let page = read.await?;
    Page::of(&SessionsPage {
        endpoint: base.as_str().to_owned(),
        lines: page.rows.into_iter().map(line).collect(),
        next: page
            .next
            .map(|Cursor(next)| format!("/?cursor={}", segment(&next))),
        is_first,
    })
}

fn line(row: SessionRow) -> SessionLine {
    let stats = &row.stats;
    let id = row.session.id.as_str();
    SessionLine {
        href: session_path(id),
        name: name(&row),
        id: id.to_owned(),
        started: text::time(row.session.init_timestamp),
        duration: text::duration(text::micros(stats.duration)),
        state: state(&row),
        reason: text::brief(row.session.end_state_reason.as_deref().unwrap_or_default()),
        llms: text::count(stats.llms),
        tools: text::count(stats.tools),
        actions: text::count(stats.actions),
        errors: stats.errors,
        tokens: text::count(stats.prompt_tokens.saturating_add(stats.completion_tokens)),
        cost: text::cost(stats.cost, stats.cost_known),
        tags: row
            .session
            .tags
            .iter()
            .take(TAGS)
            .map(|tag| text::brief(tag))
            .collect(),
        more_tags: row.session.tags.len().saturating_sub(TAGS),
    }
}

/// What a session is called: its first action, else its id.
pub(super) fn name(row: &SessionRow) -> String {
    let named = row
        .first_name
        .as_deref()
        .filter(|name| !name.trim().is_empty());
    named.map_or_else(
        || format!("Session {}", short(row.session.id.as_str())),
        text::brief,
    )
}

/// The word on the badge of a session.
pub(super) fn state(row: &SessionRow) -> &'static str {
    match row.session.end_state {
        EndState::Success => "Success",
        EndState::Failure => "Fail",
        EndState::Indeterminate if row.stats.status == "running" => "Running",
        EndState::Indeterminate => "Indeterminate",
    }
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
