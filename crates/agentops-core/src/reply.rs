//! An answer that comes from the worker's thread: awaited under any runtime or none, or waited
//! for, with a deadline either way. No wait here is unbounded unless the caller awaits without one.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::alarm::{self, Expire};

/// The side that gets the answer.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    slot: Arc<Slot<T>>,
    /// When whoever awaits gives up, until somebody has been told.
    until: Option<Instant>,
}

/// The side that gives it. Dropped without one, the reply is `None`.
#[derive(Debug)]
pub(crate) struct Answer<T>(Arc<Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    given: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    closed: bool,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing will come any more.
    fn close(&self) {
        let waker = {
            let mut state = self.lock();
            state.closed = true;
            state.waker.take()
        };
        self.given.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T: Send> Expire for Slot<T> {
    fn expire(&self) {
        self.close();
    }
}

/// A pair.
pub(crate) fn reply<T>() -> (Answer<T>, Reply<T>) {
    let state = State {
        value: None,
        closed: false,
        waker: None,
    };
    let slot = Arc::new(Slot {
        state: Mutex::new(state),
        given: Condvar::new(),
    });
    let answer = Answer(Arc::clone(&slot));
    (answer, Reply { slot, until: None })
}

impl<T> Reply<T> {
    /// An answer that is there already.
    pub(crate) fn ready(value: T) -> Self {
        let (answer, reply) = reply();
        answer.give(value);
        reply
    }

    /// Awaited, it takes at most `limit` from now, also when the worker is too busy to keep its own deadline.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.until = Some(Instant::now() + limit);
        self
    }

    /// Blocks until the answer, at most `limit`; `None` when there is none by then.
    pub(crate) fn wait(self, limit: Duration) -> Option<T> {
        let until = Instant::now() + limit;
        let mut state = self.slot.lock();
        loop {
            if state.value.is_some() || state.closed {
                return state.value.take();
            }
            let left = until.checked_duration_since(Instant::now())?;
            state = match self.slot.given.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

impl<T: Send + 'static> Future for Reply<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        {
            let mut state = this.slot.lock();
            if state.value.is_some() || state.closed {
                return Poll::Ready(state.value.take());
            }
            state.waker = Some(context.waker().clone());
        }
        if let Some(until) = this.until.take() {
            let slot: Weak<Slot<T>> = Arc::downgrade(&this.slot);
            alarm::at(until, slot);
        }
        Poll::Pending
    }
}

impl<T> Answer<T> {
    /// Gives the answer.
    pub(crate) fn give(self, value: T) {
        self.0.lock().value = Some(value);
        // Dropping wakes whoever waits.
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_with_the_answer_its_loss_or_the_limit() {
        let (answer, got) = reply();
        let thread = std::thread::spawn(move || got.wait(Duration::from_secs(30)));
        answer.give(7);
        assert_eq!(thread.join().unwrap(), Some(7));

        let (answer, got) = reply::<u8>();
        drop(answer);
        assert_eq!(got.wait(Duration::from_secs(30)), None);

        let (_answer, got) = reply::<u8>();
        assert_eq!(got.wait(Duration::from_millis(1)), None);
    }

    #[tokio::test]
    async fn an_await_ends_by_its_limit_and_a_late_answer_goes_nowhere() {
        let (answer, got) = reply::<u8>();
        assert_eq!(got.within(Duration::from_millis(5)).await, None);
        answer.give(3);

        let (answer, got) = reply();
        answer.give(4);
        assert_eq!(got.within(Duration::ZERO).await, Some(4));
    }

    #[tokio::test]
    async fn an_await_is_woken_from_another_thread() {
        let (answer, got) = reply();
        let thread = std::thread::spawn(move || answer.give("done"));
        assert_eq!(got.await, Some("done"));
        thread.join().unwrap();
    }
}
