//! Code of the user that runs because of us, and panics on this thread.
//!
//! A `Serialize`, `Debug` or `Display` may panic. It is caught here, and while it runs the panic hook keeps quiet:
//! the program did not fail, so nothing may be printed. This file also remembers the message and place of the
//! thread's latest panic, which a guard that is being unwound cannot learn otherwise.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use super::clock;

/// Longest panic message kept, in bytes.
const MESSAGE_LIMIT: usize = 16 * 1024;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LATEST: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
}

/// What is known of a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PanicNote {
    /// The message, cut to a sane length.
    pub(crate) message: String,
    /// `file:line:column`.
    pub(crate) location: Option<String>,
    /// When, by the clock of the calls.
    pub(crate) at: u64,
}

impl PanicNote {
    /// Message and place on one line.
    pub(crate) fn line(&self) -> String {
        match &self.location {
            Some(location) => format!("panicked at {location}: {}", self.message),
            None => format!("panicked: {}", self.message),
        }
    }
}

/// Runs code of the user; `None` if it panicked.
pub(crate) fn shielded<R>(run: impl FnOnce() -> R) -> Option<R> {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(run));
    DEPTH.set(DEPTH.get() - 1);
    match result {
        Ok(value) => Some(value),
        Err(payload) => {
            // Dropping a payload runs code of the user once more, which may panic again: leak it instead.
            std::mem::forget(payload);
            None
        }
    }
}

/// Whether a panic now would be caught by [`shielded`], so that nobody should hear of it.
pub(crate) fn is_shielded() -> bool {
    DEPTH.get() != 0
}

/// Remembers a panic; called by the panic hook, where a second panic would abort the process.
pub(crate) fn note_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is not text");
    let note = PanicNote {
        message: cut_text(message, MESSAGE_LIMIT).to_owned(),
        location: info.location().map(ToString::to_string),
        at: clock::now(),
    };
    let _ = LATEST.try_with(|latest| {
        if let Ok(mut latest) = latest.try_borrow_mut() {
            *latest = Some(note);
        }
    });
}

/// The thread's latest panic.
pub(crate) fn last_panic() -> Option<PanicNote> {
    LATEST
        .try_with(|latest| latest.try_borrow().ok().and_then(|note| note.clone()))
        .ok()
        .flatten()
}

/// Forgets the thread's latest panic: the outermost call has recorded it, and a later one must not repeat it.
pub(crate) fn forget_panic() {
    let _ = LATEST.try_with(|latest| {
        if let Ok(mut latest) = latest.try_borrow_mut() {
            *latest = None;
        }
    });
}

/// A text cut to at most `limit` bytes, never inside a character.
pub(crate) fn cut_text(text: &str, limit: usize) -> &str {
    if limit >= text.len() {
        return text;
    }
    let end = (0..=limit)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_the_next_run_is_not_hurt() {
        crate::ending::panic::install();
        assert_eq!(shielded(|| -> u8 { panic!("inside") }), None);
        assert!(!is_shielded());
        assert_eq!(shielded(is_shielded), Some(true));
    }

    #[test]
    fn a_payload_that_panics_on_drop_is_survived() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        crate::ending::panic::install();
        assert_eq!(shielded(|| -> u8 { std::panic::panic_any(Bomb) }), None);
    }

    #[test]
    fn message_and_place_are_remembered() {
        crate::ending::panic::install();
        let _ = shielded(|| panic!("seven {}", 7));
        let note = last_panic().expect("noted by the hook");
        assert_eq!(note.message, "seven 7");
        assert!(
            note.location
                .expect("panics have a place")
                .contains("shield.rs:")
        );
        forget_panic();
        assert_eq!(last_panic(), None);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut_text("aé", 2), "a");
        assert_eq!(cut_text("aé", 9), "aé");
    }
}
