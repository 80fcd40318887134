//! The panic hook: it remembers message and place of a panic for the calls that the panic ends.
//!
//! It chains to the hook it found and changes nothing about what a program prints; only panics of user code that
//! runs because of us (a `Serialize`, say) are kept quiet, because they are caught and harm nobody.

//!
//! Where a panic aborts the process, this hook is all that runs after it: then it also tells the
//! session of `main`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::recording::shield;

/// What is told of a panic that aborts the process.
type OnAbort = Box<dyn FnOnce(String) + Send>;

static ON_ABORT: Mutex<Option<OnAbort>> = Mutex::new(None);

/// Has `tell` called with the reason when a panic is about to abort the process.
pub(crate) fn on_abort(tell: impl FnOnce(String) + Send + 'static) {
    if cfg!(panic = "abort") {
        *ON_ABORT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(tell));
    }
}

/// Chains the hook, once a process.
pub(crate) fn install() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // std refuses to change the hook on a thread that is unwinding: the next client tries again.
    if std::thread::panicking() || INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        shield::note_panic(info);
        if !shield::is_shielded() {
            previous(info);
        }
        if cfg!(panic = "abort") {
            // `try_lock`: a panic in what is told must not wait for itself.
            let tell = ON_ABORT.try_lock().ok().and_then(|mut tell| tell.take());
            if let (Some(tell), Some(note)) = (tell, shield::last_panic()) {
                tell(note.line());
            }
        }
    }));
}
