//! The list of sessions: which, in what order, and what each of them did.

mod filter;

use agentops_protocol::EndState;
use agentops_store::{Cursor, PageSize, SessionRow};
use askama::Template;
use axum::extract::State;
use http::Uri;

use self::filter::{Filter, Sort};
use super::session_tags::{TagLink, tag_link};
use super::shell::{Place, Shell};
use super::{Page, Viewer, text};
use crate::app::App;
use crate::error::ApiError;
use crate::links::{Base, segment, session_path};

/// Tags shown of one session.
const TAGS: usize = 8;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    shell: Shell,
    endpoint: String,
    filter: Filter,
    sorts: Vec<Sort>,
    lines: Vec<SessionLine>,
    next: Option<String>,
    newest: Option<String>,
}

/// One session of the list.
struct SessionLine {
    href: String,
    name: String,
    id: String,
    short: String,
    started: String,
    started_at: String,
    duration: String,
    state: &'static str,
    is_running: bool,
    reason: String,
    tags: Vec<TagLink>,
    more_tags: usize,
    llms: String,
    tools: String,
    actions: String,
    errors: u64,
    tokens: String,
    cost: String,
}

/// The sessions of the viewer's project.
pub(crate) async fn sessions(
    State(app): State<App>,
    Viewer(project): Viewer,
    base: Base,
    uri: Uri,
) -> Result<Page, ApiError> {
    let filter = Filter::of(&uri, app.now())?;
    let read = app.read(move |store| {
        let wanted = filter.wanted();
        let cursor = filter.cursor();
        let page = store.sessions(Some(&project), wanted, PageSize::DEFAULT, cursor.as_ref())?;
        let next = page.next;
        Page::of(&SessionsPage {
            shell: Shell::of(store, &project, Place::Sessions)?,
            endpoint: base.as_str().to_owned(),
            lines: page.rows.into_iter().map(line).collect(),
            next: next.map(|Cursor(next)| filter.with("cursor", &segment(&next))),
            newest: cursor.map(|_| filter.with("cursor", "")),
            sorts: filter.sorts(),
            filter,
        })
    });
    read.await
}

fn line(row: SessionRow) -> SessionLine {
    let stats = &row.stats;
    let id = row.session.id.as_str();
    let reason = row.session.end_state_reason.as_deref();
    SessionLine {
        href: session_path(id),
        name: name(&row),
        id: id.to_owned(),
        short: short(id),
        started: text::time(row.session.init_timestamp),
        started_at: row.session.init_timestamp.to_string(),
        duration: text::duration(text::micros(stats.duration)),
        state: state(&row),
        is_running: stats.status == "running",
        reason: text::brief(reason.unwrap_or_default()),
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
            .map(|tag| tag_link(tag))
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
    text::brief(&id.chars().take(8).collect::<String>())
}
