//! What a call costs when no session is open: a client that answers at once, with and without the layer, in turns.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response};
use http_body_util::Full;
use serde::Serialize;
use tower_layer::Layer as _;
use tower_service::Service;

use super::quantile;

const CALLS: u32 = 20_000;

type Body = Full<&'static [u8]>;

/// Nanoseconds a call.
#[derive(Debug, Serialize)]
pub(crate) struct Off {
    bare: f64,
    layer: f64,
}

impl Off {
    pub(crate) fn added(&self) -> f64 {
        self.layer - self.bare
    }
}

/// A client without a network.
#[derive(Clone)]
struct AtOnce;

impl<B> Service<Request<B>> for AtOnce {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(Body::new(b"{}"))))
    }
}

pub(crate) fn measure(rounds: usize) -> anyhow::Result<Off> {
    anyhow::ensure!(agentops::current_session().is_none(), "a session is open");
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (mut bare, mut layer) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(runtime.block_on(calls(AtOnce)));
        layer.push(runtime.block_on(calls(agentops::http::layer().layer(AtOnce))));
    }
    Ok(Off {
        bare: quantile(&mut bare, 0.5),
        layer: quantile(&mut layer, 0.5),
    })
}

async fn calls<S>(mut service: S) -> f64
where
    S: Service<Request<Body>, Error = Infallible>,
{
    let start = Instant::now();
    for _ in 0..CALLS {
        let mut request = Request::new(Body::new(b"{\"model\":\"gpt-4o\",\"messages\":[]}"));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("https://api.openai.com/v1/chat/completions");
        let Ok(response) = service.call(request).await;
        black_box(response);
    }
    start.elapsed().as_nanos() as f64 / f64::from(CALLS)
}
