//! One call: from the start record to its outcome.
//!
//! ```text
//! running ──finish──▶ done (ok or error)        running ──dropped──▶ done (cancelled)
//!    │▲ enter / leave
//! in the user's code ──unwound──▶ done (panicked)
//! ```
//!
//! A call that ends a session instead of writing a record (a function under `#[session]`), or that is nothing but the
//! scope of an agent (`#[track_agent]`), takes the same path.

use std::fmt;

use super::context::{self, Nested, Scope};
use super::cut::Cut;
use super::end::{End, Ending, Wants};
use super::fault::panic_object;
use super::shield::{self, shielded};
use super::{AgentSlot, Kind, Outcome, Slot, buffers, clock, record};

/// What is known of a call before it is made.
#[derive(Debug)]
pub struct Site {
    kind: Kind,
    name: &'static str,
}

impl Site {
    /// An action of this name.
    pub const fn action(name: &'static str) -> Site {
        Site {
            kind: Kind::Action,
            name,
        }
    }

    /// A tool of this name.
    pub const fn tool(name: &'static str) -> Site {
        Site {
            kind: Kind::Tool,
            name,
        }
    }
}

/// A call that is being recorded.
#[must_use = "a call that is dropped counts as cancelled"]
pub struct Call {
    /// The scope of what the call does: the call itself is the parent.
    scope: Scope,
    at: u64,
    state: State,
    ends: Ends,
}

/// What the end of a call is for.
enum Ends {
    /// An event's end record.
    Record,
    /// Somebody is told of it.
    Tell(Box<dyn Ending>),
    /// Nothing: only the scope counts.
    Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    InUserCode,
    Done,
}

/// Where a call belongs if not to the current scope.
#[derive(Debug, Default)]
pub struct Target {
    /// The session.
    pub(crate) session: Option<Slot>,
    /// The agent.
    pub(crate) agent: Option<AgentSlot>,
}

/// Writes the arguments of a call.
#[derive(Debug)]
pub struct Params<'a> {
    cut: Cut<'a>,
    any: bool,
}

impl<'a> Params<'a> {
    /// Arguments that are written to be read again: each may be as long as `limit`.
    pub(crate) fn to_be_read(out: &'a mut Vec<u8>, limit: usize) -> Params<'a> {
        Params {
            cut: Cut::with_limit(out, limit),
            any: false,
        }
    }

    /// Begins an argument; the name is given as it stands in JSON, with its colon.
    #[inline]
    pub fn key(&mut self, quoted: &str) -> &mut Cut<'a> {
        // Apart, each is a copy of known length.
        if self.any {
            self.cut.raw(",");
        } else {
            self.cut.raw("\"params\":{");
        }
        self.any = true;
        self.cut.raw(quoted);
        &mut self.cut
    }

    /// An argument that is computed for the record: code of the user, which may panic.
    pub fn field(&mut self, quoted: &str, write: impl FnOnce(&mut Cut<'_>)) {
        if !self.key(quoted).guarded(write) {
            self.cut
                .raw("{\"unserializable\":\"the expression panicked\"}");
        }
    }

    pub(crate) fn close(&mut self) {
        if self.any {
            self.cut.raw("}");
        }
    }
}

/// Begins a call in the current scope; `args` runs only if something records.
#[inline(always)]
pub fn start(site: &'static Site, args: impl FnOnce(&mut Params<'_>)) -> Option<Call> {
    if context::is_off() {
        return None;
    }
    Call::open_current(site, args)
}

/// Begins a call in the session or for the agent that `target` names.
#[inline]
pub fn start_in(
    site: &'static Site,
    target: impl FnOnce(&mut Target),
    args: impl FnOnce(&mut Params<'_>),
) -> Option<Call> {
    if context::is_off() {
        return None;
    }
    let mut named = Target::default();
    let _ = shielded(|| target(&mut named));
    Call::open(site, named.scope()?, args)
}

/// The scope of an agent, for a function that has no event of its own.
#[inline]
pub fn act(target: impl FnOnce(&mut Target)) -> Option<Call> {
    if context::is_off() {
        return None;
    }
    let mut named = Target::default();
    let _ = shielded(|| target(&mut named));
    Some(Call {
        scope: named.scope()?,
        at: 0,
        state: State::Running,
        ends: Ends::Scope,
    })
}

/// Runs a function's body inside its call; `finish` sees the result, outside of it.
#[inline(always)]
pub fn run<R>(
    call: Option<Call>,
    body: impl FnOnce() -> R,
    finish: impl FnOnce(R, Option<Call>) -> R,
) -> R {
    match call {
        None => body(),
        Some(call) => run_recorded(call, body, finish),
    }
}

/// The same for a result whose type `finish` changes, recorded or not.
#[inline]
pub fn run_any<R, T>(
    call: Option<Call>,
    body: impl FnOnce() -> R,
    finish: impl FnOnce(R, Option<Call>) -> T,
) -> T {
    match call {
        None => finish(body(), None),
        Some(call) => run_recorded(call, body, finish),
    }
}

/// Stands apart so that a function that is not recorded saves no registers for it.
#[inline(never)]
fn run_recorded<R, T>(
    mut call: Call,
    body: impl FnOnce() -> R,
    finish: impl FnOnce(R, Option<Call>) -> T,
) -> T {
    // Dropped before the call if the body unwinds, so that the panic is recorded outside of the call.
    let nested = call.enter();
    let result = body();
    drop(nested);
    call.state = State::Running;
    finish(result, Some(call))
}

impl Target {
    /// The session that the call will belong to.
    pub(crate) fn session_slot(&self) -> Slot {
        self.session
            .unwrap_or_else(|| context::raw_current().session)
    }

    pub(crate) fn scope(&self) -> Option<Scope> {
        let around = context::raw_current();
        let mut scope = match self.session {
            Some(session) if session.index() != around.session.index() => Scope::of(session),
            _ => around,
        };
        scope.agent = self.agent.unwrap_or(scope.agent);
        scope.session.records().then_some(scope)
    }
}

impl Call {
    /// Stands apart so that a function that is not recorded saves no registers for it.
    #[inline(never)]
    fn open_current(site: &'static Site, args: impl FnOnce(&mut Params<'_>)) -> Option<Call> {
        Call::open(site, context::current()?, args)
    }

    #[inline]
    fn open(
        site: &'static Site,
        around: Scope,
        args: impl FnOnce(&mut Params<'_>),
    ) -> Option<Call> {
        let mut scratch = buffers::scratch();
        if around.session.wants_content() {
            let mut params = Params {
                cut: Cut::new(&mut scratch),
                any: false,
            };
            args(&mut params);
            params.close();
        }
        Call::append(site, around, scratch)
    }

    fn append(site: &'static Site, around: Scope, scratch: Vec<u8>) -> Option<Call> {
        let at = clock::now();
        let id = record::append_start(at, around, site.kind, site.name, scratch);
        let scope = Scope {
            parent: id?,
            ..around
        };
        Some(Call {
            scope,
            at,
            state: State::Running,
            ends: Ends::Record,
        })
    }

    /// A call that has no record of its own: whoever is given learns how it ended.
    pub(crate) fn ending(scope: Scope, ending: Box<dyn Ending>) -> Call {
        Call {
            scope,
            at: clock::now(),
            state: State::Running,
            ends: Ends::Tell(ending),
        }
    }

    /// When the call started.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// From here on a panic is one of the call's.
    #[inline]
    pub(crate) fn enter(&mut self) -> Nested {
        self.state = State::InUserCode;
        Nested::enter(self.scope)
    }

    /// The user's code has been left.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.state = State::Running;
    }

    /// Runs a part of the call inside of it; a panic ends the call there and then.
    #[inline]
    pub(crate) fn within<R>(&mut self, run: impl FnOnce() -> R) -> R {
        let scope = self.scope;
        self.state = State::InUserCode;
        // In this order: unwinding leaves the scope first and records the panic outside of the call.
        let unwound = Unwound(self);
        let nested = Nested::enter(scope);
        let result = run();
        drop(nested);
        unwound.passed();
        result
    }

    /// The scope of what the call does.
    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the outcome is known already.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// What should be learnt about the end.
    #[inline]
    pub(crate) fn wants(&self) -> Wants {
        match &self.ends {
            Ends::Record if self.scope.session.wants_content() => Wants::Event,
            Ends::Record => Wants::Metadata,
            Ends::Tell(ending) => ending.wants(),
            Ends::Scope => Wants::Nothing,
        }
    }

    /// Ends the call by its result.
    #[inline]
    pub(crate) fn finish(self, look: impl FnOnce(&mut End)) {
        let at = clock::now();
        let mut end = End::new(self.wants());
        look(&mut end);
        self.close(at, end);
    }

    /// The result goes on after it was returned.
    pub(crate) fn goes_on(&mut self) {
        if let Ends::Tell(ending) = &mut self.ends {
            ending.goes_on();
        }
    }

    /// An item of it has been looked at.
    pub(crate) fn item(&mut self, end: &End) {
        if let Ends::Tell(ending) = &mut self.ends {
            ending.item(end);
        }
    }

    /// Ends the call by what has been learnt.
    pub(crate) fn close(mut self, at: u64, mut end: End) {
        self.state = State::Done;
        if !matches!(self.ends, Ends::Record) {
            return self.tell(end);
        }
        let (id, session) = (self.scope.parent, self.scope.session);
        let fields = end.take_fields();
        record::append_end(at, id, session, end.outcome(), fields, end.error_bytes());
    }

    /// Stands apart: few calls end so.
    #[cold]
    fn tell(&mut self, end: End) {
        if let Ends::Tell(ending) = self.take_ends() {
            ending.ended(end);
        }
    }

    fn take_ends(&mut self) -> Ends {
        std::mem::replace(&mut self.ends, Ends::Record)
    }

    #[cold]
    fn panicked(&mut self) {
        self.state = State::Done;
        let ends = self.take_ends();
        if matches!(ends, Ends::Scope) {
            return;
        }
        // One from before the call is not the one that ends it: a hook that the program has set since hides that one.
        let note = shield::last_panic().filter(|note| note.at >= self.at);
        if let Ends::Tell(ending) = ends {
            let reason = note.map_or_else(|| "panicked".to_owned(), |note| note.line());
            ending.ended(End::known(Outcome::Panicked, reason));
        } else {
            let error = panic_object(note.as_ref(), self.scope.session.wants_content());
            let (id, session) = (self.scope.parent, self.scope.session);
            record::append_end(
                clock::now(),
                id,
                session,
                Outcome::Panicked,
                Vec::new(),
                &error,
            );
        }
        if context::at_base() {
            shield::forget_panic();
        }
    }

    #[cold]
    fn cancelled(&mut self) {
        self.state = State::Done;
        match self.take_ends() {
            Ends::Record => {}
            Ends::Tell(ending) => {
                ending.ended(End::known(Outcome::Cancelled, "cancelled".to_owned()));
                return;
            }
            Ends::Scope => return,
        }
        let (id, session) = (self.scope.parent, self.scope.session);
        record::append_end(
            clock::now(),
            id,
            session,
            Outcome::Cancelled,
            Vec::new(),
            &[],
        );
    }
}

impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        match self.state {
            State::Done => {}
            State::InUserCode => self.panicked(),
            State::Running => self.cancelled(),
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("scope", &self.scope)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Ends its call as panicked if it is dropped.
struct Unwound<'a>(&'a mut Call);

impl Unwound<'_> {
    #[inline]
    fn passed(self) {
        self.0.state = State::Running;
        std::mem::forget(self);
    }
}

impl Drop for Unwound<'_> {
    fn drop(&mut self) {
        self.0.panicked();
    }
}
