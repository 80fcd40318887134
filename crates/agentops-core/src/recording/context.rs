//! Who is current: session, agent and enclosing call of this thread or task.
//!
//! A thread holds one [`Scope`]; a task carries its own and puts it on the thread for the time of a poll. What is
//! recorded belongs to the innermost scope, else to the *process session*, else to nobody: nothing is attributed
//! by guess.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{AgentSlot, CallId, Slot};

/// Guards that ended out of order and are remembered until the thread is back at its base; more are not needed
/// by anything but a leak.
const DEAD_LIMIT: usize = 64;

static OPEN: AtomicUsize = AtomicUsize::new(0);
static PROCESS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static CURRENT: Cell<Frame> = const { Cell::new(Frame::BASE) };
    static NEXT_TOKEN: Cell<u32> = const { Cell::new(1) };
    static DEAD_COUNT: Cell<usize> = const { Cell::new(0) };
    static DEAD: RefCell<Vec<(u32, Frame)>> = const { RefCell::new(Vec::new()) };
}

/// Where something that is recorded belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The session.
    pub(crate) session: Slot,
    /// The agent of it that acts.
    pub(crate) agent: AgentSlot,
    /// The call around it.
    pub(crate) parent: CallId,
}

impl Scope {
    const NONE: Scope = Scope {
        session: Slot::NONE,
        agent: AgentSlot(0),
        parent: CallId::NONE,
    };

    /// A session's own scope: no agent, no call around.
    pub(crate) fn of(session: Slot) -> Scope {
        Scope {
            session,
            ..Scope::NONE
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    scope: Scope,
    /// Tells this frame from every other of the thread; 0 is the base.
    token: u32,
}

impl Frame {
    const BASE: Frame = Frame {
        scope: Scope::NONE,
        token: 0,
    };
}

/// Whether no session records: then nothing may be built at all. One relaxed load.
#[inline(always)]
pub(crate) fn is_off() -> bool {
    if cfg!(any(feature = "enable", test)) {
        OPEN.load(Ordering::Relaxed) == 0
    } else {
        true
    }
}

/// A session that records was opened.
pub(crate) fn opened() {
    OPEN.fetch_add(1, Ordering::Release);
}

/// A session that records was closed.
pub(crate) fn closed() {
    let before = OPEN.fetch_sub(1, Ordering::Release);
    debug_assert!(before > 0, "closed more sessions than were opened");
}

/// Makes a session the one that whatever has no scope belongs to.
pub(crate) fn set_process(slot: Slot) {
    PROCESS.store(slot.0, Ordering::Release);
}

/// Takes that back, if it still is this one.
pub(crate) fn clear_process(slot: Slot) {
    let _ = PROCESS.compare_exchange(slot.0, 0, Ordering::AcqRel, Ordering::Relaxed);
}

/// The innermost scope, else the process session's; it may be none and it may be off.
#[inline]
pub(crate) fn raw_current() -> Scope {
    let scope = CURRENT.get().scope;
    if scope.session == Slot::NONE {
        Scope::of(Slot(PROCESS.load(Ordering::Acquire)))
    } else {
        scope
    }
}

/// The scope that a record made now belongs to.
#[inline]
pub(crate) fn current() -> Option<Scope> {
    let scope = raw_current();
    scope.session.records().then_some(scope)
}

/// Whether no scope has been entered on this thread.
pub(crate) fn at_base() -> bool {
    CURRENT.get().token == 0
}

/// Makes `scope` current until the guard is dropped.
///
/// A guard must not be held across an `.await`: wrap the future in [`Scoped`] instead. Should it happen, the scope
/// ends when the future around it yields, so it cannot leak into other tasks.
pub(crate) fn enter(scope: Scope) -> Entered {
    let previous = push(scope);
    Entered {
        token: CURRENT.get().token,
        previous,
        not_send: PhantomData,
    }
}

/// Keeps a scope current; dropped in any order with others, what is left is what was entered last and still lives.
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct Entered {
    token: u32,
    previous: Frame,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if CURRENT.get().token == self.token {
            restore(self.previous);
            return;
        }
        let _ = DEAD.try_with(|dead| {
            if let Ok(mut dead) = dead.try_borrow_mut()
                && dead.len() < DEAD_LIMIT
                && CURRENT.get().token != 0
            {
                dead.push((self.token, self.previous));
                DEAD_COUNT.set(dead.len());
            }
        });
    }
}

/// A scope that is strictly nested: leaving it takes along every guard that was entered inside and leaked.
#[derive(Debug)]
pub(crate) struct Nested {
    previous: Frame,
}

impl Nested {
    /// Makes `scope` current.
    #[inline]
    pub(crate) fn enter(scope: Scope) -> Nested {
        Nested {
            previous: push(scope),
        }
    }
}

impl Drop for Nested {
    #[inline]
    fn drop(&mut self) {
        restore(self.previous);
    }
}

#[inline]
fn push(scope: Scope) -> Frame {
    let token = NEXT_TOKEN.get();
    NEXT_TOKEN.set(token.checked_add(1).unwrap_or(1));
    CURRENT.replace(Frame { scope, token })
}

#[inline]
fn restore(frame: Frame) {
    if DEAD_COUNT.get() == 0 {
        CURRENT.set(frame);
    } else {
        restore_past_dead(frame);
    }
}

#[cold]
fn restore_past_dead(mut frame: Frame) {
    let _ = DEAD.try_with(|dead| {
        let Ok(mut dead) = dead.try_borrow_mut() else {
            return;
        };
        while let Some(at) = dead.iter().position(|(token, _)| *token == frame.token) {
            frame = dead.swap_remove(at).1;
        }
        if frame.token == 0 {
            dead.clear();
        }
        DEAD_COUNT.set(dead.len());
    });
    CURRENT.set(frame);
}

pin_project! {
    /// A future that runs in a scope, wherever it is polled, its destructor included.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        #[pin]
        future: Option<F>,
        scope: Scope,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _nested = Nested::enter(*this.scope);
            this.future.set(None);
        }
    }
}

impl<F> Scoped<F> {
    /// Runs `future` in `scope`.
    pub(crate) fn new(scope: Scope, future: F) -> Scoped<F> {
        Scoped {
            future: Some(future),
            scope,
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _nested = Nested::enter(*this.scope);
        this.future
            .as_pin_mut()
            .expect("the future is only taken by the destructor")
            .poll(context)
    }
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
