//! One table of all routes, and the frame around every answer.

use std::time::{Duration, Instant};

use agentops_protocol::api::SERVER_HEADER;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use http::{HeaderValue, header};

use crate::access::is_foreign;
use crate::app::App;
use crate::error::ApiError;
use crate::{pages, routes};

/// Under which prefixes a route exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Under {
    /// With `/v2` and without: the documented API.
    Both,
    /// With `/v2` only: our additions, so that none meets a page.
    V2,
    /// As it stands: pages.
    Root,
}

fn table() -> Vec<(Under, &'static str, MethodRouter<App>)> {
    use Under::{Both, Root, V2};
    vec![
        (Both, "/create_session", post(routes::create_session)),
        (Both, "/update_session", post(routes::update_session)),
        (Both, "/create_events", post(routes::create_events)),
        (Both, "/update_events", post(routes::update_events)),
        (Both, "/create_agent", post(routes::create_agent)),
        (Both, "/create_thread", post(routes::create_thread)),
        (Both, "/reauthorize_jwt", post(routes::reauthorize_jwt)),
        (Both, "/update_logs", put(routes::update_logs)),
        (Both, "/developer_errors", post(routes::developer_errors)),
        (Both, "/sessions/{id}/stats", get(routes::stats)),
        (Both, "/sessions/{id}/export", get(routes::export)),
        (Both, "/ttd/{id}", get(routes::ttd)),
        (Both, "/health", get(routes::health)),
        (
            V2,
            "/sessions",
            get(routes::list_sessions).post(routes::create_session),
        ),
        (Root, "/", get(pages::sessions)),
        (Root, "/sessions/{id}", get(pages::session)),
        (Root, "/assets/{name}", get(pages::asset)),
    ]
}

/// All routes over `app`. Whoever accepts connections puts a [`Peer`](crate::Peer) on every request; without
/// one a request counts as coming from outside.
pub fn router(app: App) -> Router {
    let mut api = Router::new();
    let mut html = Router::new();
    for (under, path, handlers) in table() {
        if under == Under::Root {
            html = html.route(path, handlers);
            continue;
        }
        if under == Under::Both {
            api = api.route(path, handlers.clone());
        }
        api = api.route(&format!("/v2{path}"), handlers);
    }
    let html = html.layer(middleware::from_fn(pages::frame));
    api.merge(html)
        .fallback(|| async { ApiError::no_route() })
        .method_not_allowed_fallback(|| async { ApiError::wrong_method() })
        .layer(middleware::from_fn_with_state(app.clone(), frame))
        .with_state(app)
}

/// What holds for every answer: it comes in time, its errors are JSON, it says who answered.
async fn frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let (parts, body) = request.into_parts();
    let answer = if is_foreign(&parts) {
        ApiError::foreign_origin().into_response()
    } else {
        let request = Request::from_parts(parts, body);
        in_time(next.run(request), app.limits().request_timeout).await
    };
    let mut answer = explained(answer, &path);
    tracing::debug!(
        %method,
        path,
        status = answer.status().as_u16(),
        duration_ms = begun.elapsed().as_millis(),
        "answered",
    );
    let headers = answer.headers_mut();
    let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
    headers.insert(SERVER_HEADER, version);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    answer
}

async fn in_time(answer: impl Future<Output = Response>, limit: Duration) -> Response {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => ApiError::answer_timeout().into_response(),
    }
}

/// An error as JSON, with the path that was asked.
fn explained(mut answer: Response, path: &str) -> Response {
    let status = answer.status();
    if let Some(error) = answer.extensions_mut().remove::<ApiError>() {
        return error.into_json(path, answer);
    }
    let is_error = status.is_client_error() || status.is_server_error();
    let content = answer.headers().get(header::CONTENT_TYPE);
    // What the framework refuses by itself has no body of ours.
    let is_ours =
        content.is_some_and(|content| content == "application/json" || content == pages::HTML);
    if is_error && !is_ours {
        return ApiError::of_status(status).into_json(path, answer);
    }
    answer
}

#[cfg(test)]
mod tests;
