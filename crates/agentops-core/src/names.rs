//! The sessions of this process by number, and their agents by name: each name is one agent of a
//! session, made when it first acts there.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use agentops_protocol::{Agent as WireAgent, AgentId};

use crate::client::{Client, WeakClient};
use crate::delivery::Link;
use crate::recording::{AgentSlot, Slot};
use crate::state::SessionState;

/// Most agents of a session that are known by name; what further names do is the default agent's.
const NAMES_LIMIT: usize = 4096;

static SESSIONS: RwLock<Sessions> = RwLock::new(Sessions {
    by_slot: BTreeMap::new(),
    swept_at: 0,
});

struct Sessions {
    by_slot: BTreeMap<u32, Known>,
    /// How many there were left when those that are gone were last removed.
    swept_at: usize,
}

/// A session and its agents' names.
struct Known {
    state: Weak<SessionState>,
    link: Link,
    client: WeakClient,
    names: HashMap<String, AgentSlot>,
}

/// A session has begun: agents can be made in it.
#[cfg(feature = "enable")]
pub(crate) fn opened(state: &Arc<SessionState>, link: &Link, client: &Client) {
    let known = Known {
        state: Arc::downgrade(state),
        link: link.clone(),
        client: client.downgrade(),
        names: HashMap::new(),
    };
    let mut sessions = SESSIONS.write().unwrap_or_else(PoisonError::into_inner);
    sessions.by_slot.insert(state.slot.index(), known);
    if sessions.by_slot.len() > 2 * sessions.swept_at + 16 {
        sessions
            .by_slot
            .retain(|_, known| known.state.strong_count() > 0);
        sessions.swept_at = sessions.by_slot.len();
    }
}

/// What a handle on a session of this process is made of, while somebody holds one.
pub(crate) fn handle(session: Slot) -> Option<(Client, Arc<SessionState>)> {
    let sessions = SESSIONS.read().unwrap_or_else(PoisonError::into_inner);
    let known = sessions.by_slot.get(&session.index())?;
    Some((known.client.upgrade()?, known.state.upgrade()?))
}

/// The agent of this name in a session of this process; the default one if there is no such session.
pub(crate) fn named(session: Slot, name: &str) -> AgentSlot {
    let index = session.index();
    {
        let sessions = SESSIONS.read().unwrap_or_else(PoisonError::into_inner);
        match sessions.by_slot.get(&index) {
            None => return AgentSlot::default(),
            Some(known) => {
                if let Some(agent) = known.names.get(name) {
                    return *agent;
                }
            }
        }
    }
    let mut sessions = SESSIONS.write().unwrap_or_else(PoisonError::into_inner);
    let Some(known) = sessions.by_slot.get_mut(&index) else {
        return AgentSlot::default();
    };
    known.make(name)
}

impl Known {
    /// Makes the agent, unless another thread just did.
    fn make(&mut self, name: &str) -> AgentSlot {
        if let Some(agent) = self.names.get(name) {
            return *agent;
        }
        let Some(session) = self.state.upgrade() else {
            return AgentSlot::default();
        };
        if self.names.len() >= NAMES_LIMIT {
            return AgentSlot::default();
        }
        let agent = session.admit(WireAgent {
            id: AgentId::from(uuid::Uuid::new_v4()),
            name: Some(name.to_owned()),
            logs: None,
        });
        self.link.changed(&session);
        self.names.insert(name.to_owned(), agent);
        agent
    }
}
