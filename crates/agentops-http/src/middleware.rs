//! The middleware of the crate reqwest-middleware.

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};

use crate::capture::Capture;
use crate::reqwest_service::{Sent, begin};

#[async_trait::async_trait]
impl Middleware for Capture {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let call = begin(self, &mut request);
        Sent::new(next.run(request, extensions), call).await
    }
}
