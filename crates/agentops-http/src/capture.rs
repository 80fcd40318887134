//! What is put into a client: which endpoints are recorded, and the calls that are.

use std::sync::Arc;

use agentops_core::observe::{self, Place};

use crate::call::{Begin, Call, is_seen_twice};
use crate::known::Known;
use crate::provider::{Provider, Target};
use crate::retries::Retries;

/// Records the LLM calls of a client: a [`tower_layer::Layer`], and a middleware of reqwest-middleware. Clones share
/// what they know of failed attempts.
///
/// A call belongs to the session, agent and call in which the client was called, is recorded from its request to the
/// last byte of its answer, and shows as running meanwhile. Outside a session a request costs one relaxed load.
#[derive(Clone)]
#[must_use = "it is put into a client"]
pub struct Capture {
    providers: Arc<Vec<Arc<dyn Provider>>>,
    retries: Arc<Retries>,
}

/// Records calls of all providers that are built in: [`Capture::provider`] adds more.
///
/// ```
/// use tower_layer::Layer;
///
/// # struct Client;
/// let recorded = agentops_http::layer().layer(Client);
/// # let _ = recorded;
/// ```
pub fn layer() -> Capture {
    Capture {
        providers: Arc::new(vec![Arc::new(Known)]),
        retries: Arc::default(),
    }
}

impl Capture {
    /// Asks this provider, too, and before those that are known already.
    pub fn provider(mut self, provider: impl Provider) -> Self {
        let mut providers: Vec<Arc<dyn Provider>> = vec![Arc::new(provider)];
        providers.extend(self.providers.iter().cloned());
        self.providers = Arc::new(providers);
        self
    }

    /// A request is sent, from here: `None` if it is no call of a model, or nothing is recorded here.
    pub(crate) fn begin(
        &self,
        target: &Target<'_>,
        scheme: &str,
        body: Option<&[u8]>,
    ) -> Option<Call> {
        if observe::is_off() || is_seen_twice() {
            return None;
        }
        self.begin_at(Place::current()?, target, scheme, body)
    }

    /// As [`begin`](Self::begin), for a request that belongs elsewhere.
    pub(crate) fn begin_at(
        &self,
        place: Place,
        target: &Target<'_>,
        scheme: &str,
        body: Option<&[u8]>,
    ) -> Option<Call> {
        let find =
            |provider: &Arc<dyn Provider>| Some((provider.endpoint(target)?, Arc::clone(provider)));
        let (endpoint, provider) = self.providers.iter().find_map(find)?;
        let host = if target.host.contains(':') {
            format!("[{}]", target.host)
        } else {
            target.host.to_owned()
        };
        let port = target
            .port
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Call::begin(Begin {
            place,
            endpoint,
            provider,
            retries: Arc::clone(&self.retries),
            url: format!("{scheme}://{host}{port}{}", target.path),
            body,
        })
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture")
            .field("providers", &self.providers.len())
            .finish_non_exhaustive()
    }
}
