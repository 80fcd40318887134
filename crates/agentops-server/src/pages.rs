//! Pages for people: rendered here, readable without scripts, and safe to show whatever was
//! recorded.
//!
//! Everything recorded is untrusted: templates escape it, links are made of encoded ids only, and
//! the content policy lets nothing run and nothing load from elsewhere.

mod assets;
mod chart;
mod chat;
mod compare;
mod events;
mod html;
mod login;
mod markdown;
mod markup;
mod messages;
mod overview;
mod projects;
mod session;
mod session_tags;
mod sessions;
mod shell;
mod text;
mod tree;
mod value;

use agentops_protocol::ProjectId;
use askama::Template;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};

pub(crate) use assets::asset;
pub(crate) use compare::compare;
pub(crate) use events::events;
pub(crate) use login::{log_in, login, logout};
pub(crate) use overview::overview;
pub(crate) use projects::{create_key, create_project, projects, revoke_key, switch_project};
pub use session::session_html;
pub(crate) use session::{delete_session, event_panel, session, session_file, session_outline};
pub(crate) use sessions::sessions;

use self::shell::{Place, Shell};
use crate::access::viewer;
use crate::app::App;
use crate::error::ApiError;

/// The content type of pages.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// Scripts come from this server's files alone, and nothing else runs or loads.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// Somebody who may see the pages of a project: logged in to it, or at the server's own machine.
pub(crate) struct Viewer(pub(crate) ProjectId);

impl FromRequestParts<App> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let project = viewer(app, parts).await?;
        project.map(Self).ok_or_else(ApiError::login_needed)
    }
}

/// Who asks, by what the request says of itself.
pub(crate) struct Asker(pub(crate) Parts);

impl FromRequestParts<App> for Asker {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.clone()))
    }
}

/// A rendered page.
pub(crate) struct Page(String);

impl Page {
    fn of(template: &impl Template) -> Result<Self, ApiError> {
        template
            .render()
            .map(Self)
            .map_err(|error| ApiError::internal(&error))
    }
}

impl Page {
    /// HTML that is a page already.
    fn whole(html: String) -> Self {
        Self(html)
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let html = HeaderValue::from_static(HTML);
        ([(header::CONTENT_TYPE, html)], self.0).into_response()
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    shell: Shell,
    status: u16,
    error: &'a str,
    message: &'a str,
}

/// What holds for every page: the content policy, and errors that are pages too.
pub(crate) async fn frame(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    if let Some(error) = answer.extensions_mut().remove::<ApiError>() {
        let template = ErrorPage {
            shell: Shell::bare(Place::Nowhere),
            status: error.status().as_u16(),
            error: error.error(),
            message: error.message(),
        };
        answer = match Page::of(&template) {
            Ok(page) => (error.status(), page).into_response(),
            Err(error) => error.into_response(),
        };
    }
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
