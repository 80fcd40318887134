//! What a server makes of sessions, as far as it said: its token for one, or that it refuses it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::state::SessionState;

/// Most sessions of which a token, or that they are refused, is kept.
const MAX_SESSIONS: usize = 10_000;

/// Sessions by id.
#[derive(Default)]
pub(crate) struct Standing {
    tokens: Mutex<HashMap<String, Arc<str>>>,
    refused: Mutex<HashSet<String>>,
    sessions: Mutex<HashMap<String, Weak<SessionState>>>,
}

impl Standing {
    /// A session of this process, to be told what the server says of it.
    pub(crate) fn know(&self, session: &Arc<SessionState>) {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, known| known.strong_count() > 0);
        sessions.insert(session.id.as_str().to_owned(), Arc::downgrade(session));
    }

    /// The session of this process that has this id.
    pub(crate) fn session(&self, sid: &str) -> Option<Arc<SessionState>> {
        lock(&self.sessions).get(sid)?.upgrade()
    }

    pub(crate) fn token(&self, sid: &str) -> Option<Arc<str>> {
        lock(&self.tokens).get(sid).cloned()
    }

    /// Keeps a session's token. A program of many sessions forgets all of them now and then: who
    /// needs one asks for it again.
    pub(crate) fn authorise(&self, sid: &str, token: Arc<str>) {
        let mut tokens = lock(&self.tokens);
        if tokens.len() >= MAX_SESSIONS {
            tokens.clear();
        }
        tokens.insert(sid.to_owned(), token);
    }

    /// The token is no longer good.
    pub(crate) fn expire(&self, sid: &str) {
        lock(&self.tokens).remove(sid);
    }

    pub(crate) fn is_refused(&self, sid: &str) -> bool {
        lock(&self.refused).contains(sid)
    }

    /// The server wants nothing of this session; whether that is new.
    pub(crate) fn refuse(&self, sid: &str) -> bool {
        let mut refused = lock(&self.refused);
        if refused.len() >= MAX_SESSIONS {
            // They are refused again when they come again.
            refused.clear();
        }
        refused.insert(sid.to_owned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
