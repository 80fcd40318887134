//! One request, carried on to its upstream.

use std::any::type_name;
use std::sync::Arc;

use agentops_core::observe::Place;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Incoming;
use reqwest::{Body, Url};
use serde_json::json;

use super::routes::{Route, Routes};
use crate::body::{RequestBody, ResponseBody};
use crate::call::Call;
use crate::capture::Capture;
use crate::provider::Target;
use crate::reqwest_service::RECORDED;
use crate::scrub;
use crate::service::head;

/// Headers that belong to one connection.
const OF_ONE_CONNECTION: &[HeaderName] = &[
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Encodings that a copy can be read through.
const READABLE: &[&str] = &["gzip", "deflate", "identity"];

/// What a client gets.
pub(super) type Answer = Response<BoxBody<Bytes, reqwest::Error>>;

/// Carries requests on.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) capture: Capture,
    pub(super) client: reqwest::Client,
    /// What every path begins with.
    pub(super) prefix: String,
    pub(super) routes: Arc<Routes>,
}

impl Forward {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let Some((route, rest)) = self.route(request.uri().path()) else {
            return refusal(
                StatusCode::NOT_FOUND,
                "not_found",
                "agentops: nothing is forwarded from here; use the base URL that the recorder gave",
            );
        };
        let url = route.url(rest, request.uri().query());
        self.forward(&route, url, request).await
    }

    /// The route that a path names, and what stands behind it.
    fn route<'a>(&self, path: &'a str) -> Option<(Route, &'a str)> {
        let given = path.get(..self.prefix.len())?;
        // As long for a path that is nearly right as for any other.
        let differing = given.bytes().zip(self.prefix.bytes());
        if differing.fold(0, |sum, (one, other)| sum | (one ^ other)) != 0 {
            return None;
        }
        let behind = &path[self.prefix.len()..];
        let digits = behind.find('/').unwrap_or(behind.len());
        let (number, rest) = behind.split_at(digits);
        Some((self.routes.get(number.parse().ok()?)?, rest))
    }

    async fn forward(&self, route: &Route, url: Url, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let call = self.begin(route, &url, &parts).map(Box::new);
        let copied = call.as_ref().and_then(|call| call.copied());
        let mut upstream = reqwest::Request::new(parts.method, url.clone());
        *upstream.headers_mut() = passed_on(&parts.headers);
        if !body.is_end_stream() {
            *upstream.body_mut() = Some(Body::wrap(RequestBody::new(body, copied)));
        }
        let sent = self.client.execute(upstream).await;
        match sent {
            Ok(response) => answered(call, response),
            Err(error) => {
                let message = scrub::message(&error);
                if let Some(mut call) = call {
                    call.fail(type_name::<reqwest::Error>(), message.clone());
                }
                let origin = url.origin().ascii_serialization();
                refusal(
                    StatusCode::BAD_GATEWAY,
                    "upstream_error",
                    &format!("agentops: {origin} cannot be reached: {message}"),
                )
            }
        }
    }

    fn begin(&self, route: &Route, url: &Url, parts: &http::request::Parts) -> Option<Call> {
        // The program itself records this one, and knows more of it.
        if parts.headers.contains_key(RECORDED) {
            return None;
        }
        let place = route.place.or_else(Place::current)?;
        let host = url.host_str().unwrap_or_default();
        let target = Target::new(parts.method.as_str(), host, url.port(), url.path());
        self.capture.begin_at(place, &target, url.scheme(), None)
    }
}

fn answered(mut call: Option<Box<Call>>, response: reqwest::Response) -> Answer {
    if let Some(call) = &mut call {
        call.answered(head(response.status(), response.headers()));
    }
    let (parts, body) = http::Response::<Body>::from(response).into_parts();
    if let Some(call) = call.as_mut().filter(|_| body.is_end_stream()) {
        call.end();
    }
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    let body = ResponseBody::new(body, call, |error| scrub::message(error)).of_length(announced);
    let mut answer = Response::new(body.boxed());
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = of_both_connections(&parts.headers);
    answer
}

/// A request's headers as they go on.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut passed = of_both_connections(headers);
    passed.remove(header::HOST);
    passed.remove(RECORDED);
    let accepted: Vec<&str> = passed
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|one| {
            let name = one.split(';').next().unwrap_or_default().trim();
            READABLE
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        })
        .collect();
    let accepted = if accepted.is_empty() {
        "identity".to_owned()
    } else {
        accepted.join(", ")
    };
    if let Ok(accepted) = HeaderValue::from_str(&accepted) {
        passed.insert(header::ACCEPT_ENCODING, accepted);
    }
    passed
}

/// All but those that belong to one connection, named by it or known.
fn of_both_connections(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in OF_ONE_CONNECTION {
        kept.remove(name);
    }
    kept.remove("keep-alive");
    kept.remove("proxy-connection");
    for list in headers.get_all(header::CONNECTION) {
        for name in list.to_str().unwrap_or_default().split(',') {
            kept.remove(name.trim());
        }
    }
    kept
}

/// An answer of the recorder's own, as a provider would say it.
fn refusal(status: StatusCode, kind: &str, message: &str) -> Answer {
    let body = json!({ "error": { "message": message, "type": kind, "code": kind } });
    let body = Full::new(Bytes::from(body.to_string()));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed());
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_pass_but_those_of_one_connection() {
        let headers: HeaderMap = [
            ("host", "127.0.0.1:1"),
            ("authorization", "Bearer SECRET"),
            ("connection", "keep-alive, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("accept-encoding", "gzip, br;q=0.5, zstd"),
            (RECORDED, "here"),
            ("x-stainless-lang", "python"),
        ]
        .into_iter()
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_static(value),
            )
        })
        .collect();
        let mut passed: Vec<String> = passed_on(&headers)
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        passed.sort();
        assert_eq!(
            passed,
            [
                "accept-encoding: gzip",
                "authorization: Bearer SECRET",
                "x-stainless-lang: python"
            ]
        );
        let none = passed_on(&HeaderMap::new());
        assert_eq!(none[header::ACCEPT_ENCODING], "identity");
    }
}
