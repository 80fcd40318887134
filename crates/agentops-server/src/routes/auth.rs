//! reauthorize_jwt.

use agentops_protocol::accept;
use agentops_protocol::api::ReauthorizeAnswer;
use axum::Json;
use axum::extract::State;

use crate::access::{KeyHolder, issue_token};
use crate::app::App;
use crate::error::ApiError;
use crate::ingest::RequestBody;

/// A new token for a session of the key's own project: one that is only shared with it is read,
/// never written.
pub(crate) async fn reauthorize_jwt(
    State(app): State<App>,
    holder: KeyHolder,
    body: RequestBody,
) -> Result<Json<ReauthorizeAnswer>, ApiError> {
    let session = body.read(accept::reauthorize).await?;
    let (project, id) = (holder.project.clone(), session.clone());
    let known = app
        .read(move |store| store.session(Some(&project), &id))
        .await?;
    let project = holder.project.as_str();
    if known.is_none_or(|row| row.session.project_id != project) {
        return Err(ApiError::no_session());
    }
    Ok(Json(ReauthorizeAnswer {
        status: "Success".to_owned(),
        jwt: issue_token(&app, &holder, &session)?,
    }))
}
