//! Everything of a session.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderValue, header};

use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::links::SessionPath;

/// Everything of a session of the key's project, whole.
pub(crate) async fn export(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
) -> Result<impl IntoResponse, ApiError> {
    let read = app.read(move |store| {
        let Some(export) = store.export(Some(&holder.project), &id)? else {
            return Ok(None);
        };
        // Written here as well: a long session takes long, and this thread may.
        let text = serde_json::to_vec(&export);
        text.map(Some).map_err(|error| ApiError::internal(&error))
    });
    let text = read.await?.ok_or_else(ApiError::no_session)?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], text))
}
