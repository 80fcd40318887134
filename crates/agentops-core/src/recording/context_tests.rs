use std::cell::Cell as StdCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Waker;

use super::*;

fn session(number: u32) -> Scope {
    Scope::of(Slot(number))
}

#[test]
fn the_innermost_scope_is_current() {
    assert_eq!(CURRENT.get().token, 0);
    let one = enter(session(1));
    assert_eq!(current(), Some(session(1)));
    let two = enter(session(2));
    assert_eq!(current(), Some(session(2)));
    drop(two);
    assert_eq!(current(), Some(session(1)));
    drop(one);
    assert!(at_base());
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    // Every permutation of three guards; what is left is the youngest that still lives.
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut guards: Vec<_> = (0..3)
            .map(|number| Some(enter(session(number + 1))))
            .collect();
        for index in order {
            guards[index] = None;
            let alive = guards.iter().rposition(Option::is_some);
            let expected = alive.map(|index| session(index as u32 + 1));
            assert_eq!(
                CURRENT.get().scope,
                expected.unwrap_or(Scope::NONE),
                "{order:?} after {index}"
            );
        }
        assert!(at_base());
        assert_eq!(DEAD_COUNT.get(), 0);
    }
}

#[test]
fn a_guard_that_leaks_out_of_a_nested_scope_ends_with_it() {
    let nested = Nested::enter(session(1));
    let leaked = enter(session(2));
    drop(nested);
    assert!(at_base());
    drop(leaked);
    assert!(at_base());
    let outer = enter(session(3));
    assert_eq!(current(), Some(session(3)));
    drop(outer);
    assert!(at_base());
}

#[test]
fn an_off_scope_hides_what_is_around_it() {
    let _one = enter(session(1));
    let off = enter(Scope::of(Slot(1 | Slot::OFF)));
    assert_eq!(current(), None);
    assert_eq!(raw_current().session, Slot(1 | Slot::OFF));
    drop(off);
    assert_eq!(current(), Some(session(1)));
}

#[test]
fn a_scoped_future_runs_and_is_dropped_in_its_scope() {
    struct Seen(Rc<StdCell<u32>>);
    impl Drop for Seen {
        fn drop(&mut self) {
            self.0.set(CURRENT.get().scope.session.0);
        }
    }
    let seen = Rc::new(StdCell::new(0));
    let held = Seen(Rc::clone(&seen));
    let future = Scoped::new(session(5), async move {
        let _held = held;
        assert_eq!(CURRENT.get().scope, session(5));
        std::future::pending::<()>().await;
    });
    {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert!(at_base());
    }
    assert_eq!(seen.get(), 5);
    assert!(at_base());
}

#[test]
fn a_scoped_future_is_send_when_its_future_is() {
    fn send<T: Send>(_: T) {}
    send(Scoped::new(session(1), async {}));
}
