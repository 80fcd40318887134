//! rig's requests through a client of reqwest-middleware. Its own transport of that kind is behind a feature that
//! brings a second cryptography along; a transport is this little.

#![expect(
    clippy::manual_async_fn,
    clippy::result_large_err,
    reason = "the trait says that the future borrows nothing, and its error is what it is"
)]

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use reqwest_middleware::ClientWithMiddleware;
use rig::http_client::{
    Error, HttpClientExt, LazyBody, MultipartForm, Request, Response, Result, StreamingResponse,
};

#[derive(Clone)]
pub(crate) struct Recorded(pub(crate) ClientWithMiddleware);

impl Recorded {
    fn send<T: Into<Bytes>>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<reqwest::Response>> + Send + 'static {
        let (parts, body) = request.into_parts();
        let request = self
            .0
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .body(body.into());
        async move {
            let response = request.send().await.map_err(Error::instance)?;
            if response.status().is_success() {
                return Ok(response);
            }
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.text().await.unwrap_or_default();
            Err(Error::non_success_with_details(status, headers, body))
        }
    }
}

impl HttpClientExt for Recorded {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        let sent = Recorded::send(self, request);
        async move {
            let response = sent.await?;
            let mut head = Response::builder().status(response.status());
            if let Some(headers) = head.headers_mut() {
                *headers = response.headers().clone();
            }
            let body = async { response.bytes().await.map(U::from).map_err(Error::instance) };
            let body: LazyBody<U> = body.boxed();
            head.body(body).map_err(Error::Protocol)
        }
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        async { unreachable!("no chat is a form") }
    }

    async fn send_streaming<T>(&self, request: Request<T>) -> Result<StreamingResponse>
    where
        T: Into<Bytes> + Send,
    {
        let response = Recorded::send(self, request).await?;
        let mut head = Response::builder().status(response.status());
        if let Some(headers) = head.headers_mut() {
            *headers = response.headers().clone();
        }
        let chunks = response
            .bytes_stream()
            .map(|chunk| chunk.map_err(Error::instance));
        head.body(Box::pin(chunks) as _).map_err(Error::Protocol)
    }
}
