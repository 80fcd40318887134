//! A call that a user started by hand and ends by hand.

use std::error::Error;

use agentops_protocol::{EventId, Usage, Usd};
use serde::Serialize;

use crate::events::Fields;
use crate::recording::end::{End, Wants};
use crate::recording::fault::{Fault, FaultError};
use crate::recording::{CallId, Kind, Outcome, Slot, record};

/// A call that runs. Ended by [`finish`](Self::finish) or [`fail`](Self::fail); dropped before,
/// it was cancelled.
#[derive(Debug)]
#[must_use = "dropped at once, the call is recorded as cancelled"]
pub struct OpenCall {
    id: Option<CallId>,
    session: Slot,
    kind: Kind,
    fields: Fields,
    completed: bool,
}

impl OpenCall {
    pub(crate) fn new(id: Option<CallId>, session: Slot, kind: Kind) -> Self {
        Self {
            id,
            session,
            kind,
            fields: Fields::default(),
            completed: false,
        }
    }

    /// The event's id, for [`ErrorEvent::trigger`](crate::ErrorEvent::trigger); `None` when it
    /// is not recorded.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        self.id.map(|id| EventId::from(id.uuid()))
    }

    /// Sets the completion of an LLM call; [`finish`](Self::finish) then sets the result only.
    pub fn completion(mut self, completion: &(impl Serialize + ?Sized)) -> Self {
        self.fields.content("completion", completion);
        self.completed = true;
        self
    }

    /// Sets the tokens of an LLM call.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.fields.usage(&usage);
        self
    }

    /// Sets the cost of an LLM call.
    pub fn cost(mut self, cost: Usd) -> Self {
        self.fields.cost(cost);
        self
    }

    /// The call returned this; for an LLM call without a completion, it is the completion.
    pub fn finish(mut self, returns: &(impl Serialize + ?Sized)) {
        let key = if self.kind == Kind::Llm && !self.completed {
            "completion"
        } else {
            "returns"
        };
        self.fields.content(key, returns);
        self.end(Outcome::Ok, &[]);
    }

    /// The call failed with this.
    pub fn fail<E: Error + ?Sized>(mut self, error: &E) {
        let wants = if self.session.wants_content() {
            Wants::Event
        } else {
            Wants::Metadata
        };
        let mut end = End::new(wants);
        FaultError::fail(&&&&&Fault(error), &mut end);
        self.end(Outcome::Error, end.error_bytes());
        end.recycle();
    }

    fn end(&mut self, outcome: Outcome, error: &[u8]) {
        let Some(id) = self.id.take() else { return };
        let (session, fields) = (self.session, &self.fields);
        let content = session.wants_content();
        record::end(
            id,
            session,
            outcome,
            &mut |cut| fields.write(cut, content),
            error,
        );
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let panicking = std::thread::panicking();
        self.end(
            if panicking {
                Outcome::Panicked
            } else {
                Outcome::Cancelled
            },
            &[],
        );
    }
}
