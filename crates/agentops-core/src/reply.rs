//! An answer that comes from the worker's thread: awaited under any runtime or none, or waited
//! for with a deadline. No wait here is unbounded unless the caller awaits without one, and the
//! worker answers every request by its own deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The side that gets the answer.
#[derive(Debug)]
pub(crate) struct Reply<T>(Arc<Slot<T>>);

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
    (Answer(Arc::clone(&slot)), Reply(slot))
}

impl<T> Reply<T> {
    /// An answer that is there already.
    pub(crate) fn ready(value: T) -> Self {
        let (answer, reply) = reply();
        answer.give(value);
        reply
    }

    /// Blocks until the answer, at most `limit`; `None` when there is none by then.
    pub(crate) fn wait(self, limit: Duration) -> Option<T> {
        let until = Instant::now() + limit;
        let mut state = self.0.lock();
        loop {
            if state.value.is_some() || state.closed {
                return state.value.take();
            }
            let left = until.checked_duration_since(Instant::now())?;
            state = match self.0.given.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

impl<T> Future for Reply<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock();
        if state.value.is_some() || state.closed {
            return Poll::Ready(state.value.take());
        }
        state.waker = Some(context.waker().clone());
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
        let waker = {
            let mut state = self.0.lock();
            state.closed = true;
            state.waker.take()
        };
        self.0.given.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
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
    async fn an_await_is_woken_from_another_thread() {
        let (answer, got) = reply();
        let thread = std::thread::spawn(move || answer.give("done"));
        assert_eq!(got.await, Some("done"));
        thread.join().unwrap();
    }
}
