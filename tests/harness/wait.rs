//! Waiting for something that another process does, never longer than a deadline.

use std::time::{Duration, Instant};

/// The deadline of everything that takes a moment on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const POLL: Duration = Duration::from_millis(10);

/// Asks until there is an answer.
///
/// # Panics
/// When there is none within `limit`; `what` says what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            begun.elapsed() < limit,
            "waited {limit:?} in vain for {what}"
        );
        std::thread::sleep(POLL);
    }
}
