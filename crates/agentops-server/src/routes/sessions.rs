//! create_session and update_session.

use agentops_protocol::api::{CreateSessionAnswer, UpdateSessionAnswer};
use agentops_store::Mutation;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderValue, header};

use super::idempotency::BatchId;
use crate::access::{KeyHolder, ParentProject, TokenHolder, issue_token};
use crate::app::App;
use crate::error::{ACCEPTED_ENCODINGS, ApiError};
use crate::ingest::{RequestBody, normalise};
use crate::links::Base;

/// Makes a session, or joins it when the project has one of that id. The project of a parent key
/// may read it from then on.
pub(crate) async fn create_session(
    State(app): State<App>,
    holder: KeyHolder,
    ParentProject(parent): ParentProject,
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
    let mut mutations = vec![Mutation::CreateSession(patch)];
    mutations.extend(parent.map(Mutation::Share));
    app.commit_all(target, mutations, None).await?;
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
