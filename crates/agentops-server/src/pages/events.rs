//! Events of all sessions: all calls of a model, all failures of a tool, or whatever has some words.

use agentops_protocol::{EventBody, Timestamp};
use agentops_store::{Cursor, EventFilter, FoundEvent, PageSize};
use askama::Template;
use axum::extract::State;
use http::Uri;

use super::shell::{Place, Shell};
use super::{Page, Viewer, markup, text};
use crate::app::App;
use crate::error::ApiError;
use crate::links::{Query, segment, session_path};
use crate::routes;

const HOUR: i64 = 3_600_000_000;

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    shell: Shell,
    asked: Asked,
    lines: Vec<Line>,
    next: Option<String>,
    newest: Option<String>,
}

/// What the form shows.
struct Asked {
    q: String,
    kind: String,
    name: String,
    failed: bool,
    range: String,
    from: String,
    to: String,
}

impl Asked {
    fn is_narrow(&self) -> bool {
        self.failed
            || [
                &self.q,
                &self.kind,
                &self.name,
                &self.range,
                &self.from,
                &self.to,
            ]
            .iter()
            .any(|text| !text.is_empty())
    }

    /// The address of the same list from a cursor on.
    fn at(&self, cursor: &str) -> String {
        let failed = if self.failed { "true" } else { "" };
        let pairs = [
            ("q", self.q.as_str()),
            ("kind", &self.kind),
            ("name", &self.name),
            ("failed", failed),
            ("range", &self.range),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", cursor),
        ];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={}", segment(value)))
            .collect();
        format!("/events?{}", pairs.join("&"))
    }
}

struct Line {
    row: String,
    href: String,
    session: String,
    session_href: String,
    kind: &'static str,
    kind_label: &'static str,
    name: String,
    message: String,
    status: String,
    mark: &'static str,
    started: String,
    started_at: String,
    duration: String,
    tokens: String,
    cost: String,
}

/// The events of the viewer's project.
pub(crate) async fn events(
    State(app): State<App>,
    Viewer(project): Viewer,
    uri: Uri,
) -> Result<Page, ApiError> {
    let query = Query::of(&uri);
    let given = |name: &str| query.get(name).unwrap_or_default();
    let asked = Asked {
        q: given("q"),
        kind: given("kind"),
        name: given("name"),
        failed: matches!(given("failed").as_str(), "true" | "1"),
        range: given("range"),
        from: given("from"),
        to: given("to"),
    };
    let mut filter: EventFilter = routes::event_filter(&uri)?;
    if filter.from.is_none()
        && let Some(hours) = hours(&asked.range)
    {
        filter.from = Some(Timestamp::from_micros(app.now().as_micros() - hours * HOUR));
    }
    let cursor = Some(given("cursor")).filter(|cursor| !cursor.is_empty());
    let cursor = cursor.map(Cursor);
    let read = app.read(move |store| {
        let (whose, size) = (Some(&project), PageSize::DEFAULT);
        let page = if asked.q.trim().is_empty() {
            store.found(whose, &filter, size, cursor.as_ref())?
        } else {
            store.search(whose, &asked.q, &filter, size, cursor.as_ref())?
        };
        Page::of(&EventsPage {
            shell: Shell::of(store, &project, Place::Events)?,
            lines: page.rows.iter().map(line).collect(),
            next: page.next.map(|Cursor(next)| asked.at(&next)),
            newest: cursor.map(|_| asked.at("")),
            asked,
        })
    });
    read.await
}

/// A range as hours.
pub(super) fn hours(range: &str) -> Option<i64> {
    match range {
        "hour" => Some(1),
        "day" => Some(24),
        "week" => Some(7 * 24),
        "month" => Some(30 * 24),
        "quarter" => Some(90 * 24),
        _ => None,
    }
}

fn line(found: &FoundEvent) -> Line {
    let event = &found.event;
    let session = session_path(found.session.as_str());
    let (mut tokens, mut cost, mut message) = (None, None, None);
    match &event.body {
        EventBody::Llm(llm) => (tokens, cost) = (llm.usage.total(), llm.cost),
        EventBody::Error(error) => message = error.message(),
        EventBody::Action(_) | EventBody::Tool(_) => {}
    }
    let is_error = matches!(event.body, EventBody::Error(_));
    let duration = event.duration_micros().filter(|_| !is_error);
    Line {
        row: format!("{}/{}", found.session, event.id),
        href: format!("{session}?event={}#panel", segment(event.id.as_str())),
        session: text::brief(&found.session.as_str().chars().take(8).collect::<String>()),
        session_href: session,
        kind: event.kind().as_str(),
        kind_label: markup::label(event.kind()),
        name: text::brief(event.name().unwrap_or("unnamed")),
        message: text::brief(&message.unwrap_or_default()),
        status: text::brief(event.status.as_str()),
        mark: markup::mark(&event.status),
        started: text::time(event.init_timestamp),
        started_at: event.init_timestamp.to_string(),
        duration: duration.map(text::duration).unwrap_or_default(),
        tokens: tokens.map(text::count).unwrap_or_default(),
        cost: cost.map(text::dollars).unwrap_or_default(),
    }
}
