//! Where a call that was seen belongs.

use agentops_protocol::EventId;

use crate::names::named;
use crate::recording::Slot;
use crate::recording::context::{self, Entered, Scope};

/// A session, the agent that acts in it and the call around: where something belongs. To be copied and kept: a place
/// that was taken inside a call can be entered on any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub(super) Scope);

impl Place {
    /// The place of a scope.
    pub(crate) fn of(scope: Scope) -> Place {
        Place(scope)
    }

    /// Its scope.
    pub(crate) fn scope(self) -> Scope {
        self.0
    }

    /// Where code that runs here and now is: in the innermost scope of the task or thread, else in the process's
    /// session. `None` where nothing is recorded.
    #[must_use]
    pub fn current() -> Option<Place> {
        if context::is_off() {
            return None;
        }
        context::current().map(Place)
    }

    /// Makes this the place of what the thread does until the guard is dropped. Not to be held across an `.await`.
    pub fn enter(self) -> Entered {
        context::enter(self.0)
    }

    /// The same place, for the agent of this name; it is made if the session has none.
    #[must_use]
    pub fn acting(self, agent: &str) -> Place {
        Place(Scope {
            agent: named(self.0.session, agent),
            ..self.0
        })
    }

    /// The event of the call around.
    #[must_use]
    pub fn parent(self) -> Option<EventId> {
        let parent = self.0.parent;
        (!parent.is_none()).then(|| EventId::from(parent.uuid()))
    }

    /// Whether both belong to one session.
    #[must_use]
    pub fn shares_session(self, other: Place) -> bool {
        self.0.session.index() == other.0.session.index()
    }

    /// Whether messages, arguments and results may be looked at, and not only names, times and counts.
    #[must_use]
    pub fn wants_content(self) -> bool {
        self.slot().wants_content()
    }

    pub(super) fn slot(self) -> Slot {
        self.0.session
    }
}
