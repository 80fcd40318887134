//! What answers for a session: its page, and what its scripts ask for.

use agentops_protocol::SessionId;
use agentops_store::Cursor;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, Uri, header};

use super::head::{Head, Tab};
use super::{Asked, agents, conversation, errors, graphs, offline, outline, panel, raw, timeline};
use crate::app::App;
use crate::error::ApiError;
use crate::links::{Query, SessionPath};
use crate::pages::{Page, Viewer};

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
pub(crate) async fn session_outline(
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
    Path((id, event)): Path<(String, String)>,
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
pub(crate) async fn session_file(
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
pub(crate) async fn delete_session(
    State(app): State<App>,
    Viewer(project): Viewer,
    SessionPath(id): SessionPath,
) -> Result<Response, ApiError> {
    crate::routes::delete_from(&app, project, id).await?;
    let home = HeaderValue::from_static("/");
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, home)]).into_response())
}
