//! One session: its facts above, and below one of its tabs.
//!
//! Every tab is a whole page of its own, made here; scripts only add what a page without them
//! cannot do: the zoomable timeline, and news while the session runs.

mod agents;
mod conversation;
mod errors;
mod graphs;
mod head;
mod offline;
mod outline;
mod panel;
mod raw;
mod timeline;

use agentops_protocol::{ProjectId, SessionId};
use agentops_store::{Cursor, EventFilter, EventRow, PageSize};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, Uri, header};

pub use offline::session_html;

use self::head::{Head, Tab};
use super::shell::{Place, Shell};
use super::{Page, Viewer};
use crate::app::{App, Storage};
use crate::error::ApiError;
use crate::links::{Query, SessionPath};

/// Most events that one page looks at; the export has them all.
const MOST_EVENTS: usize = 200_000;

/// What is asked for of one session.
struct Asked<'a> {
    store: &'a dyn Storage,
    project: &'a ProjectId,
    id: &'a SessionId,
    head: Head,
    /// Where a page begins.
    cursor: Option<Cursor>,
    /// The event that is looked at.
    event: Option<String>,
    /// Whether a script asks, which draws the events itself.
    is_script: bool,
}

impl Asked<'_> {
    fn shell(&self) -> Result<Shell, ApiError> {
        Shell::of(self.store, self.project, Place::Nowhere)
    }

    /// All events that fit, without what was recorded at length.
    fn heads(&self) -> Result<Vec<EventRow>, ApiError> {
        let mut filter = EventFilter::default();
        filter.heads_only = true;
        all(self.store, self.project, self.id, &filter, MOST_EVENTS)
    }
}

/// Events of a session, as many as `most`.
fn all(
    store: &dyn Storage,
    project: &ProjectId,
    id: &SessionId,
    filter: &EventFilter,
    most: usize,
) -> Result<Vec<EventRow>, ApiError> {
    let mut rows = Vec::new();
    let mut cursor = None;
    while rows.len() < most {
        let page = store.events(Some(project), id, filter, PageSize::MAX, cursor.as_ref())?;
        let page = page.ok_or_else(ApiError::no_session)?;
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    rows.truncate(most);
    Ok(rows)
}

/// A session of the viewer's project.
pub(crate) async fn session(
    State(app): State<App>,
    Viewer(project): Viewer,
    SessionPath(id): SessionPath,
    uri: Uri,
) -> Result<Page, ApiError> {
    let query = Query::of(&uri);
    let given = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let tab = given("tab").map_or(Tab::Timeline, |tab| Tab::of(&tab));
    let (cursor, event) = (given("cursor").map(Cursor), given("event"));
    let is_script = given("script").is_some();
    // Reads and renders: both may take long, and this thread may.
    let read = app.read(move |store| {
        let row = store.session(Some(&project), &id)?;
        let row = row.ok_or_else(ApiError::no_session)?;
        let asked = Asked {
            store,
            project: &project,
            id: &id,
            head: Head::of(&row, tab),
            cursor,
            event,
            is_script,
        };
        match tab {
            Tab::Timeline => timeline::page(asked, &row),
            Tab::Chat => conversation::page(asked),
            Tab::Errors => errors::page(asked),
            Tab::Agents => agents::page(asked),
            Tab::Graphs => graphs::page(asked),
            Tab::Logs => raw::logs(asked),
            Tab::Raw => raw::page(asked, &row),
        }
    });
    read.await
}

/// Every event of the session in few bytes, for the timeline's script.
pub(crate) async fn outline(
    State(app): State<App>,
    Viewer(project): Viewer,
    SessionPath(id): SessionPath,
) -> Result<Response, ApiError> {
    let now = app.now();
    let read = app.read(move |store| {
        let row = store.session(Some(&project), &id)?;
        let row = row.ok_or_else(ApiError::no_session)?;
        outline::read(store, &project, &row, now)
    });
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], read.await?).into_response())
}

/// One event's panel, alone, for the timeline's script.
pub(crate) async fn event_panel(
    State(app): State<App>,
    Viewer(project): Viewer,
    axum::extract::Path((id, event)): axum::extract::Path<(String, String)>,
) -> Result<Page, ApiError> {
    let id = SessionId::try_from(id).map_err(|_| ApiError::no_session())?;
    let read = app.read(move |store| {
        let row = store.session(Some(&project), &id)?;
        let row = row.ok_or_else(ApiError::no_session)?;
        let panel = panel::of_event(store, &project, &row.session, &event)?;
        Page::of(&panel.ok_or_else(ApiError::no_event)?)
    });
    read.await
}

/// The session as one file to keep or to send.
pub(crate) async fn offline(
    State(app): State<App>,
    Viewer(project): Viewer,
    SessionPath(id): SessionPath,
) -> Result<Response, ApiError> {
    let now = app.now();
    let read = app.read(move |store| offline::read(store, Some(&project), &id, now));
    let page = read.await?.ok_or_else(ApiError::no_session)?;
    // Its style and script stand inside it, which this server's own policy refuses.
    let file = HeaderValue::from_static("attachment; filename=\"session.html\"");
    Ok(([(header::CONTENT_DISPOSITION, file)], Page::whole(page)).into_response())
}

/// Takes the session away, and leads to those that are left.
pub(crate) async fn delete(
    State(app): State<App>,
    Viewer(project): Viewer,
    SessionPath(id): SessionPath,
) -> Result<Response, ApiError> {
    crate::routes::delete_from(&app, project, id).await?;
    let home = HeaderValue::from_static("/");
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, home)]).into_response())
}
