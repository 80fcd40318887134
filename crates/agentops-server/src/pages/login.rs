//! Logging in by a link, and out again.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, Uri, header};

use super::shell::{Place, Shell};
use super::{Asker, Page};
use crate::access::{log_out, redeem};
use crate::app::App;
use crate::error::ApiError;
use crate::ingest::RequestBody;
use crate::links::Query;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    code: Option<String>,
}

/// The button that logs in. Nothing is used up by looking at it.
pub(crate) async fn login(uri: Uri) -> Result<Page, ApiError> {
    let code = Query::of(&uri).get("code");
    Page::of(&LoginPage {
        shell: Shell::bare(Place::Nowhere),
        code,
    })
}

/// Uses the code of the form up, and leads to the sessions.
pub(crate) async fn log_in(
    State(app): State<App>,
    Asker(parts): Asker,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let code = body.read(|form| {
        let form = std::str::from_utf8(form).unwrap_or_default();
        Ok(Query::form(form).get("code").unwrap_or_default())
    });
    let code = code.await?;
    let cookie = redeem(&app, &parts, &code).await?;
    let cookie = cookie.ok_or_else(ApiError::login_refused)?;
    leave(&cookie, "/")
}

/// Forgets the login of who asks.
pub(crate) async fn logout(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    leave(&log_out(&app, &parts).await?, "/")
}

/// Sets a cookie and leads on.
pub(super) fn leave(cookie: &str, to: &'static str) -> Result<Response, ApiError> {
    let cookie = HeaderValue::from_str(cookie).map_err(|error| ApiError::internal(&error))?;
    let home = HeaderValue::from_static(to);
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, home)];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
