//! The batch id of a request: a repeated one changes nothing and gets the stored answer.

use agentops_protocol::api::IDEMPOTENCY_HEADER;
use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::app::App;
use crate::error::ApiError;

/// The longest batch id.
const KEY_BYTES: usize = 255;

/// The batch id that a request carries, if it carries one.
pub(crate) struct BatchId(pub(crate) Option<String>);

impl FromRequestParts<App> for BatchId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_HEADER) else {
            return Ok(Self(None));
        };
        match value.to_str() {
            Ok(id) if !id.is_empty() && id.len() <= KEY_BYTES => Ok(Self(Some(id.to_owned()))),
            _ => {
                let message = "Idempotency-Key: expected 1 to 255 ASCII characters, a UUID say";
                Err(ApiError::bad_request(message))
            }
        }
    }
}
