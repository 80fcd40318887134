//! Open LLM calls, and who has taken which: by this a call that is seen twice is recorded once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::recording::context::Scope;
use crate::recording::{CallId, Kind, record};

use super::ending::{End, Ending};
use super::facts::Facts;

/// How many LLM calls are open: without any, nobody looks for one.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn open() -> MutexGuard<'static, HashMap<CallId, Arc<Claim>>> {
    static OPEN: OnceLock<Mutex<HashMap<CallId, Arc<Claim>>>> = OnceLock::new();
    let open = OPEN.get_or_init(Mutex::default);
    // No code of the user runs under this lock, so nothing in it is half done.
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One LLM call that has an event.
#[derive(Debug)]
pub(super) struct Claim {
    id: CallId,
    /// Where the call itself belongs.
    around: Scope,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Somebody sees the call from nearer and has not ended.
    taken: bool,
    /// What the last one that had taken it has seen.
    inner: Option<Attempt>,
    /// A further call ran inside and has an event of its own.
    several: bool,
    /// What the call's own observer has seen, once it has ended.
    outer: Option<(Facts, End)>,
}

/// One account that has ended.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) started: u64,
    pub(super) facts: Facts,
    pub(super) end: End,
}

impl Claim {
    /// An LLM call has begun; it can be taken until it ends.
    pub(super) fn register(id: CallId, around: Scope) -> Arc<Claim> {
        let claim = Arc::new(Claim {
            id,
            around,
            state: Mutex::default(),
        });
        open().insert(id, Arc::clone(&claim));
        COUNT.fetch_add(1, Ordering::Release);
        claim
    }

    /// The open LLM call directly around `scope`, taken for one that sees it from nearer; `None` where there is
    /// none, or where what is seen is another call.
    pub(super) fn take(scope: Scope) -> Option<Arc<Claim>> {
        if COUNT.load(Ordering::Acquire) == 0 || scope.parent.is_none() {
            return None;
        }
        let claim = Arc::clone(open().get(&scope.parent)?);
        if claim.around.session.index() != scope.session.index() {
            return None;
        }
        let mut state = claim.state();
        if state.outer.is_some() {
            return None;
        }
        let succeeded = |attempt: &Attempt| attempt.end.ending == Ending::Ok;
        if state.taken || state.inner.as_ref().is_some_and(succeeded) {
            state.several = true;
            return None;
        }
        state.taken = true;
        // What came to nothing and is tried again has an event of its own.
        let failed = state.inner.take();
        drop(state);
        if let Some(attempt) = failed {
            attempt.record(claim.inside());
        }
        Some(claim)
    }

    /// The scope of what happens inside the call.
    pub(super) fn inside(&self) -> Scope {
        Scope {
            parent: self.id,
            ..self.around
        }
    }

    pub(super) fn id(&self) -> CallId {
        self.id
    }

    /// Whoever had taken it has seen the end.
    pub(super) fn give_back(&self, attempt: Attempt) {
        let mut state = self.state();
        state.taken = false;
        state.inner = Some(attempt);
        self.settle(state);
    }

    /// Its own observer has seen the end.
    pub(super) fn end(&self, facts: Facts, end: End) {
        // From here on nobody finds it.
        if open().remove(&self.id).is_some() {
            COUNT.fetch_sub(1, Ordering::Release);
        }
        let mut state = self.state();
        state.outer = Some((facts, end));
        self.settle(state);
    }

    /// Writes the event when all have ended.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        if state.taken {
            return;
        }
        let Some((facts, end)) = state.outer.take() else {
            return;
        };
        let (inner, several) = (state.inner.take(), state.several);
        drop(state);
        let facts = if several { facts.uncounted() } else { facts };
        let (facts, end) = match inner {
            Some(inner) => (facts.merge(inner.facts), End::of_both(end, inner.end)),
            None => (facts, end),
        };
        close(self.id, self.around, Kind::Llm, &facts, &end);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// An event of its own.
    fn record(self, around: Scope) {
        let name = self.facts.known_name().unwrap_or_default();
        let fields = Vec::new();
        if let Some(id) = record::append_start(self.started, around, Kind::Llm, name, fields) {
            close(id, around, Kind::Llm, &self.facts, &self.end);
        }
    }
}

/// Writes the end of an event.
pub(super) fn close(id: CallId, around: Scope, kind: Kind, facts: &Facts, end: &End) {
    let error = end.ending.error(around.session.wants_content());
    record::end_at(
        end.at,
        id,
        around.session,
        end.ending.outcome(),
        &mut |cut| facts.write_whole(kind, cut),
        &error,
    );
}
