//! Images that actions show.

use agentops_protocol::SessionId;
use agentops_store::ImageName;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};

use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;

/// An image can do nothing, and only pages of ours may show it.
const HARMLESS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("inline"),
    ),
    (
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=3600"),
    ),
];

/// The session and the image that a path names.
pub(crate) struct ImagePath(SessionId, ImageName);

impl FromRequestParts<App> for ImagePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((session, image)) = path.map_err(|_| ApiError::no_image())?;
        let session = SessionId::try_from(session).map_err(|_| ApiError::no_session())?;
        // A name is a hash or nothing: no text of a client is ever looked up.
        let image = ImageName::parse(&image).ok_or_else(ApiError::no_image)?;
        Ok(Self(session, image))
    }
}

/// An image of a session that the key's project sees, as what its bytes are.
pub(crate) async fn screenshot(
    State(app): State<App>,
    holder: KeyHolder,
    ImagePath(session, name): ImagePath,
) -> Result<Response, ApiError> {
    let image = app
        .read(move |store| store.image(Some(&holder.project), &session, &name))
        .await?
        .ok_or_else(ApiError::no_image)?;
    let form = HeaderValue::from_static(image.name().form.media_type());
    let mut answer = ([(header::CONTENT_TYPE, form)], image.bytes().to_vec()).into_response();
    answer.headers_mut().extend(HARMLESS);
    Ok(answer)
}
