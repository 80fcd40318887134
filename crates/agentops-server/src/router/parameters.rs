//! The parameters behind the `?`, in the sets in which routes take them.

use crate::openapi::{Parameter, Takes};

const fn parameter(name: &'static str, takes: Takes, about: &'static str) -> Parameter {
    Parameter { name, takes, about }
}

/// Of every list.
pub(super) const PAGE: &[Parameter] = &[
    parameter(
        "limit",
        Takes::Whole(1, 500),
        "rows of a page; 50 unless given",
    ),
    parameter("cursor", Takes::Text, "next_cursor of the page before"),
];

/// In which form an export is written.
pub(super) const FORMAT: &[Parameter] = &[parameter(
    "format",
    Takes::OneOf(&["json", "jsonl", "csv", "html"]),
    "json unless given",
)];

/// Which events are listed.
pub(super) const EVENTS: &[Parameter] = &[
    parameter(
        "kind",
        Takes::OneOf(&["actions", "llms", "tools", "errors"]),
        "of this kind",
    ),
    parameter(
        "name",
        Takes::Text,
        "an action's type, a tool's name, a call's model, an error's type",
    ),
    parameter("failed", Takes::Flag, "ended by an error or a panic"),
    parameter("from", Takes::Time, "began at or after"),
    parameter("to", Takes::Time, "began before"),
    parameter(
        "bodies",
        Takes::Flag,
        "with arguments, results, prompts, completions and logs",
    ),
];

/// Which sessions are listed, and in which order.
pub(super) const SESSIONS: &[Parameter] = &[
    parameter("text", Takes::Text, "in the id, the reason or a tag"),
    parameter("tag", Takes::Text, "has this tag"),
    parameter("agent", Takes::Text, "has an agent of this id or name"),
    parameter("model", Takes::Text, "called this model"),
    parameter(
        "end_state",
        Takes::OneOf(&["Success", "Fail", "Indeterminate"]),
        "ended like this",
    ),
    parameter(
        "status",
        Takes::OneOf(&["running", "ended"]),
        "runs, or has ended",
    ),
    parameter("from", Takes::Time, "began at or after"),
    parameter("to", Takes::Time, "began before"),
    parameter("errors", Takes::Flag, "has an error event"),
    parameter("min_duration", Takes::Number, "seconds"),
    parameter("max_duration", Takes::Number, "seconds"),
    parameter("min_cost", Takes::Number, "dollars, of what is known"),
    parameter("max_cost", Takes::Number, "dollars, of what is known"),
    parameter(
        "sort",
        Takes::OneOf(&["start", "duration", "cost", "errors", "tokens"]),
        "start unless given",
    ),
    parameter("order", Takes::OneOf(&["asc", "desc"]), "desc unless given"),
];

/// A stretch of time.
pub(super) const RANGE: &[Parameter] = &[
    parameter("from", Takes::Time, "30 days before `to` unless given"),
    parameter("to", Takes::Time, "now unless given"),
];

/// Which sessions stand side by side.
pub(super) const TWO_SESSIONS: &[Parameter] = &[
    parameter("a", Takes::Session, "the first session"),
    parameter("b", Takes::Session, "the second session"),
    parameter(
        "changed",
        Takes::Flag,
        "only rows that differ, and those above them",
    ),
];

/// Where a stream goes on.
pub(super) const AFTER: &[Parameter] = &[parameter(
    "after",
    Takes::Text,
    "the id of the last message; the header Last-Event-ID wins",
)];

/// What is searched for.
pub(super) const QUESTION: &[Parameter] =
    &[parameter("q", Takes::Text, "words, in any order and case")];
