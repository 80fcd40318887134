//! How a session is started.

use std::sync::Arc;

use agentops_protocol::{EventId, SessionId};

use super::{Session, given_id};
use crate::client::Client;
use crate::config::Config;
use crate::recording::context;
use crate::state::{SessionState, now};

/// How a session is started; see [`Client::start_session`].
///
/// ```
/// use agentops_core::{Config, SessionOptions};
/// let options = SessionOptions::new().tags(["nightly"]).config(Config::new().max_queue_size(64));
/// # drop(options);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a session is started with them"]
pub struct SessionOptions {
    tags: Vec<String>,
    config: Option<Config>,
    id: Option<String>,
    inherit: Option<String>,
    parent: Option<String>,
}

impl SessionOptions {
    /// A new session with the client's configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tags beside the client's default ones.
    pub fn tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// A configuration of its own: the session gets a client of its own.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The id of the new session: any unique string up to 128 bytes. Default: a UUID.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Joins a session of another process: both contribute to one. It ends only when somebody
    /// says so.
    pub fn inherit(mut self, id: impl Into<String>) -> Self {
        self.inherit = Some(id.into());
        self
    }

    /// The event of that other process inside which what is recorded here happens: the id that
    /// [`current_event`](crate::current_event) gave there. One that is unusable is left out.
    pub fn parent(mut self, event: impl Into<String>) -> Self {
        self.parent = Some(event.into());
        self
    }
}

impl Client {
    /// Starts a session, or joins one.
    ///
    /// Only [`init`](crate::init) makes a session that everything without a scope belongs to;
    /// one started here is reached by [`Session::scope`], [`Session::enter`] and its own methods.
    #[must_use]
    pub fn start_session(&self, options: SessionOptions) -> Session {
        let client = match options.config {
            Some(config) => Client::new(config),
            None => self.clone(),
        };
        let settings = client.shared_settings();
        let Some(link) = client.link() else {
            return Session::inactive(client);
        };
        // Whoever made a session that is joined has decided for all of it.
        let sampled_out = options.inherit.is_none() && fastrand::f64() >= settings.sample_rate;
        if sampled_out && !settings.keep_failed {
            return Session::inactive(client);
        }
        let joined = options.inherit.is_some();
        let id = match options.inherit.or(options.id) {
            Some(text) => given_id(&text),
            None => SessionId::from(uuid::Uuid::new_v4()),
        };
        let mut state = SessionState::new(id, now(), Arc::clone(&settings), client.failures());
        state.joined = joined;
        state.held = sampled_out;
        state.parent = options.parent.and_then(|id| id.parse::<EventId>().ok());
        {
            let mut facts = state.facts();
            for tag in settings.default_tags.iter().chain(&options.tags) {
                if !facts.tags.contains(tag) {
                    facts.tags.push(tag.clone());
                }
            }
        }
        let state = Arc::new(state);
        link.open(&state);
        context::opened();
        Session::begun(client.clone(), state)
    }
}
