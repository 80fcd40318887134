//! create_session, update_session, and the list of sessions.

use agentops_protocol::api::{
    CreateSessionAnswer, SessionList, SessionSummary, UpdateSessionAnswer,
};
use agentops_store::{Cursor, Mutation, PageSize, SessionFilter, SessionRow};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderValue, Uri, header};

use super::idempotency::BatchId;
use crate::access::{KeyHolder, TokenHolder, issue_token};
use crate::app::App;
use crate::error::{ACCEPTED_ENCODINGS, ApiError};
use crate::ingest::{RequestBody, normalise};
use crate::links::{Base, Query};

/// Makes a session, or joins it when the project has one of that id.
pub(crate) async fn create_session(
    State(app): State<App>,
    holder: KeyHolder,
    base: Base,
    body: RequestBody,
) -> Result<impl IntoResponse, ApiError> {
    let patch = body.read(normalise::new_session).await?;
    let Some(id) = patch.id.clone() else {
        let message = "session.id: missing; send any unique string, a UUID say";
        return Err(ApiError::bad_body(message));
    };
    let jwt = issue_token(&app, &holder, &id)?;
    let target = (holder.project, id.clone());
    app.commit(target, Mutation::CreateSession(patch), None)
        .await?;
    let answer = CreateSessionAnswer {
        status: "Success".to_owned(),
        jwt,
        session_url: Some(base.session_url(id.as_str())),
        session_id: Some(id.into()),
    };
    let encodings = HeaderValue::from_static(ACCEPTED_ENCODINGS);
    Ok(([(header::ACCEPT_ENCODING, encodings)], Json(answer)))
}

/// Changes the session of the token.
pub(crate) async fn update_session(
    State(app): State<App>,
    holder: TokenHolder,
    BatchId(batch): BatchId,
    base: Base,
    body: RequestBody,
) -> Result<Json<UpdateSessionAnswer>, ApiError> {
    let mutation = body.read(normalise::update_session).await?;
    let session_url = base.session_url(holder.session.as_str());
    let receipt = app.commit(holder.target(), mutation, batch).await?;
    Ok(Json(UpdateSessionAnswer {
        status: "success".to_owned(),
        token_cost: receipt.cost,
        session_url: Some(session_url),
    }))
}

/// The sessions of the key's project, newest start first.
pub(crate) async fn list_sessions(
    State(app): State<App>,
    holder: KeyHolder,
    uri: Uri,
) -> Result<Json<SessionList>, ApiError> {
    let query = Query::of(&uri);
    let size =
        match query.get("limit") {
            None => PageSize::DEFAULT,
            Some(limit) => limit.parse().ok().and_then(PageSize::new).ok_or_else(|| {
                ApiError::bad_request("limit: expected a whole number from 1 to 500")
            })?,
        };
    let cursor = query
        .get("cursor")
        .filter(|cursor| !cursor.is_empty())
        .map(Cursor);
    let read = app.read(move |store| {
        let filter = SessionFilter::default();
        store.sessions(Some(&holder.project), &filter, size, cursor.as_ref())
    });
    let page = read.await?;
    Ok(Json(SessionList {
        sessions: page.rows.into_iter().map(summary).collect(),
        next_cursor: page.next.map(|Cursor(next)| next),
    }))
}

fn summary(row: SessionRow) -> SessionSummary {
    SessionSummary {
        session_id: row.session.id.into(),
        project_id: row.session.project_id,
        init_timestamp: row.session.init_timestamp,
        end_timestamp: row.session.end_timestamp,
        end_state: row.session.end_state,
        end_state_reason: row.session.end_state_reason,
        tags: row.session.tags,
        status: row.stats.status.clone(),
        stats: row.stats,
    }
}
