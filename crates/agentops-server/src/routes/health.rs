//! Whether the server is up.

use axum::Json;
use serde::Serialize;

/// Answer of `/health`.
#[derive(Serialize)]
pub(crate) struct Health {
    message: &'static str,
}

/// The server is up: it answers.
pub(crate) async fn health() -> Json<Health> {
    Json(Health {
        message: "Server Up",
    })
}
