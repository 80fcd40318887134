//! The listener: loopback only, a port of the system's choice, gone when the handle is dropped.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use futures_core::Stream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::formats::{Asked, FORMATS, Format, Streamed};
use crate::reply::{Reply, Says};

/// The largest request it reads.
const MOST_BYTES: usize = 64 << 20;

/// A running provider. Dropping it stops the server.
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct Provider {
    address: SocketAddr,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

/// One request as it came in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Its path.
    pub path: String,
    /// Its body.
    pub body: Value,
}

#[derive(Debug)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    seen: watch::Sender<Vec<Request>>,
}

impl Provider {
    /// Starts on a free port of the loopback interface. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Script {
            replies: Mutex::new(replies.into_iter().collect()),
            seen: watch::Sender::new(Vec::new()),
        });
        let router = router(Arc::clone(&script));
        let task = tokio::spawn(async move {
            // Serving ends with the task; an accept error is retried inside.
            drop(axum::serve(listener, router).await);
        });
        Ok(Self {
            address,
            script,
            task,
        })
    }

    /// Scheme, host and port: what goes in place of `https://api.openai.com`, before `/v1`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a reply at the end of the script.
    pub fn script(&self, reply: Reply) {
        self.script.replies().push_back(reply);
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.script.seen.borrow().clone()
    }

    /// Waits until so many requests have come in, those of before included.
    pub async fn asked(&self, times: usize) {
        let mut seen = self.script.seen.subscribe();
        seen.wait_for(|requests| requests.len() >= times)
            .await
            .expect("the sender lives as long as this");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Script {
    fn replies(&self) -> std::sync::MutexGuard<'_, VecDeque<Reply>> {
        self.replies.lock().expect("nothing panics under this lock")
    }

    /// Notes a request and gives the next reply with its number.
    fn next(&self, path: &str, body: &Value) -> (usize, Reply) {
        self.seen.send_modify(|seen| {
            seen.push(Request {
                path: path.to_owned(),
                body: body.clone(),
            });
        });
        let number = self.seen.borrow().len();
        let none = || Reply::error(500, "the script has no reply for this request");
        (number, self.replies().pop_front().unwrap_or_else(none))
    }
}

fn router(script: Arc<Script>) -> Router {
    let mut router = Router::new();
    for &(path, ref format) in FORMATS {
        let handle = move |State(script), rest: Option<Path<String>>, body| {
            answer(script, path, rest.map(|Path(rest)| rest), format, body)
        };
        router = router.route(path, post(handle));
    }
    router
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(script)
}

async fn answer(
    script: Arc<Script>,
    path: &str,
    rest: Option<String>,
    format: &Format,
    body: Bytes,
) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return refuse(format, 400, "the body is not JSON");
    };
    let (number, reply) = script.next(path, &body);
    let asked = Asked::new(number, rest, body);
    if let Says::Error { status, message } = &reply.says {
        return refuse(format, *status, message);
    }
    if (format.streams)(&asked) {
        return stream((format.stream)(&asked, &reply), reply.stalls_after);
    }
    if reply.stalls_after.is_some() {
        std::future::pending::<()>().await;
    }
    Json((format.whole)(&asked, &reply)).into_response()
}

fn refuse(format: &Format, status: u16, message: &str) -> Response {
    let body = (format.error)(status, message);
    let status = StatusCode::from_u16(status).expect("a script names statuses that exist");
    (status, Json(body)).into_response()
}

fn stream(streamed: Streamed, stalls_after: Option<usize>) -> Response {
    let Streamed {
        content_type,
        head,
        words,
        tail,
    } = streamed;
    let kept = stalls_after.map_or(words.len(), |most| most.min(words.len()));
    let mut frames: VecDeque<Bytes> = head.into_iter().map(Bytes::from).collect();
    frames.extend(words.into_iter().take(kept).map(Bytes::from));
    if stalls_after.is_none() {
        frames.extend(tail.into_iter().map(Bytes::from));
    }
    let body = Body::from_stream(Frames {
        frames,
        stalls: stalls_after.is_some(),
    });
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// A body frame by frame, with or without an end.
struct Frames {
    frames: VecDeque<Bytes>,
    stalls: bool,
}

impl Stream for Frames {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            // Nobody wakes it: the connection's own end drops it.
            None if self.stalls => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}
