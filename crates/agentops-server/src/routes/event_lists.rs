//! Events as they are looked through: of one session, of all sessions, and one of them whole.

use agentops_protocol::api::EventList;
use agentops_protocol::{Event, EventId, SessionId};
use agentops_store::EventFilter;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;

use super::params::Params;
use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::links::SessionPath;

/// The events of a session that the key's project sees, in the order they began.
pub(crate) async fn session_events(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
    uri: Uri,
) -> Result<Json<EventList>, ApiError> {
    let params = Params::of(&uri);
    let filter = filter(&params)?;
    let (size, cursor) = params.page()?;
    let read = app.read(move |store| {
        let project = Some(&holder.project);
        let page = store.events(project, &id, &filter, size, cursor.as_ref())?;
        let page = page.ok_or_else(ApiError::no_session)?;
        Ok::<_, ApiError>(page.into_list(&id))
    });
    Ok(Json(read.await?))
}

/// The events of all sessions that the key's project sees, the newest arrival first.
pub(crate) async fn events(
    State(app): State<App>,
    holder: KeyHolder,
    uri: Uri,
) -> Result<Json<EventList>, ApiError> {
    let params = Params::of(&uri);
    let filter = filter(&params)?;
    let (size, cursor) = params.page()?;
    let read = app.read(move |store| {
        let page = store.found(Some(&holder.project), &filter, size, cursor.as_ref())?;
        Ok::<_, ApiError>(page.into())
    });
    Ok(Json(read.await?))
}

/// The events of all sessions that the key's project sees which have all words of a question.
pub(crate) async fn search(
    State(app): State<App>,
    holder: KeyHolder,
    uri: Uri,
) -> Result<Json<EventList>, ApiError> {
    let params = Params::of(&uri);
    let filter = filter(&params)?;
    let (size, cursor) = params.page()?;
    let question = params.text("q")?.unwrap_or_default();
    let read = app.read(move |store| {
        let project = Some(&holder.project);
        let page = store.search(project, &question, &filter, size, cursor.as_ref())?;
        Ok::<_, ApiError>(page.into())
    });
    Ok(Json(read.await?))
}

/// One event of a session that the key's project sees, whole.
pub(crate) async fn one_event(
    State(app): State<App>,
    holder: KeyHolder,
    Path((session, event)): Path<(String, String)>,
) -> Result<Json<Event>, ApiError> {
    // What cannot be an id is nobody's.
    let session = SessionId::try_from(session).map_err(|_| ApiError::no_session())?;
    let event = EventId::try_from(event).map_err(|_| ApiError::no_event())?;
    let found = app.read(move |store| store.event(Some(&holder.project), &session, &event));
    found.await?.map(Json).ok_or_else(ApiError::no_event)
}

/// Which events a list's address asks for.
pub(crate) fn event_filter(uri: &Uri) -> Result<EventFilter, ApiError> {
    filter(&Params::of(uri))
}

fn filter(params: &Params<'_>) -> Result<EventFilter, ApiError> {
    let mut filter = EventFilter::default();
    filter.kind = params.kind("kind")?;
    filter.name = params.text("name")?;
    filter.failed = params.flag("failed")?;
    filter.from = params.time("from")?;
    filter.to = params.time("to")?;
    filter.heads_only = !params.flag("bodies")?;
    Ok(filter)
}
