//! The panic hook: it remembers message and place of a panic for the calls that the panic ends.
//!
//! It chains to the hook it found and changes nothing about what a program prints; only panics of user code that
//! runs because of us (a `Serialize`, say) are kept quiet, because they are caught and harm nobody.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::recording::shield;

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
    }));
}
