//! What is added to stored events when they are shown: the same as everywhere, see `Event`.

use agentops_protocol::{Agent, Event, EventId, EventKind, SessionId};

/// The agent to whom events belong that name none. It follows from the session, so nothing is
/// stored for it.
pub(crate) fn default_agent(session: &SessionId) -> Agent {
    Agent::default_of(session)
}

/// Its id.
#[cfg(test)]
pub(crate) fn default_agent_id(session: &SessionId) -> agentops_protocol::AgentId {
    default_agent(session).id
}

/// Adds what is not stored: the default agent, and the kind of an error's trigger.
pub(crate) fn finish(
    event: &mut Event,
    session: &SessionId,
    kind: impl FnOnce(&EventId) -> Option<EventKind>,
) {
    event.fill_in(session, kind);
}

/// Puts prompt and completion into the export's form.
pub(crate) fn spell_out(event: &mut Event) {
    event.spell_out();
}
