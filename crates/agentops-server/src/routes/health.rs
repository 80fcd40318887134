//! Whether the server is up.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;
use crate::error::ApiError;

/// Answer of `/health`.
#[derive(Serialize)]
pub(crate) struct Health {
    message: &'static str,
}

/// The server is up: it answers, and what it takes it can store.
pub(crate) async fn health(State(app): State<App>) -> Result<Json<Health>, ApiError> {
    if !app.store().is_alive() {
        return Err(ApiError::writer_gone());
    }
    Ok(Json(Health {
        message: "Server Up",
    }))
}
