//! How a call that was seen has ended.

use serde::Deserialize;

use crate::recording::Outcome;
use crate::recording::fault::{failure_object, panic_object};
use crate::recording::shield;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It gave its result.
    Ok,
    /// It failed.
    Failed(Failure),
    /// It panicked; the message is that of the thread's last panic.
    Panicked,
    /// Nobody waited for its end.
    Cancelled,
}

/// Why a call failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a failure is told by `Ending::Failed`"]
pub struct Failure {
    error_type: String,
    message: Option<String>,
    code: Option<String>,
    /// The error object, where a value of the user was written already.
    object: Vec<u8>,
}

impl Failure {
    /// A failure by a value that was written already.
    pub(crate) fn written(object: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Object {
            error_type: String,
            details: Details,
        }
        #[derive(Default, Deserialize)]
        struct Details {
            message: Option<String>,
        }
        let read: Object = serde_json::from_slice(object).unwrap_or_default();
        Self {
            error_type: read.error_type,
            message: read.details.message,
            code: None,
            object: object.to_vec(),
        }
    }

    /// A failure of this type: a type's name, or a word like `rate_limit_error`.
    pub fn new(error_type: impl Into<String>) -> Self {
        Self {
            error_type: error_type.into(),
            ..Self::default()
        }
    }

    /// What went wrong, for people.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into()).filter(|message| !message.is_empty());
        self
    }

    /// A code, such as an HTTP status.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Of two accounts of one failure the one that says more; `self` if they say as much.
    fn or_fuller(self, other: Failure) -> Failure {
        let weight = |failure: &Failure| {
            (
                failure.code.is_some(),
                failure.message.as_ref().map_or(0, String::len),
            )
        };
        if weight(&other) > weight(&self) {
            other
        } else {
            self
        }
    }
}

impl Ending {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Ending::Ok => Outcome::Ok,
            Ending::Failed(_) => Outcome::Error,
            Ending::Panicked => Outcome::Panicked,
            Ending::Cancelled => Outcome::Cancelled,
        }
    }

    /// The error object of the end record; empty where there is no error.
    pub(super) fn error(&self, content: bool) -> Vec<u8> {
        match self {
            Ending::Ok | Ending::Cancelled => Vec::new(),
            Ending::Panicked => panic_object(shield::last_panic().as_ref(), content),
            Ending::Failed(failure) if !failure.object.is_empty() => failure.object.clone(),
            Ending::Failed(failure) => failure_object(
                &failure.error_type,
                failure.message.as_deref().filter(|_| content),
                failure.code.as_deref(),
            ),
        }
    }
}

/// The end of one account of a call.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) at: u64,
    pub(super) ending: Ending,
    /// Whether the observer knows, or only could not tell better.
    pub(super) sure: bool,
}

impl End {
    /// The end of a call that two have seen.
    pub(super) fn of_both(outer: End, inner: End) -> End {
        let at = outer.at.max(inner.at);
        // Who saw the end last knows best, unless it does not know: a function returns a stream long before its end.
        let (first, last) = if inner.at > outer.at {
            (outer, inner)
        } else {
            (inner, outer)
        };
        let ending = match (first.ending, last.ending) {
            (Ending::Failed(first), Ending::Failed(last)) => Ending::Failed(last.or_fuller(first)),
            (ending, _) if first.sure && !last.sure => ending,
            (_, last) => last,
        };
        End {
            at,
            ending,
            sure: true,
        }
    }
}
