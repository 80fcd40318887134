//! A call around a body that stays where the user wrote it.

use super::call::Call;
use super::context::Nested;

/// Keeps a call open around a body that cannot be handed over: one that never returns, one that asks who called it,
/// or one whose result is a closure, which takes the types of its parameters from the place where the user wrote it.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Guard {
    nested: Option<Nested>,
    call: Option<Call>,
    unwinding: bool,
    returns: Option<&'static str>,
}

/// Opens a call around the rest of a function.
pub fn guard(call: Option<Call>) -> Guard {
    let mut call = call;
    Guard {
        nested: call.as_mut().map(Call::enter),
        call,
        unwinding: std::thread::panicking(),
        returns: None,
    }
}

impl Guard {
    /// What is written for a result that nobody can look at.
    pub fn returning(mut self, shown: &'static str) -> Guard {
        self.returns = Some(shown);
        self
    }
}

/// Ends the call of a body that ran where it stands; `finish` sees the result, outside of the call.
#[inline]
pub fn leave<R, T>(mut guard: Guard, result: R, finish: impl FnOnce(R, Option<Call>) -> T) -> T {
    guard.nested = None;
    let mut call = guard.call.take();
    if let Some(call) = &mut call {
        call.leave();
    }
    finish(result, call)
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.nested = None;
        // Dropped as it is, the call counts as panicked.
        if (self.unwinding || !std::thread::panicking())
            && let Some(call) = self.call.take()
        {
            let shown = self.returns;
            call.finish(|end| {
                if let (Some(shown), Some(mut cut)) = (shown, end.returns()) {
                    cut.text(shown);
                }
            });
        }
    }
}
