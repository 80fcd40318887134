//! update_logs.

use agentops_protocol::api::LogsAnswer;
use axum::Json;
use axum::extract::State;

use super::idempotency::BatchId;
use crate::access::TokenHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::ingest::{RequestBody, normalise};
use crate::links::Base;

/// Appends to the log of the session of the token.
pub(crate) async fn update_logs(
    State(app): State<App>,
    holder: TokenHolder,
    BatchId(batch): BatchId,
    base: Base,
    body: RequestBody,
) -> Result<Json<LogsAnswer>, ApiError> {
    let mutation = body.read(normalise::logs).await?;
    let logs_url = format!("{}?tab=logs", base.session_url(holder.session.as_str()));
    app.commit(holder.target(), mutation, batch).await?;
    Ok(Json(LogsAnswer {
        status: "success".to_owned(),
        logs_url,
    }))
}
