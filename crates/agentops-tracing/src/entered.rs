//! The spans that a thread has entered. Guards of a place must stay on their thread, and spans are entered and left
//! in any order, many times, on many threads; so each thread keeps its own.

use std::cell::RefCell;

use agentops_core::Entered;
use agentops_core::observe::Place;

/// Spans that a thread may be in at once; deeper ones are not entered. Only guards that leak get there.
const MOST: usize = 1024;

/// Which span, of which layer: registries number their spans independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) layer: usize,
    pub(crate) span: u64,
}

thread_local! {
    static ENTERED: RefCell<Vec<(Key, Entered)>> = const { RefCell::new(Vec::new()) };
}

/// Makes a span's place current.
pub(crate) fn enter(key: Key, place: Place) {
    // A thread that is being torn down has no places any more.
    let _ = ENTERED.try_with(|entered| {
        if let Ok(mut entered) = entered.try_borrow_mut()
            && entered.len() < MOST
        {
            entered.push((key, place.enter()));
        }
    });
}

/// Takes that back; nothing happens for a span that was not entered here.
pub(crate) fn leave(key: Key) {
    let _ = ENTERED.try_with(|entered| {
        if let Ok(mut entered) = entered.try_borrow_mut()
            && let Some(at) = entered.iter().rposition(|(known, _)| *known == key)
        {
            drop(entered.remove(at));
        }
    });
}
