//! Sessions as they are looked through: lists, one, its log, and its end.

use agentops_protocol::api::{SessionAnswer, SessionList};
use agentops_protocol::{ProjectId, SessionId};
use agentops_store::{Cursor, Mutation, SessionFilter, SessionOrder, SessionSort};
use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Serialize;

use super::params::Params;
use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::ingest;
use crate::links::SessionPath;

/// The sessions that the key's project sees.
pub(crate) async fn list_sessions(
    State(app): State<App>,
    holder: KeyHolder,
    uri: Uri,
) -> Result<Json<SessionList>, ApiError> {
    let params = Params::of(&uri);
    let filter = filter(&params)?;
    let (size, cursor) = params.page()?;
    let read = app
        .read(move |store| store.sessions(Some(&holder.project), &filter, size, cursor.as_ref()));
    let page = read.await?;
    Ok(Json(SessionList {
        sessions: page.rows.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(|Cursor(next)| next),
    }))
}

/// Which sessions a list's address asks for.
pub(crate) fn session_filter(uri: &Uri) -> Result<SessionFilter, ApiError> {
    filter(&Params::of(uri))
}

fn filter(params: &Params<'_>) -> Result<SessionFilter, ApiError> {
    let mut filter = SessionFilter::default();
    filter.text = params.text("text")?;
    filter.tag = params.text("tag")?;
    filter.agent = params.text("agent")?;
    filter.model = params.text("model")?;
    let states = "Success, Fail or Indeterminate";
    filter.end_state = params.one("end_state", states, |text| text.parse().ok())?;
    filter.running = params.one("status", "running or ended", |text| match text {
        "running" => Some(true),
        "ended" => Some(false),
        _ => None,
    })?;
    filter.from = params.time("from")?;
    filter.to = params.time("to")?;
    filter.with_errors = params.flag("errors")?;
    filter.micros = (
        params.seconds("min_duration")?,
        params.seconds("max_duration")?,
    );
    filter.cost = (params.cost("min_cost")?, params.cost("max_cost")?);
    filter.order = order(params)?;
    Ok(filter)
}

fn order(params: &Params<'_>) -> Result<SessionOrder, ApiError> {
    let expected = "start, duration, cost, errors or tokens";
    let by = params.one("sort", expected, |text| match text {
        "start" => Some(SessionSort::Start),
        "duration" => Some(SessionSort::Duration),
        "cost" => Some(SessionSort::Cost),
        "errors" => Some(SessionSort::Errors),
        "tokens" => Some(SessionSort::Tokens),
        _ => None,
    })?;
    let ascending = params.one("order", "asc or desc", |text| match text {
        "asc" => Some(true),
        "desc" => Some(false),
        _ => None,
    })?;
    Ok(SessionOrder {
        by: by.unwrap_or_default(),
        ascending: ascending.unwrap_or(false),
    })
}

/// One session that the key's project sees.
pub(crate) async fn get_session(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
) -> Result<Json<SessionAnswer>, ApiError> {
    ingest::finish(&app, &holder.project, &id).await?;
    let row = app
        .read(move |store| store.session(Some(&holder.project), &id))
        .await?;
    let row = row.ok_or_else(ApiError::no_session)?;
    Ok(Json(SessionAnswer {
        session: row.session,
        stats: row.stats,
    }))
}

/// Takes a session of the key's project away, for good.
pub(crate) async fn delete_session(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
) -> Result<StatusCode, ApiError> {
    delete_from(&app, holder.project, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a session of a project's own away, for good.
pub(crate) async fn delete_from(
    app: &App,
    project: ProjectId,
    id: SessionId,
) -> Result<(), ApiError> {
    let (whose, session) = (project.clone(), id.clone());
    let row = app
        .read(move |store| store.session(Some(&whose), &session))
        .await?;
    let row = row.ok_or_else(ApiError::no_session)?;
    if row.session.project_id != project.as_str() {
        return Err(ApiError::read_only());
    }
    app.commit((project, id), Mutation::Delete, None).await?;
    Ok(())
}

/// The text that update_logs appended.
#[derive(Serialize)]
pub(crate) struct Logs {
    logs: String,
}

/// The log of a session that the key's project sees.
pub(crate) async fn session_logs(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
) -> Result<Json<Logs>, ApiError> {
    let logs = app
        .read(move |store| store.logs(Some(&holder.project), &id))
        .await?;
    let logs = logs.ok_or_else(ApiError::no_session)?;
    Ok(Json(Logs { logs }))
}
