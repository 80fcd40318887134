//! create_events and update_events.

use axum::Json;
use axum::extract::State;

use super::idempotency::BatchId;
use crate::access::TokenHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::ingest::{RequestBody, normalise};

/// What both answer: a JSON string.
const SUCCESS: Json<&str> = Json("Success");

/// Adds events to the session of the token; all of them or, when one is refused, none.
pub(crate) async fn create_events(
    State(app): State<App>,
    holder: TokenHolder,
    BatchId(batch): BatchId,
    body: RequestBody,
) -> Result<Json<&'static str>, ApiError> {
    let (session, received) = (holder.session.clone(), app.now());
    let read = body.read(move |bytes| normalise::create_events(bytes, &session, received));
    app.commit_all(holder.target(), read.await?, batch).await?;
    Ok(SUCCESS)
}

/// Changes events of the session of the token.
pub(crate) async fn update_events(
    State(app): State<App>,
    holder: TokenHolder,
    BatchId(batch): BatchId,
    body: RequestBody,
) -> Result<Json<&'static str>, ApiError> {
    let session = holder.session.clone();
    let read = body.read(move |bytes| normalise::update_events(bytes, &session));
    app.commit_all(holder.target(), read.await?, batch).await?;
    Ok(SUCCESS)
}
