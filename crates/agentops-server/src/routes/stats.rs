//! The counts of a session.

use agentops_protocol::api::Stats;
use axum::Json;
use axum::extract::State;

use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::ingest;
use crate::links::SessionPath;

/// The counts of a session of the key's project.
pub(crate) async fn stats(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
) -> Result<Json<Stats>, ApiError> {
    ingest::finish(&app, &holder.project, &id).await?;
    let stats = app
        .read(move |store| store.stats(Some(&holder.project), &id))
        .await?;
    stats.map(Json).ok_or_else(ApiError::no_session)
}
