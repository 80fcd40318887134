//! A recorder between a client and its providers, for clients that take nothing but a base URL: a library without a
//! hook, a program in any language.
//!
//! ```text
//! client ── http://127.0.0.1:PORT/agentops-TOKEN/N/chat/completions ──▶ recorder ── TLS ──▶ upstream N + /chat/completions
//! ```
//!
//! It listens on the loopback interface only, on a port of the system's choice, and answers nobody who does not know
//! the token in the path. What goes through is not altered: methods, bodies, statuses, and all headers but those that
//! belong to one connection. Of `Accept-Encoding` only what can be read stays. Keys pass through and are never kept.

mod error;
mod forward;
mod routes;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use agentops_core::observe::Place;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

pub use self::error::RecorderError;
use self::forward::Forward;
use self::routes::Routes;
use crate::capture::Capture;
use crate::reqwest_service::RECORDER_PATH;

/// Connections at a time; more wait.
const CONNECTIONS: usize = 512;

/// Longest wait for a request's head.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Pause after a connection could not be taken (no file descriptor left).
const PAUSE: Duration = Duration::from_millis(50);

/// A recorder that runs. Dropped, it stops: calls that run then are cancelled.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// # let client = reqwest::Client::new();
/// use agentops_http::{Recorder, layer};
///
/// let recorder = Recorder::start(layer(), client).await?;
/// // What a client that knows no more is given in place of `http://localhost:11434`:
/// let url = recorder.base_url("http://localhost:11434")?;
/// assert!(url.starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it stops when this is dropped"]
pub struct Recorder {
    address: SocketAddr,
    prefix: String,
    routes: Arc<Routes>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Starts it inside the current tokio runtime. `client` carries the requests on: it brings TLS, and should neither
    /// decompress nor follow redirects.
    ///
    /// # Errors
    /// When no port can be bound, or the system gives no random numbers.
    pub async fn start(
        capture: Capture,
        client: reqwest::Client,
    ) -> Result<Recorder, RecorderError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(RecorderError::Listen)?;
        let address = listener.local_addr().map_err(RecorderError::Listen)?;
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(RecorderError::Random)?;
        let token = random.map(|byte| format!("{byte:02x}")).concat();
        let prefix = format!("{RECORDER_PATH}{token}/");
        let routes = Arc::new(Routes::default());
        let forward = Arc::new(Forward {
            capture,
            client,
            prefix: prefix.clone(),
            routes: Arc::clone(&routes),
        });
        let (stop, stopped) = watch::channel(false);
        Ok(Recorder {
            address,
            prefix,
            routes,
            stop,
            task: tokio::spawn(serve(listener, forward, stopped)),
        })
    }

    /// The URL to give a client in place of `upstream`. Calls over it belong where this is called: in the session,
    /// agent and call that are current here; else to the process's session, if there is one when they are made.
    ///
    /// # Errors
    /// When `upstream` is no `http` or `https` URL with a host, or when there are 4,096 already.
    pub fn base_url(&self, upstream: &str) -> Result<String, RecorderError> {
        let number = self.routes.add(upstream, Place::current())?;
        Ok(format!("http://{}{}{number}", self.address, self.prefix))
    }

    /// Stops it and waits until every call that ran has been recorded as far as it came.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // It ends by itself; a panic in it is nothing that its user could do anything about.
        drop((&mut self.task).await);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections until it is told to stop, or aborted; either ends them too.
async fn serve(listener: TcpListener, forward: Arc<Forward>, mut stopped: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let Some((stream, place)) = unless(stopped.wait_for(|stopped| *stopped), next).await else {
            break;
        };
        match stream {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&forward), place));
            }
            Err(error) => {
                tracing::warn!(target: "agentops", "the recorder cannot take a connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    connections.shutdown().await;
}

/// What `wanted` gives, unless `end` comes first.
async fn unless<T>(end: impl Future, wanted: impl Future<Output = T>) -> Option<T> {
    let (mut end, mut wanted) = (pin!(end), pin!(wanted));
    poll_fn(|context| match end.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => wanted.as_mut().poll(context).map(Some),
    })
    .await
}

/// One client's requests, one after the other. Its place among the connections is kept as long.
async fn connection<P>(stream: TcpStream, forward: Arc<Forward>, _place: P) {
    // A stream's chunks are small and are wanted at once.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let forward = Arc::clone(&forward);
        async move { Ok::<_, Infallible>(forward.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away is no fault of ours.
    drop(connection.await);
}
