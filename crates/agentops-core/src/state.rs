//! What is known of one session of this process. The user's handle and the worker share it; both
//! stand above this file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentops_protocol::{
    Agent, AgentId, EndState, EventId, Json, Session as WireSession, SessionId, Timestamp, Usd,
};

use crate::config::{Content, Settings};
use crate::recording::{AgentSlot, Slot};
use crate::tally::{Loss, Tally};

/// One session of this process.
pub(crate) struct SessionState {
    pub(crate) slot: Slot,
    pub(crate) id: SessionId,
    pub(crate) started: Timestamp,
    /// Whether another process made it: then nothing but an explicit end ends it.
    pub(crate) joined: bool,
    /// The other process's event inside which this one's events happen.
    pub(crate) parent: Option<EventId>,
    pub(crate) settings: Arc<Settings>,
    /// Whether it was sampled out and is kept only if it fails.
    pub(crate) held: bool,
    /// Whether the worker has been told of a change that it has not seen yet.
    queued: AtomicBool,
    /// Events of this process that the spool holds.
    pub(crate) spooled: AtomicU64,
    /// Events that its client lost, by whatever failed.
    failures: Arc<AtomicU64>,
    /// How many of its own a flush has told of.
    pub(crate) told: AtomicU64,
    facts: Mutex<Facts>,
}

/// What changes of a session.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) tags: Vec<String>,
    pub(crate) video: Option<String>,
    pub(crate) host_env: Option<Json>,
    pub(crate) end: Option<Ending>,
    /// Agents that the worker has not written yet.
    pub(crate) agents: Vec<Agent>,
    /// Slots of all its agents.
    agent_slots: Vec<u32>,
    pub(crate) tally: Tally,
    /// The session's page, once the server said.
    pub(crate) url: Option<String>,
    /// Cost as the server answered the end; inner `None`: a price is unknown.
    pub(crate) billed: Option<Option<Usd>>,
    /// Whether an update is to be written.
    pub(crate) changed: bool,
    /// What it is to say of the tags.
    pub(crate) changed_tags: Tags,
}

/// What was done to tags since they were written. Other processes may have given the session some as well: what is not
/// changed here is left alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tags {
    #[default]
    Same,
    Added,
    Set,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) state: EndState,
    pub(crate) reason: Option<String>,
    pub(crate) at: Timestamp,
}

impl SessionState {
    pub(crate) fn new(
        id: SessionId,
        started: Timestamp,
        settings: Arc<Settings>,
        failures: Arc<AtomicU64>,
    ) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let mut slot = NEXT.fetch_add(1, Ordering::Relaxed) & !(Slot::METADATA_ONLY | Slot::OFF);
        if settings.content == Content::MetadataOnly {
            slot |= Slot::METADATA_ONLY;
        }
        Self {
            slot: Slot(slot),
            id,
            started,
            joined: false,
            parent: None,
            settings,
            held: false,
            queued: AtomicBool::new(false),
            spooled: AtomicU64::new(0),
            failures,
            told: AtomicU64::new(0),
            facts: Mutex::default(),
        }
    }

    /// The facts. Never held while user code runs or across a wait.
    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts events that are lost.
    pub(crate) fn lose(&self, loss: Loss, count: u64) {
        self.facts().tally.lose(loss, count);
        if loss.is_failure() {
            self.failures.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Marks a change; `true` when the worker is still to be told. So a session waits in the
    /// worker's queue at most once, however often it changes.
    pub(crate) fn queue(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// The worker has taken notice: the next change is told again.
    pub(crate) fn unqueue(&self) {
        self.queued.store(false, Ordering::Release);
    }

    /// Whether it has ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.facts().end.is_some()
    }

    /// The session as it goes over the wire when it begins: whatever happened to it since is an
    /// update.
    pub(crate) fn wire_at_start(&self) -> WireSession {
        let mut session = self.wire();
        session.end_timestamp = None;
        session.end_state = EndState::Indeterminate;
        session.end_state_reason = None;
        session
    }

    /// What an update says of it; of its tags only where they replace those it has.
    pub(crate) fn update(&self, with_tags: bool) -> Vec<u8> {
        let mut update = serde_json::to_value(self.wire()).unwrap_or_default();
        if !with_tags && let Some(update) = update.as_object_mut() {
            update.remove("tags");
        }
        update.to_string().into_bytes()
    }

    /// The session as it goes over the wire now.
    pub(crate) fn wire(&self) -> WireSession {
        let facts = self.facts();
        let mut session = WireSession::started(self.id.clone(), self.started);
        session.tags.clone_from(&facts.tags);
        session.video.clone_from(&facts.video);
        session.host_env.clone_from(&facts.host_env);
        session.dropped = facts.tally.dropped();
        if let Some(end) = &facts.end {
            session.end_timestamp = Some(end.at);
            session.end_state = end.state;
            session.end_state_reason.clone_from(&end.reason);
        }
        session
    }
}

/// Ids of the agents of this process by slot, as long as their sessions are recorded.
static AGENTS: Mutex<BTreeMap<u32, AgentId>> = Mutex::new(BTreeMap::new());

fn agents() -> MutexGuard<'static, BTreeMap<u32, AgentId>> {
    AGENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The id of the agent of a slot.
pub(crate) fn agent_id(slot: AgentSlot) -> Option<String> {
    agents().get(&slot.0).map(|id| id.as_str().to_owned())
}

impl SessionState {
    /// Takes an agent in, to be written by the worker; its slot.
    pub(crate) fn admit(&self, agent: Agent) -> AgentSlot {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let slot = NEXT.fetch_add(1, Ordering::Relaxed);
        agents().insert(slot, agent.id.clone());
        let mut facts = self.facts();
        facts.agent_slots.push(slot);
        facts.agents.push(agent);
        AgentSlot(slot)
    }

    /// Nothing of this session will be written any more.
    pub(crate) fn forget_agents(&self) {
        let slots = std::mem::take(&mut self.facts().agent_slots);
        let mut agents = agents();
        for slot in slots {
            agents.remove(&slot);
        }
    }
}

/// What was recorded while no session was open.
static HOMELESS: AtomicU64 = AtomicU64::new(0);

/// Counts what no session takes.
pub(crate) fn count_homeless(count: u64) {
    HOMELESS.fetch_add(count, Ordering::Relaxed);
}

/// How much no session took.
pub(crate) fn homeless() -> u64 {
    HOMELESS.load(Ordering::Relaxed)
}

/// The moment now.
pub(crate) fn now() -> Timestamp {
    let micros = match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    Timestamp::from_micros(micros)
}
