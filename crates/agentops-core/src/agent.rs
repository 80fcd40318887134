//! Agents: who of several did it.

use std::borrow::Cow;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use agentops_protocol::{Agent as WireAgent, AgentId};

use crate::names::named;
use crate::recording::AgentSlot;
use crate::recording::call::Target;
use crate::recording::context::{Entered, Scoped, enter};
use crate::session::Session;

/// One of the agents of a session, made by [`Session::create_agent`]. Cheap to clone.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let client = agentops_core::Client::new(agentops_core::Config::new().data_dir(dir.path()));
/// use agentops_core::{SessionOptions, ToolEvent};
///
/// let session = client.start_session(SessionOptions::new());
/// let researcher = session.create_agent("Researcher");
/// let inside = researcher.enter();
/// session.record(ToolEvent::new("search")); // the Researcher's
/// drop(inside);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Agent {
    session: Session,
    slot: AgentSlot,
    id: AgentId,
    name: String,
}

impl Session {
    /// Adds an agent of this name.
    pub fn create_agent(&self, name: impl Into<String>) -> Agent {
        let (id, name) = (AgentId::from(uuid::Uuid::new_v4()), name.into());
        let wire = WireAgent {
            id: id.clone(),
            name: Some(name.clone()),
            logs: None,
        };
        Agent {
            session: self.clone(),
            slot: self.register(wire),
            id,
            name,
        }
    }
}

impl Agent {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a future as this agent: events inside are its own.
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped::new(self.session.scope_of_agent(self.slot), future)
    }

    /// Makes this the thread's agent until the guard is dropped. Not for async code; use
    /// [`Agent::scope`] there.
    pub fn enter(&self) -> Entered {
        enter(self.session.scope_of_agent(self.slot))
    }

    pub(crate) fn agent_slot(&self) -> AgentSlot {
        self.slot
    }
}

/// Who can act in a call: an [`Agent`], or the name of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an agent nor the name of one",
    note = "give an `agentops::Agent`, or a text: the agent of that name is made when it first acts"
)]
pub trait Acts {
    /// Says who acts.
    fn act(&self, target: &mut Target);
}

impl Acts for Agent {
    fn act(&self, target: &mut Target) {
        target.agent = Some(self.agent_slot());
    }
}

impl Acts for str {
    fn act(&self, target: &mut Target) {
        target.agent = Some(named(target.session_slot(), self));
    }
}

impl Acts for String {
    fn act(&self, target: &mut Target) {
        self.as_str().act(target);
    }
}

impl Acts for Cow<'_, str> {
    fn act(&self, target: &mut Target) {
        self.as_ref().act(target);
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => { $(
        impl<T: Acts + ?Sized> Acts for $pointer {
            fn act(&self, target: &mut Target) {
                (**self).act(target);
            }
        }
    )* };
}
pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);
