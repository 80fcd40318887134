//! Connections: so many at once, each head in time, each ended well.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::tls;
use crate::access::Peer;
use crate::config::Limits;

/// Rest after a failed accept, when the process has too many files open for one.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Resolves when the other side says so, or is gone.
pub(super) async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// File descriptors that are not for connections: the database, its readers, what else is open.
#[cfg(unix)]
const RESERVED: u64 = 192;

/// How many connections the process may have at once by the number of files that it may open.
fn descriptors() -> usize {
    #[cfg(unix)]
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        return usize::try_from(most.saturating_sub(RESERVED)).unwrap_or(usize::MAX);
    }
    usize::MAX
}

/// The accepting of connections.
pub(super) struct Accepting {
    pub(super) listener: TcpListener,
    pub(super) router: Router,
    pub(super) limits: Limits,
    /// Plain connections without it.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Accepting {
    /// Accepts until told to stop, and then waits for the connections that are open.
    pub(super) async fn run(mut self) {
        let most = self.limits.connections.min(descriptors()).max(1);
        let free = Arc::new(Semaphore::new(most));
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                // The place first: a connection beyond the limit waits in the system's queue.
                let place = Arc::clone(&free).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                () = told(&mut self.stop) => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = self.connection(stream, Peer(peer));
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }

    /// Serves one connection to its end, once it is encrypted where it must be.
    fn connection(&self, stream: TcpStream, peer: Peer) -> impl Future<Output = ()> + use<> {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout);
        let (tls, patience) = (self.tls.clone(), self.limits.head_timeout);
        let (router, mut stop) = (self.router.clone(), self.stop.clone());
        async move {
            let _ = stream.set_nodelay(true);
            let Some(tls) = tls else {
                return exchange(stream, peer, router, &builder, stop).await;
            };
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(patience, tls.accept(stream)) => {
                    shaken.unwrap_or_else(|_| Err(tls::too_slow()))
                }
                () = told(&mut stop) => return,
            };
            match shaken {
                Ok(stream) => exchange(stream, peer, router, &builder, stop).await,
                Err(error) => tracing::debug!(%error, "a connection is not encrypted"),
            }
        }
    }
}

/// Answers what comes over a connection until it ends; told to stop, to the end of the request at
/// hand.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    builder: &http1::Builder,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().call(request.map(Body::new))
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}
