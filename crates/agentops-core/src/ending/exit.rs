//! `std::process::exit`, and a main that returns without ending the session: the destructors of
//! the main thread's locals run then, and what was recorded still gets to the spool.

use std::cell::RefCell;
use std::time::Duration;

use crate::session::Session;

/// Longest that an exit is held up for writing; not for sending.
const SPOOLING: Duration = Duration::from_millis(500);

thread_local! {
    static LAST: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

struct AtExit(Session);

impl Drop for AtExit {
    fn drop(&mut self) {
        self.0.at_exit(SPOOLING);
    }
}

/// Watches the thread that started the process's session; on any other than main this only
/// writes a little earlier than needed.
pub(crate) fn watch(session: &Session) {
    let watch = AtExit(session.clone());
    let _ = LAST.try_with(|last| {
        // The one before it has ended: its watch is dropped without a wait.
        if let Some(before) = last.borrow_mut().replace(watch) {
            std::mem::forget(before);
        }
    });
}
