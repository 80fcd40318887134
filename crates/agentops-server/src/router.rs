//! All routes, the document that describes them, and the frame around every answer.

mod parameters;
mod table;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use agentops_protocol::api::SERVER_HEADER;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use self::table::{Route, Under, table};
use crate::access::is_foreign;
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::{self, Operation};
use crate::pages;

/// All routes over `app`. Whoever accepts connections puts a [`Peer`](crate::Peer) on every request; without
/// one a request counts as coming from outside.
pub fn router(app: App) -> Router {
    let mut api = Router::new();
    let mut html = Router::new();
    for route in all() {
        if route.under == Under::Root {
            html = html.route(route.path, route.handlers);
            continue;
        }
        if matches!(route.under, Under::Both | Under::Bare) {
            api = api.route(route.path, route.handlers.clone());
        }
        if route.under != Under::Bare {
            api = api.route(&format!("/v2{}", route.path), route.handlers);
        }
    }
    let html = html.layer(middleware::from_fn(pages::frame));
    api.merge(html)
        .fallback(|| async { ApiError::no_route() })
        .method_not_allowed_fallback(|| async { ApiError::wrong_method() })
        .layer(middleware::from_fn_with_state(app.clone(), frame))
        .with_state(app)
}

/// All routes.
fn all() -> Vec<Route> {
    let route = |path| Route::at(Under::Both, path);
    let op = Operation::new;
    let mut routes = table();
    routes.extend([
        route("/openapi.json").get(
            openapi_json,
            op("openapiJson", "This document").json("Document"),
        ),
        route("/openapi.yaml").get(
            openapi_yaml,
            op("openapiYaml", "This document; JSON is YAML")
                .content(&[("application/yaml", Some("Document"))]),
        ),
    ]);
    routes
}

/// The OpenAPI document of all routes; made once.
fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let table = all();
        let api = table.iter().filter(|route| route.under != Under::Root);
        let spelled = api.flat_map(|route| {
            let prefixes = match route.under {
                Under::Both => &["/v2", ""][..],
                Under::Bare => &[""],
                Under::V2 | Under::Root => &["/v2"],
            };
            let prefixes = prefixes.iter().copied();
            prefixes.flat_map(move |prefix| {
                let operations = route.operations.iter();
                operations.map(move |(method, operation)| {
                    let path = format!("{prefix}{}", route.path);
                    (path, !prefix.is_empty(), *method, operation)
                })
            })
        });
        let document = openapi::document(spelled);
        serde_json::to_string_pretty(&document).expect("a JSON value can be written")
    })
}

async fn openapi_json() -> impl IntoResponse {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], document())
}

async fn openapi_yaml() -> impl IntoResponse {
    let yaml = HeaderValue::from_static("application/yaml");
    ([(header::CONTENT_TYPE, yaml)], document())
}

/// What holds for every answer: it comes in time, its errors are JSON, it says who answered.
async fn frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let (parts, body) = request.into_parts();
    let answer = if is_foreign(&app, &parts) {
        ApiError::foreign_origin().into_response()
    } else {
        let request = Request::from_parts(parts, body);
        in_time(next.run(request), app.limits().request_timeout).await
    };
    let mut answer = explained(answer, &path);
    app.meter().answered(answer.status(), begun.elapsed());
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
