//! The layer over services of `http::Request`.

use std::any::type_name;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response, header};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{RequestBody, ResponseBody};
use crate::call::Call;
use crate::capture::Capture;
use crate::provider::Target;
use crate::reply::Head;
use crate::scrub;

impl<S> Layer<S> for Capture {
    type Service = Captured<S>;

    fn layer(&self, inner: S) -> Captured<S> {
        Captured {
            inner,
            capture: self.clone(),
        }
    }
}

/// A service whose calls of models are recorded: of `http::Request`, and with the feature `reqwest` of
/// `reqwest::Request`.
#[derive(Clone, Debug)]
pub struct Captured<S> {
    pub(crate) inner: S,
    pub(crate) capture: Capture,
}

impl<S, B, R> Service<Request<B>> for Captured<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
    S::Error: Display,
    B: Body,
    R: Body,
    R::Error: Display,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = begin(&self.capture, &request).map(Box::new);
        let copied = call.as_ref().and_then(|call| call.copied());
        let request = request.map(|body| RequestBody::new(body, copied));
        let _inside = call.as_ref().and_then(|call| call.enter());
        ResponseFuture {
            inner: self.inner.call(request),
            call,
        }
    }
}

fn begin<B>(capture: &Capture, request: &Request<B>) -> Option<Call> {
    if agentops_core::observe::is_off() {
        return None;
    }
    let uri = request.uri();
    // A request in origin form names its host in a header.
    let named = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority: Option<http::uri::Authority> = match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => named.and_then(|host| host.parse().ok()),
    };
    let host = authority.as_ref().map_or("", |authority| authority.host());
    let port = authority.as_ref().and_then(http::uri::Authority::port_u16);
    let target = Target::new(request.method().as_str(), host, port, uri.path());
    capture.begin(&target, uri.scheme_str().unwrap_or("https"), None)
}

/// What is looked at of a response's head.
pub(crate) fn head(status: http::StatusCode, headers: &HeaderMap) -> Head<'_> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Head {
        status: status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        encoding: text(header::CONTENT_ENCODING),
    }
}

fn describe<E: Display>(error: &E) -> String {
    scrub::urls(&error.to_string())
}

pin_project! {
    /// The future of [`Captured`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        call: Option<Box<Call>>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    R::Error: Display,
    E: Display,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = {
            let _inside = this.call.as_ref().and_then(|call| call.enter());
            ready!(this.inner.poll(context))
        };
        let mut call = this.call.take();
        Poll::Ready(match answered {
            Ok(response) => {
                if let Some(call) = &mut call {
                    call.answered(head(response.status(), response.headers()));
                    if response.body().is_end_stream() {
                        call.end();
                    }
                }
                Ok(response.map(|body| ResponseBody::new(body, call, describe)))
            }
            Err(error) => {
                if let Some(call) = &mut call {
                    call.fail(type_name::<E>(), describe(&error));
                }
                Err(error)
            }
        })
    }
}
