//! What a request is refused with: a status, a few words, and what to do. Causes go to the log
//! only.
//!
//! A handler's error travels as an extension of an empty answer; the outermost layer of the
//! router, which knows the path that was asked, writes the body. So every error has the same form
//! wherever it was found.

use std::borrow::Cow;
use std::fmt;

use agentops_protocol::accept::Refusal;
use agentops_protocol::{api::ErrorBody, limits};
use agentops_store::{CatalogError, IngestError, QueryError};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// The longest path that is repeated in an error body.
const PATH_CHARS: usize = 1_024;

/// A refused or failed request.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    error: &'static str,
    message: Cow<'static, str>,
    retry_after: bool,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        error: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            error,
            message: message.into(),
            retry_after: false,
        }
    }

    fn busy(message: &'static str) -> Self {
        Self {
            retry_after: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "Server busy", message)
        }
    }

    /// No key, no well-formed key, or none that is known.
    pub(crate) fn invalid_key() -> Self {
        let message = "Please check your API key and try again";
        Self::new(StatusCode::UNAUTHORIZED, "Invalid API key", message)
    }

    /// No token, a forged one, or one whose time is over.
    pub(crate) fn invalid_token() -> Self {
        let message = "Please reauthorize using /reauthorize_jwt";
        Self::new(StatusCode::UNAUTHORIZED, "Invalid or expired JWT", message)
    }

    /// A page asked for by somebody who would have to log in.
    pub(crate) fn login_needed() -> Self {
        let message = "Run `agentops login` on the server's machine and open the link that it \
                       prints. A browser on that machine itself needs no login where it asks for \
                       http://127.0.0.1 or http://localhost directly";
        Self::new(StatusCode::UNAUTHORIZED, "Not logged in", message)
    }

    /// A login link that was used, is over, or never was.
    pub(crate) fn login_refused() -> Self {
        let message = "This link was used before or is too old; run `agentops login` for a new one";
        Self::new(StatusCode::UNAUTHORIZED, "Not logged in", message)
    }

    /// A request that another site's page made the browser send.
    pub(crate) fn foreign_origin() -> Self {
        let message = "This request came from another site's page; send it with an API key";
        Self::new(StatusCode::FORBIDDEN, "Foreign origin", message)
    }

    /// A body that is not what the endpoint takes.
    pub(crate) fn bad_body(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Invalid request body", message)
    }

    /// A query parameter or header that cannot be used.
    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Invalid request", message)
    }

    /// No session of that id in the caller's project. Says nothing of other projects.
    pub(crate) fn no_session() -> Self {
        let message = "There is no session of this id in this project";
        Self::new(StatusCode::NOT_FOUND, "Session not found", message)
    }

    /// No event of that id in a session that the caller sees.
    pub(crate) fn no_event() -> Self {
        let message = "There is no event of this id in a session of this project";
        Self::new(StatusCode::NOT_FOUND, "Event not found", message)
    }

    /// No image of that name in a session that the caller sees.
    pub(crate) fn no_image() -> Self {
        let message = "There is no image of this name in a session of this project";
        Self::new(StatusCode::NOT_FOUND, "Image not found", message)
    }

    /// A session that the caller reads and does not own.
    pub(crate) fn read_only() -> Self {
        let message = "This session is another project's; only a key of that one may change it";
        Self::new(StatusCode::FORBIDDEN, "Read only", message)
    }

    /// No such path.
    pub(crate) fn no_route() -> Self {
        let message = "There is nothing at this path; the API lies under /v2";
        Self::new(StatusCode::NOT_FOUND, "Not found", message)
    }

    /// The path exists, for another method.
    pub(crate) fn wrong_method() -> Self {
        let message = "This path does not take this method; see the Allow header";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            message,
        )
    }

    /// A body over the limit, before or after decompression.
    pub(crate) fn too_large() -> Self {
        let message = format!(
            "A request body has at most {} bytes, decompressed; send smaller batches",
            limits::BODY_BYTES
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request too large", message)
    }

    /// A compression that the server does not know.
    pub(crate) fn unknown_encoding() -> Self {
        let message = "Content-Encoding must be identity, gzip or zstd";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported encoding",
            message,
        )
    }

    /// The body did not come in time.
    pub(crate) fn body_timeout() -> Self {
        let message = "The request body did not arrive in time; send it again";
        Self::new(StatusCode::REQUEST_TIMEOUT, "Request timeout", message)
    }

    /// The answer did not come in time. What was sent may have been stored: sending it again is
    /// safe.
    pub(crate) fn answer_timeout() -> Self {
        Self::busy("The server could not answer in time; send the request again")
    }

    /// All memory for request bodies is taken.
    pub(crate) fn no_room() -> Self {
        Self::busy("Too many large requests at once; send it again later")
    }

    /// All places of followers are taken.
    pub(crate) fn no_room_to_follow() -> Self {
        Self::busy("Too many follow the changes already; ask again later")
    }

    /// The writer has ended, and so will the process.
    pub(crate) fn writer_gone() -> Self {
        Self::busy("The database writer has stopped; the server is ending")
    }

    /// Something broke here. The cause goes to the log.
    pub(crate) fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(error = %cause, "request failed");
        let message = "The server failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", message)
    }

    /// What a framework's bare error status is called.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        Self::new(status, reason, "The request cannot be answered as it is")
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn error(&self) -> &'static str {
        self.error
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The answer as JSON. `headers` of the answer it replaces are kept, `Allow` for one.
    pub(crate) fn into_json(self, path: &str, replaced: Response) -> Response {
        let body = ErrorBody {
            error: self.error.to_owned(),
            message: self.message.clone().into_owned(),
            path: path.chars().take(PATH_CHARS).collect(),
        };
        let mut answer = (self.status, Json(body)).into_response();
        if let Some(allow) = replaced.headers().get(header::ALLOW) {
            answer.headers_mut().insert(header::ALLOW, allow.clone());
        }
        self.headers(&mut answer);
        answer
    }

    fn headers(&self, answer: &mut Response) {
        let headers = answer.headers_mut();
        if self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            let accepted = HeaderValue::from_static(ACCEPTED_ENCODINGS);
            headers.insert(header::ACCEPT_ENCODING, accepted);
        }
    }
}

/// The compressions of request bodies that are understood.
pub(crate) const ACCEPTED_ENCODINGS: &str = "gzip, zstd";

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut answer = self.status.into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::bad_body(refusal.to_string())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Cursor => Self::bad_request(error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        Self::internal(&error)
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Busy => Self::busy("The writer is busy; send the request again later"),
            IngestError::Stopped => Self::busy("The server is going down; send the request again"),
            other => Self::internal(&other),
        }
    }
}
