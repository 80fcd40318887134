//! Events as they are looked through: of one session, of all sessions, and one of them whole.

use agentops_protocol::{Event, EventId, ProjectId, SessionId};
use agentops_store::{Cursor, EventFilter, FoundPage};
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::Serialize;
use serde_json::value::RawValue;

use super::params::Params;
use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::links::SessionPath;

/// A page of events.
#[derive(Serialize)]
pub(crate) struct EventList {
    events: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

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
        let rows = page.rows.iter();
        let rows = rows.map(|row| spelled(&row.event, &id, Beside::Index(row.index)));
        Ok::<_, ApiError>(EventList {
            events: rows.collect::<Result<_, _>>()?,
            next_cursor: page.next.map(|Cursor(next)| next),
        })
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
        listed(page)
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
        listed(page)
    });
    Ok(Json(read.await?))
}

fn listed(page: FoundPage) -> Result<EventList, ApiError> {
    let rows = page.rows.iter();
    let rows = rows.map(|row| spelled(&row.event, &row.session, Beside::Project(&row.project)));
    Ok(EventList {
        events: rows.collect::<Result<_, _>>()?,
        next_cursor: page.next.map(|Cursor(next)| next),
    })
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

/// What a list says of an event beside itself and its session.
enum Beside<'a> {
    Index(u64),
    Project(&'a ProjectId),
}

/// An event with its session, as text: what was recorded goes out letter by letter.
fn spelled(
    event: &Event,
    session: &SessionId,
    beside: Beside<'_>,
) -> Result<Box<RawValue>, ApiError> {
    let broken = |error: serde_json::Error| ApiError::internal(&error);
    let event = serde_json::to_string(event).map_err(broken)?;
    let members = event.strip_prefix('{').unwrap_or(&event);
    let session = serde_json::to_string(session).map_err(broken)?;
    let beside = match beside {
        Beside::Index(index) => format!("\"index\":{index}"),
        Beside::Project(id) => {
            let id = serde_json::to_string(id).map_err(broken)?;
            format!("\"project_id\":{id}")
        }
    };
    RawValue::from_string(format!("{{\"session_id\":{session},{beside},{members}")).map_err(broken)
}
