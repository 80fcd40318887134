//! What a result says about how a call ended.
//!
//! A generated closure looks at the result: [`Out`] splits it into a value or an error, and the closure writes the
//! one by the ladder of `capture`, the other by the ladder of `fault`, into an [`End`]. The second step is taken in
//! the user's function because only there the types are concrete.

use std::process::ExitCode;

use super::Outcome;
use super::buffers;
use super::cut::Cut;

/// What is being learnt about the end of a call.
#[derive(Debug)]
pub struct End {
    fields: Vec<u8>,
    error: Vec<u8>,
    outcome: Outcome,
    wants: Wants,
    reason: Option<String>,
}

/// What an [`End`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// An event's result and error.
    Event,
    /// An event's outcome and the type of its error: values must not be looked at.
    Metadata,
    /// An error, should there be one: an item of a stream.
    Error,
    /// The reason of a session's end.
    Reason,
    /// What the result says, and an error, should there be one.
    Answer,
    /// The same, of which no value will be kept.
    Counts,
    /// Nothing.
    Nothing,
}

/// What is told, in place of an end record, how a call ended; it may also hear what the result says.
pub(crate) trait Ending: Send + Sync {
    /// What should be learnt about the end.
    fn wants(&self) -> Wants;

    /// The result goes on after it was returned: what is heard from here on are its items.
    fn goes_on(&mut self) {}

    /// One item has been looked at.
    fn item(&mut self, _: &End) {}

    /// The call has ended.
    fn ended(self: Box<Self>, end: End);
}

/// Where it is written what a result says, to be read by what is told of the end.
#[derive(Debug)]
pub struct Heard<'a>(pub(crate) &'a mut Vec<u8>);

impl End {
    /// The end of a call that has come to nothing.
    pub(crate) fn known(outcome: Outcome, reason: String) -> End {
        End {
            outcome,
            reason: Some(reason),
            ..End::new(Wants::Nothing)
        }
    }

    /// Where it is written what the result says, if somebody hears it.
    pub fn heard(&mut self) -> Option<Heard<'_>> {
        let hears = matches!(self.wants, Wants::Answer | Wants::Counts);
        hears.then_some(Heard(&mut self.fields))
    }

    pub(crate) fn new(wants: Wants) -> End {
        let fields = if wants == Wants::Event {
            buffers::scratch()
        } else {
            Vec::new()
        };
        End {
            fields,
            error: Vec::new(),
            outcome: Outcome::Ok,
            wants,
            reason: None,
        }
    }

    /// Where the result is written, if it is wanted.
    #[inline]
    pub fn returns(&mut self) -> Option<Cut<'_>> {
        if self.wants != Wants::Event {
            return None;
        }
        let mut cut = Cut::new(&mut self.fields);
        if cut.is_empty() {
            cut.raw("\"returns\":");
        } else {
            cut.quoted_key("\"returns\":");
        }
        Some(cut)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome
    }

    pub(crate) fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    pub(crate) fn wants(&self) -> Wants {
        self.wants
    }

    pub(crate) fn error_bytes(&self) -> &[u8] {
        &self.error
    }

    pub(crate) fn set_error(&mut self, error: Vec<u8>) {
        self.error = error;
    }

    pub(crate) fn set_fields(&mut self, fields: Vec<u8>) {
        self.fields = fields;
    }

    pub(crate) fn field_bytes(&self) -> &[u8] {
        &self.fields
    }

    /// The members of the result, in the thread's scratch bytes.
    pub(crate) fn take_fields(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.fields)
    }

    /// Gives the thread its scratch bytes back, where no record took them.
    pub(crate) fn recycle(self) {
        if self.wants == Wants::Event {
            buffers::give_back(self.fields);
        }
    }

    pub(crate) fn set_reason(&mut self, reason: String) {
        self.reason = Some(reason);
    }

    pub(crate) fn take_reason(&mut self) -> Option<String> {
        self.reason.take()
    }
}

/// A result to be split.
#[derive(Debug)]
pub struct Out<'a, T: ?Sized>(pub &'a T);

/// A value, or an error.
#[derive(Debug)]
pub enum Split<'a, T: ?Sized, E: ?Sized> {
    /// The call succeeded.
    Value(&'a T),
    /// The call returned an error.
    Error(&'a E),
}

/// The error of results that have none.
#[derive(Debug)]
pub enum Never {}

/// A `Result` splits.
pub trait OutResult<'a, T, E> {
    /// The value or the error.
    fn split(&self) -> Split<'a, T, E>;
}
impl<'a, T, E> OutResult<'a, T, E> for &Out<'a, Result<T, E>> {
    #[inline]
    fn split(&self) -> Split<'a, T, E> {
        match self.0 {
            Ok(value) => Split::Value(value),
            Err(error) => Split::Error(error),
        }
    }
}

/// Anything else is a value.
pub trait OutValue<'a, T: ?Sized> {
    /// The value.
    fn split(&self) -> Split<'a, T, Never>;
}
impl<'a, T: ?Sized> OutValue<'a, T> for Out<'a, T> {
    #[inline]
    fn split(&self) -> Split<'a, T, Never> {
        Split::Value(self.0)
    }
}

/// The value a session's function returned: an exit code may say that it failed.
#[derive(Debug)]
pub struct Exit<'a, T: ?Sized>(pub &'a T);

/// An exit code other than success is a failure.
pub trait ExitByCode {
    /// Notes a failure.
    fn note(&self, end: &mut End);
}
impl ExitByCode for &Exit<'_, ExitCode> {
    fn note(&self, end: &mut End) {
        // An exit code can be neither compared nor read; its Debug shows the number.
        let shown = format!("{:?}", self.0);
        if shown == format!("{:?}", ExitCode::SUCCESS) {
            return;
        }
        let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
        end.set_outcome(Outcome::Error);
        end.set_reason(format!("exit code {digits}"));
    }
}

/// Anything else is a success.
pub trait ExitAnyhow {
    /// Notes nothing.
    fn note(&self, end: &mut End);
}
impl<T: ?Sized> ExitAnyhow for Exit<'_, T> {
    fn note(&self, _: &mut End) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failing_exit_code_is_a_failure() {
        let noted = |code: ExitCode| {
            let mut end = End::new(Wants::Reason);
            (&&Exit(&code)).note(&mut end);
            (end.outcome(), end.take_reason())
        };
        assert_eq!(noted(ExitCode::SUCCESS), (Outcome::Ok, None));
        assert_eq!(noted(ExitCode::from(0)), (Outcome::Ok, None));
        assert_eq!(
            noted(ExitCode::from(42)),
            (Outcome::Error, Some("exit code 42".to_owned()))
        );
        let mut end = End::new(Wants::Reason);
        Exit(&7).note(&mut end);
        assert_eq!(end.outcome(), Outcome::Ok);
    }

    #[test]
    fn a_result_splits_and_anything_else_is_a_value() {
        let failed: Result<u8, &str> = Err("no");
        assert!(matches!((&&Out(&failed)).split(), Split::Error(&"no")));
        assert!(matches!(Out(&Some(1)).split(), Split::Value(Some(1))));
    }
}
