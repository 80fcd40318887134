//! create_agent and create_thread.

use axum::Json;
use axum::extract::State;

use super::idempotency::BatchId;
use crate::access::TokenHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::ingest::{RequestBody, normalise};

/// Adds or renames an agent of the session of the token.
pub(crate) async fn create_agent(
    State(app): State<App>,
    holder: TokenHolder,
    BatchId(batch): BatchId,
    body: RequestBody,
) -> Result<Json<&'static str>, ApiError> {
    let mutation = body.read(normalise::agent).await?;
    app.commit(holder.target(), mutation, batch).await?;
    Ok(Json("Success"))
}

/// Adds or moves a thread of the session of the token.
pub(crate) async fn create_thread(
    State(app): State<App>,
    holder: TokenHolder,
    BatchId(batch): BatchId,
    body: RequestBody,
) -> Result<Json<&'static str>, ApiError> {
    let mutation = body.read(normalise::thread).await?;
    app.commit(holder.target(), mutation, batch).await?;
    Ok(Json("Success"))
}
