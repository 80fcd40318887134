//! One thing that was looked at, and how that went.

use serde::Serialize;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Good,
    /// Nothing is hindered now.
    Warning,
    /// Something cannot work.
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) found: String,
    /// What to do.
    pub(super) fix: Option<String>,
}

impl Check {
    pub(super) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, State::Good, found, None)
    }

    pub(super) fn warning(
        name: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(name, State::Warning, found, Some(fix.into()))
    }

    pub(super) fn fault(
        name: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(name, State::Fault, found, Some(fix.into()))
    }

    fn new(
        name: &'static str,
        state: State,
        found: impl Into<String>,
        fix: Option<String>,
    ) -> Self {
        Self {
            name,
            state,
            found: found.into(),
            fix,
        }
    }
}
