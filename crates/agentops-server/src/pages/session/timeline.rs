//! The timeline: a list of events as a tree, each with its bar, that a script replaces by one it
//! can zoom; and the panel of the event that is looked at.

use agentops_protocol::{EventBody, EventKind, ProjectId, SessionId, Status, Timestamp};
use agentops_store::{Cursor, EventFilter, EventPage, PageSize, SessionRow};
use askama::Template;

use super::Asked;
use super::head::Head;
use super::panel::{Panel, of_event};
use crate::error::ApiError;
use crate::links::segment;
use crate::pages::shell::Shell;
use crate::pages::text;
use crate::pages::tree::{Placed, tree};
use crate::pages::{Page, markup};

/// Deeper events stand no further to the right: a phone has no room for them.
const DEEPEST: usize = 16;
/// The width that bars are drawn on.
const WIDTH: u64 = 1_000;

#[derive(Template)]
#[template(path = "timeline.html")]
struct TimelinePage {
    shell: Shell,
    head: Head,
    panel: Option<Panel>,
    events: Vec<EventLine>,
    total: u64,
    from: u64,
    to: u64,
    next: Option<String>,
    first: Option<String>,
}

/// One event of the tree.
pub(super) struct EventLine {
    pub(super) href: String,
    pub(super) indent: usize,
    pub(super) level: usize,
    pub(super) adopted: bool,
    pub(super) kind: &'static str,
    pub(super) kind_label: &'static str,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) mark: &'static str,
    pub(super) is_expected: bool,
    pub(super) duration: String,
    pub(super) bar_x: u64,
    pub(super) bar_width: u64,
    pub(super) tokens: String,
    pub(super) cost: String,
    pub(super) message: String,
}

pub(super) fn page(asked: Asked<'_>, row: &SessionRow) -> Result<Page, ApiError> {
    let panel = asked.event.as_deref();
    let panel = panel
        .map(|event| of_event(asked.store, asked.project, &row.session, event))
        .transpose()?
        .flatten();
    let shell = asked.shell()?;
    let mut view = TimelinePage {
        shell,
        panel,
        events: Vec::new(),
        total: row.stats.events,
        from: 0,
        to: 0,
        next: None,
        first: None,
        head: asked.head,
    };
    if !asked.is_script {
        let page = listed(asked.store, asked.project, asked.id, asked.cursor.as_ref())?;
        let from = page.rows.first().map_or(0, |row| row.index + 1);
        let path = &view.head.path;
        view.first = asked.cursor.map(|_| path.clone());
        view.from = from;
        view.to = (from + page.rows.len() as u64).saturating_sub(1);
        view.events = lines(row, &page, path);
        view.next = page
            .next
            .map(|Cursor(next)| format!("{path}?cursor={}", segment(&next)));
    }
    Page::of(&view)
}

fn listed(
    store: &dyn crate::app::Storage,
    project: &ProjectId,
    id: &SessionId,
    cursor: Option<&Cursor>,
) -> Result<EventPage, ApiError> {
    let mut filter = EventFilter::default();
    filter.heads_only = true;
    let page = store.events(Some(project), id, &filter, PageSize::MAX, cursor)?;
    page.ok_or_else(ApiError::no_session)
}

/// The rows of a page as they are listed.
pub(super) fn lines(row: &SessionRow, page: &EventPage, path: &str) -> Vec<EventLine> {
    let span = Span::of(row, page);
    let placed = tree(&page.rows).into_iter();
    placed.map(|placed| line(&placed, &span, path)).collect()
}

/// The stretch of time that bars are drawn on.
struct Span {
    start: i64,
    micros: u64,
}

impl Span {
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
            micros: end.abs_diff(start).max(1),
        }
    }

    /// Where a moment lies on the line.
    fn at(&self, moment: Timestamp) -> u64 {
        let since = u64::try_from(moment.as_micros() - self.start)
            .unwrap_or(0)
            .min(self.micros);
        let scaled = u128::from(since) * u128::from(WIDTH) / u128::from(self.micros);
        u64::try_from(scaled).unwrap_or(WIDTH)
    }
}

fn line(placed: &Placed<'_>, span: &Span, path: &str) -> EventLine {
    let row = placed.row;
    let event = &row.event;
    let bar_x = span.at(event.init_timestamp);
    // What runs still reaches to the end of the line.
    let bar_end = event.end_timestamp.map_or(WIDTH, |end| span.at(end));
    let (tokens, message) = match &event.body {
        EventBody::Llm(llm) => (llm.usage.total().map(text::count), None),
        EventBody::Error(error) => (None, error.message()),
        EventBody::Action(_) | EventBody::Tool(_) => (None, None),
    };
    // An error is a moment, and bad by its kind: neither needs saying.
    let is_error = event.kind() == EventKind::Error;
    let duration = event.duration_micros().filter(|_| !is_error);
    EventLine {
        href: format!("{path}?event={}#panel", segment(event.id.as_str())),
        indent: placed.depth.min(DEEPEST),
        level: placed.depth + 1,
        adopted: placed.adopted,
        kind: event.kind().as_str(),
        kind_label: markup::label(event.kind()),
        name: text::brief(event.name().unwrap_or("unnamed")),
        status: text::brief(event.status.as_str()),
        mark: markup::mark(&event.status),
        is_expected: event.status == Status::Ok || (is_error && event.status == Status::Error),
        duration: duration.map(text::duration).unwrap_or_default(),
        bar_x,
        bar_width: bar_end.saturating_sub(bar_x).max(3),
        tokens: tokens.unwrap_or_default(),
        cost: row.cost().map(text::dollars).unwrap_or_default(),
        message: message
            .map(|message| text::brief(&message))
            .unwrap_or_default(),
    }
}
