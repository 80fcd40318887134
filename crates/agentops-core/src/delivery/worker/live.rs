//! The sessions that are being recorded, as the worker knows them.

use std::collections::HashMap;
use std::sync::Arc;

use agentops_spool::Op;

use crate::delivery::join::Names;
use crate::recording::{AgentSlot, Slot};
use crate::state::{self, SessionState};
use crate::tally::Loss;

/// A session that is being recorded.
pub(super) struct Live {
    pub(super) state: Arc<SessionState>,
    pub(super) client: u32,
    /// Lines of a session that was sampled out and is kept only if it fails.
    pub(super) held: Option<Held>,
}

/// Lines that wait in memory for how their session ends, up to `memory_limit` a session.
#[derive(Default)]
pub(super) struct Held {
    pub(super) lines: Vec<(Op, Vec<u8>)>,
    pub(super) bytes: usize,
}

/// Looks up what an event names.
pub(super) struct Lookup<'a>(pub(super) &'a HashMap<u32, Live>);

impl Names for Lookup<'_> {
    fn agent(&self, agent: AgentSlot) -> Option<String> {
        state::agent_id(agent)
    }

    fn outer_parent(&self, session: Slot) -> Option<String> {
        let live = self.0.get(&session.index())?;
        live.state.parent.as_ref().map(|id| id.as_str().to_owned())
    }
}

/// Counts what was recorded while its session ended: in the session as long as somebody holds it.
pub(super) fn too_late(session: Slot, count: u64, loss: Loss) {
    match crate::names::handle(session) {
        Some((_, state)) => state.lose(loss, count),
        None => state::count_homeless(count),
    }
}
