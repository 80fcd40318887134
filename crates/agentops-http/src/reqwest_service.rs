//! The layer over services of `reqwest::Request`: reqwest's own client, and what async-openai takes.

use std::any::type_name;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::HeaderValue;
use pin_project_lite::pin_project;
use reqwest::{Body, Request, Response, ResponseBuilderExt as _};
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{RequestBody, ResponseBody};
use crate::call::Call;
use crate::capture::Capture;
use crate::provider::Target;
use crate::scrub;
use crate::service::{Captured, head};

/// Tells a loopback recorder that the call is recorded where it is made. Never sent anywhere else.
pub(crate) const RECORDED: &str = "agentops-recorded";

/// A recorder's paths begin with this.
pub(crate) const RECORDER_PATH: &str = "/agentops-";

/// A request is sent, from here. A body that is no bytes yet is copied while it passes.
pub(crate) fn begin(capture: &Capture, request: &mut Request) -> Option<Box<Call>> {
    if agentops_core::observe::is_off() {
        return None;
    }
    let url = request.url();
    let host = url.host_str().unwrap_or_default();
    let target = Target::new(request.method().as_str(), host, url.port(), url.path());
    let to_recorder = target.is_loopback() && target.path.starts_with(RECORDER_PATH);
    let body = match request.body() {
        None => Some(&[][..]),
        Some(body) => body.as_bytes(),
    };
    let call = Box::new(capture.begin(&target, url.scheme(), body)?);
    if let Some(copied) = call.copied()
        && let Some(body) = request.body_mut().take()
    {
        *request.body_mut() = Some(Body::wrap(RequestBody::new(body, Some(copied))));
    }
    if to_recorder {
        let here = HeaderValue::from_static("here");
        request.headers_mut().insert(RECORDED, here);
    }
    Some(call)
}

/// The response, its body read while it passes.
fn answered(mut call: Box<Call>, response: Response) -> Response {
    call.answered(head(response.status(), response.headers()));
    let url = response.url().clone();
    let (mut parts, body) = http::Response::<Body>::from(response).into_parts();
    // A response knows its URL by an extension that only this builder can make.
    if let Ok(named) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(named.into_parts().0.extensions);
    }
    let body = ResponseBody::new(body, Some(call), |error| scrub::message(error));
    Response::from(http::Response::from_parts(parts, Body::wrap(body)))
}

impl<S> Service<Request> for Captured<S>
where
    S: Service<Request, Response = Response>,
    S::Error: Error + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Sent<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let call = begin(&self.capture, &mut request);
        let _inside = call.as_ref().and_then(|call| call.enter());
        Sent::new(self.inner.call(request), call)
    }
}

pin_project! {
    /// A request that was sent.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Sent<F> {
        #[pin]
        inner: F,
        call: Option<Box<Call>>,
    }
}

impl<F> Sent<F> {
    pub(crate) fn new(inner: F, call: Option<Box<Call>>) -> Self {
        Self { inner, call }
    }
}

impl<F, E> Future for Sent<F>
where
    F: Future<Output = Result<Response, E>>,
    E: Error + 'static,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _inside = this.call.as_ref().and_then(|call| call.enter());
            ready!(this.inner.poll(context))
        };
        let Some(mut call) = this.call.take() else {
            return Poll::Ready(result);
        };
        Poll::Ready(match result {
            Ok(response) => Ok(answered(call, response)),
            Err(error) => {
                call.fail(type_name::<E>(), scrub::message(&error));
                Err(error)
            }
        })
    }
}

impl Capture {
    /// For a client whose services take something of its own that a `reqwest::Request` is made from, as async-openai's
    /// take a request factory: `make` makes it, and what is below the layer gets the request.
    ///
    /// ```text
    /// let http = ServiceBuilder::new()
    ///     .layer(OpenAIRetryLayer::default())
    ///     .layer(agentops::http::layer().requests_by(|factory: HttpRequestFactory| async move { factory.build().await }))
    ///     .service(reqwest::Client::new());
    /// let client = async_openai::Client::new().with_http_service(http);
    /// ```
    pub fn requests_by<M>(self, make: M) -> BuildLayer<M> {
        BuildLayer {
            capture: self,
            make,
        }
    }
}

/// The layer of [`Capture::requests_by`].
#[derive(Clone, Debug)]
#[must_use = "it is put into a client"]
pub struct BuildLayer<M> {
    capture: Capture,
    make: M,
}

impl<S, M: Clone> Layer<S> for BuildLayer<M> {
    type Service = Built<S, M>;

    fn layer(&self, inner: S) -> Built<S, M> {
        Built {
            inner: self.capture.layer(inner),
            make: self.make.clone(),
        }
    }
}

/// The service of [`BuildLayer`].
#[derive(Clone, Debug)]
pub struct Built<S, M> {
    inner: Captured<S>,
    make: M,
}

/// Both steps as one future.
type Boxed<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

impl<R, S, M, F, E> Service<R> for Built<S, M>
where
    M: Fn(R) -> F,
    F: Future<Output = Result<Request, E>> + Send + 'static,
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Error: Error + 'static,
    S::Future: Send,
    E: From<S::Error> + Send,
{
    type Response = Response;
    type Error = E;
    type Future = Boxed<E>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.inner.poll_ready(context).map_err(E::from)
    }

    fn call(&mut self, made_from: R) -> Self::Future {
        let request = (self.make)(made_from);
        // The one that is ready goes along; its clone may have to become so again.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let request = request.await?;
            Ok(Service::<Request>::call(&mut ready, request).await?)
        })
    }
}
