//! The releases, and what each is known to do wrong.

use std::collections::BTreeSet;

/// One release of the Python SDK.
pub(crate) struct Release {
    pub(crate) version: &'static str,
    defects: &'static [Defect],
}

/// The last two releases that speak this API and are in use.
pub(crate) const RELEASES: &[Release] = &[
    Release {
        version: "0.3.26",
        defects: &[
            Defect::GeneratorAtCall,
            Defect::RaisingFunctionMissing,
            Defect::ErrorWithoutTrigger,
            Defect::ErrorsLostWithSeveralSessions,
            Defect::ValueIsEmptyText,
            Defect::SigintExitsZero,
            Defect::NoneOfSeveralEndedOnSignal,
            Defect::EverySecondEndedOnException,
            Defect::FailureRefused,
            Defect::AnalyticsEndsSession,
        ],
    },
    Release {
        version: "0.3.18",
        defects: &[
            Defect::GeneratorAtCall,
            Defect::ErrorsLostWithSeveralSessions,
            Defect::ValueIsTypeName,
            Defect::NoneLeftOut,
            Defect::TriggerSentTwice,
            Defect::LostAtExit,
            Defect::StuckAtFullQueue,
            Defect::SigintExitsZero,
            Defect::NoneOfSeveralEndedOnSignal,
            Defect::EverySecondEndedOnException,
            Defect::FailureRefused,
        ],
    },
];

/// Something a release does wrong. The server can only keep what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Defect {
    GeneratorAtCall,
    RaisingFunctionMissing,
    ErrorWithoutTrigger,
    ErrorsLostWithSeveralSessions,
    ValueIsEmptyText,
    ValueIsTypeName,
    NoneLeftOut,
    TriggerSentTwice,
    LostAtExit,
    StuckAtFullQueue,
    SigintExitsZero,
    NoneOfSeveralEndedOnSignal,
    EverySecondEndedOnException,
    FailureRefused,
    AnalyticsEndsSession,
}

impl Defect {
    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GeneratorAtCall => "generators are recorded at their call, without values",
            Self::RaisingFunctionMissing => "a raising function's own event is missing",
            Self::ErrorWithoutTrigger => "an error does not say what triggered it",
            Self::ErrorsLostWithSeveralSessions => {
                "raised errors are lost while several sessions run"
            }
            Self::ValueIsEmptyText => "a value that is no JSON becomes an empty text",
            Self::ValueIsTypeName => "a value that is no JSON becomes the name of its type",
            Self::NoneLeftOut => "None and self are left out of objects",
            Self::TriggerSentTwice => "an error's trigger is sent, and counted, once more",
            Self::LostAtExit => "events are lost when a program exits without ending its session",
            Self::StuckAtFullQueue => "a full queue blocks for ever",
            Self::SigintExitsZero => "SIGINT exits with 0",
            Self::NoneOfSeveralEndedOnSignal => "of several sessions none is ended on a signal",
            Self::EverySecondEndedOnException => {
                "of several sessions every second is not ended on an exception"
            }
            Self::FailureRefused => "the end state Failure is refused although documented",
            Self::AnalyticsEndsSession => "get_analytics ends a session that runs",
        }
    }
}

impl Release {
    /// What pip installs.
    pub(crate) fn requirement(&self) -> String {
        format!("agentops=={}", self.version)
    }

    /// Whether the release has the defect, without looking at a case of it.
    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defects.contains(&defect)
    }

    /// The defects that no case showed.
    pub(crate) fn unseen(&self, seen: &Seen) -> Vec<&'static str> {
        let unseen = self
            .defects
            .iter()
            .filter(|defect| !seen.0.contains(defect));
        unseen.map(|defect| defect.name()).collect()
    }
}

/// Which defects of a release made a difference to what is expected.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeSet<Defect>);

impl Seen {
    /// Whether the release has the defect; to be asked where it makes a difference.
    pub(crate) fn in_release(&mut self, release: &Release, defect: Defect) -> bool {
        let has = release.has(defect);
        if has {
            self.0.insert(defect);
        }
        has
    }

    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|defect| defect.name())
    }
}
