//! One call that is seen.

use std::sync::Arc;

use agentops_protocol::EventId;

use super::claim::{Attempt, Claim, close};
use super::ending::{End, Ending};
use super::facts::{Facts, Source};
use super::place::Place;
use crate::recording::context::Scope;
use crate::recording::{CallId, Kind, clock, record};

/// What is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A call of a language model.
    Llm,
    /// A call of a tool.
    Tool,
    /// A step of an agent.
    Action,
}

impl What {
    fn kind(self) -> Kind {
        match self {
            What::Llm => Kind::Llm,
            What::Tool => Kind::Tool,
            What::Action => Kind::Action,
        }
    }
}

/// A call that runs, as one observer sees it. Dropped, it was cancelled, or it panicked if the thread is panicking.
///
/// ```
/// # #[cfg(all(feature = "enable", feature = "testing"))] {
/// use agentops_core::observe::{Ending, Observed, Place, Source, What};
/// use agentops_core::{Usage, testing};
///
/// let seen = testing::capture(|_| {
///     // A library's span …
///     let mut span = Observed::open(What::Llm, Source::Span, Place::current().unwrap(), "gpt-4", |_| {});
///     {
///         let _inside = span.place().enter();
///         // … in which a request is sent: the same call.
///         let mut request = Observed::open(What::Llm, Source::Wire, Place::current().unwrap(), "gpt-4-0613", |facts| {
///             facts.prompt("2 + 2?");
///         });
///         request.learn(|facts| facts.completion("4"));
///         request.end(Ending::Ok);
///     }
///     span.learn(|facts| facts.usage(Usage::new(150, 80)));
///     span.end(Ending::Ok);
/// });
/// let [call] = seen.events("llms") else { panic!("recorded once") };
/// assert_eq!((&call["model"], &call["prompt_tokens"]), (&"gpt-4-0613".into(), &150.into()));
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropped at once, the call is recorded as cancelled"]
pub struct Observed {
    /// Where the call itself belongs.
    around: Scope,
    started: u64,
    panicking: bool,
    facts: Facts,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    /// It has an event.
    Event(CallId, Kind),
    /// It has an event that others may see from nearer.
    Claimed(Arc<Claim>),
    /// It is what another one sees, from nearer.
    Nearer(Arc<Claim>),
    /// It has ended, or memory was used up.
    Nothing,
}

impl Observed {
    /// A call begins at `place`. `name` is the model, the tool's or the action's name, empty if it is not known yet;
    /// `tell` says what is known already, so that it is visible while the call runs.
    pub fn open(
        what: What,
        source: Source,
        place: Place,
        name: &str,
        tell: impl FnOnce(&mut Facts),
    ) -> Observed {
        let started = clock::now();
        let around = place.0;
        let mut facts = Facts::new(source, place.wants_content());
        tell(&mut facts);
        if !name.is_empty() {
            facts.set_name_if_none(name);
        }
        let claim = match what {
            What::Llm => Claim::take(around),
            _ => None,
        };
        let seen = match claim {
            Some(claim) => Seen::Nearer(claim),
            None => begin(started, around, what, &facts),
        };
        Observed {
            around,
            started,
            panicking: std::thread::panicking(),
            facts,
            seen,
        }
    }

    /// The event that this call is recorded as; another observer's where that one sees the same call.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        self.call().map(|id| EventId::from(id.uuid()))
    }

    /// Where what happens inside the call belongs.
    #[must_use]
    pub fn place(&self) -> Place {
        Place(match self.call() {
            Some(parent) => Scope {
                parent,
                ..self.around
            },
            None => self.around,
        })
    }

    /// Tells more of the call.
    pub fn learn(&mut self, tell: impl FnOnce(&mut Facts)) {
        tell(&mut self.facts);
    }

    /// Whether messages, arguments and results are recorded.
    #[must_use]
    pub fn wants_content(&self) -> bool {
        self.facts.wants_content()
    }

    /// The call has ended, and it is known how.
    pub fn end(mut self, ending: Ending) {
        self.close(ending, true);
    }

    /// The call has ended, probably so: whoever has seen it from nearer knows better.
    pub fn end_unsure(mut self, ending: Ending) {
        self.close(ending, false);
    }

    fn call(&self) -> Option<CallId> {
        match &self.seen {
            Seen::Event(id, _) => Some(*id),
            Seen::Claimed(claim) | Seen::Nearer(claim) => Some(claim.id()),
            Seen::Nothing => None,
        }
    }

    fn close(&mut self, ending: Ending, sure: bool) {
        let end = End {
            at: clock::now(),
            ending,
            sure,
        };
        let nothing = Facts::new(Source::Span, false);
        let facts = std::mem::replace(&mut self.facts, nothing);
        match std::mem::replace(&mut self.seen, Seen::Nothing) {
            Seen::Nothing => {}
            Seen::Event(id, kind) => close(id, self.around, kind, &facts, &end),
            Seen::Claimed(claim) => claim.end(facts, end),
            Seen::Nearer(claim) => claim.give_back(Attempt {
                started: self.started,
                facts,
                end,
            }),
        }
    }
}

fn begin(started: u64, around: Scope, what: What, facts: &Facts) -> Seen {
    let kind = what.kind();
    let name = facts.known_name().unwrap_or_default();
    let id = record::start_at(started, around, kind, name, &mut |cut| facts.write(cut));
    match id {
        None => Seen::Nothing,
        Some(id) if kind == Kind::Llm => Seen::Claimed(Claim::register(id, around)),
        Some(id) => Seen::Event(id, kind),
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if !matches!(self.seen, Seen::Nothing) {
            let panicked = !self.panicking && std::thread::panicking();
            let ending = if panicked {
                Ending::Panicked
            } else {
                Ending::Cancelled
            };
            self.close(ending, true);
        }
    }
}
