//! What becomes of an event: counted, masked, shown to the hook, and written, or held until it is known how its
//! session ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use agentops_pricing::Prices;
use agentops_protocol::{EndState, EventKind};
use agentops_spool::Op;

use super::live::too_late;
use super::tick::Worker;
use crate::delivery::join::{Joined, llm_facts};
use crate::recording::Slot;
use crate::tally::Loss;

impl Worker {
    pub(super) fn events(&mut self, joined: &mut Vec<Joined>) {
        joined.sort_by_key(|event| event.order);
        joined.drain(..).for_each(|event| self.event(event));
    }

    pub(super) fn event(&mut self, event: Joined) {
        let Joined {
            session,
            kind,
            end_us,
            order: _,
            json,
        } = event;
        let Some(live) = self.sessions.get(&session.index()) else {
            return too_late(session, 1, Loss::NoSession);
        };
        let state = Arc::clone(&live.state);
        let facts = (kind == EventKind::Llm).then(|| {
            let mut facts = llm_facts(&json);
            if facts.cost.is_none() {
                let model = facts.model.as_deref();
                facts.cost = model.and_then(|model| Prices::builtin().cost(model, &facts.usage));
            }
            facts
        });
        if self.line(session, Op::Event, json) {
            self.unconfirmed.insert(session.index());
            let mut known = state.facts();
            known.tally.event(kind, end_us);
            if let Some(facts) = &facts {
                known.tally.llm(facts);
            }
        }
    }

    /// Masks an event, shows it to the hook and writes it; whether it was kept.
    pub(super) fn line(&mut self, session: Slot, op: Op, json: Vec<u8>) -> bool {
        let Some(live) = self.sessions.get(&session.index()) else {
            return false;
        };
        let Some(client) = self.clients.get(&live.client) else {
            return false;
        };
        let mut json = client.redactor.redact(&json).unwrap_or(json);
        if let Some(hook) = &client.settings.before_send {
            match hooked(hook.as_ref(), &json) {
                Some(changed) => json = changed,
                None => {
                    if op == Op::Event {
                        live.state.lose(Loss::Hook, 1);
                    }
                    return false;
                }
            }
        }
        self.write(session.index(), op, &json)
    }

    /// Writes a line of a session, or holds it; whether it was kept.
    pub(super) fn write(&mut self, index: u32, op: Op, body: &[u8]) -> bool {
        let Some(live) = self.sessions.get_mut(&index) else {
            return false;
        };
        let Some(client) = self.clients.get_mut(&live.client) else {
            return false;
        };
        if let Some(held) = &mut live.held {
            if held.bytes + body.len() > client.settings.memory_limit {
                if op == Op::Event {
                    live.state.lose(Loss::MemoryFull, 1);
                }
                return false;
            }
            held.bytes += body.len();
            held.lines.push((op, body.to_vec()));
            return true;
        }
        match client.append(op, live.state.id.as_str(), body) {
            Ok(()) => true,
            Err(loss) => {
                if op == Op::Event {
                    live.state.lose(loss, 1);
                }
                false
            }
        }
    }

    /// A session that was sampled out is kept if it failed.
    pub(super) fn decide_held(&mut self, index: u32, end: EndState) {
        let Some(live) = self.sessions.get_mut(&index) else {
            return;
        };
        let Some(held) = live.held.take() else { return };
        if end == EndState::Failure {
            for (op, body) in held.lines {
                self.write(index, op, &body);
            }
        } else {
            let events = held.lines.iter().filter(|(op, _)| *op == Op::Event).count();
            live.state.lose(Loss::Sampled, events as u64);
            self.sessions.remove(&index);
        }
    }
}

/// The event as the user's hook leaves it; `None` when it is to be dropped.
fn hooked(
    hook: &(dyn Fn(&mut serde_json::Value) -> bool + Send + Sync),
    json: &[u8],
) -> Option<Vec<u8>> {
    let mut value = serde_json::from_slice(json).ok()?;
    let keep = catch_unwind(AssertUnwindSafe(|| hook(&mut value))).unwrap_or(false);
    keep.then(|| serde_json::to_vec(&value).ok()).flatten()
}
