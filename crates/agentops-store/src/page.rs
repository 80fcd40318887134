//! Filters, page sizes and cursors of lists.

use agentops_protocol::api::{Beside, EventList, ListedEvent};
use agentops_protocol::{EndState, EventKind, SessionId, Status, Timestamp, Usd};

use crate::{EventRow, FoundEvent, SessionRow};

/// How many rows of a list are wanted: 1 to 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u16);

impl PageSize {
    /// Fifty.
    pub const DEFAULT: Self = Self(50);
    /// Five hundred.
    pub const MAX: Self = Self(500);

    /// `None` outside 1 to 500.
    #[must_use]
    pub fn new(rows: u64) -> Option<Self> {
        match u16::try_from(rows) {
            Ok(rows) if (1..=Self::MAX.0).contains(&rows) => Some(Self(rows)),
            _ => None,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

/// Where a page begins; opaque text made by the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Where in an order a page begins, as a cursor holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// The start of the row, in microseconds.
    pub(crate) start: i64,
    /// Its order among those that began together.
    pub(crate) order: i64,
    /// Its position in the whole order.
    pub(crate) index: u64,
}

impl Place {
    /// Before everything.
    pub(crate) fn first() -> Self {
        Self {
            start: i64::MIN,
            order: i64::MIN,
            index: 0,
        }
    }

    /// A page of sessions in this order begins after this one.
    pub(crate) fn session_cursor(self, order: SessionOrder) -> Cursor {
        Cursor(format!("{}.{}.{}", order.word(), self.start, self.order))
    }

    /// A page of events of all sessions begins after the one that arrived as `self.order`.
    pub(crate) fn found_cursor(self) -> Cursor {
        Cursor(format!("f.{}.{}", self.start, self.order))
    }

    /// A page of events begins with this one.
    pub(crate) fn event_cursor(self) -> Cursor {
        Cursor(format!("e.{}.{}.{}", self.start, self.order, self.index))
    }

    /// Reads a cursor of sessions in this order; `None` when it is none.
    pub(crate) fn of_sessions(cursor: &Cursor, order: SessionOrder) -> Option<Self> {
        Self::read(cursor, order.word(), 2)
    }

    /// Reads a cursor of events; `None` when it is none.
    pub(crate) fn of_events(cursor: &Cursor) -> Option<Self> {
        Self::read(cursor, "e", 3)
    }

    /// Reads a cursor of events of all sessions; `None` when it is none.
    pub(crate) fn of_found(cursor: &Cursor) -> Option<Self> {
        Self::read(cursor, "f", 2)
    }

    fn read(cursor: &Cursor, list: &str, parts: usize) -> Option<Self> {
        let numbers = cursor.0.strip_prefix(list)?.strip_prefix('.')?.split('.');
        let numbers: Vec<i64> = numbers
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        let &[start, order, ..] = numbers.as_slice() else {
            return None;
        };
        let index = numbers.get(2).copied().unwrap_or(0);
        (numbers.len() == parts).then_some(Self {
            start,
            order,
            index: u64::try_from(index).ok()?,
        })
    }
}

/// Which sessions are listed, and in which order. Everything given must hold.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SessionFilter {
    /// Its id, its reason for ending or one of its tags has this in it, in letters of any case
    /// (of the Latin alphabet).
    pub text: Option<String>,
    /// Has this tag.
    pub tag: Option<String>,
    /// Ended like this.
    pub end_state: Option<EndState>,
    /// Runs (`true`) or has ended (`false`).
    pub running: Option<bool>,
    /// Began at or after.
    pub from: Option<Timestamp>,
    /// Began before.
    pub to: Option<Timestamp>,
    /// Has an error event.
    pub with_errors: bool,
    /// Has an agent of this id or name.
    pub agent: Option<String>,
    /// Called this model.
    pub model: Option<String>,
    /// Lasted so many microseconds, from and to.
    pub micros: (Option<u64>, Option<u64>),
    /// Its known cost, from and to.
    pub cost: (Option<Usd>, Option<Usd>),
    /// In which order.
    pub order: SessionOrder,
}

/// By what sessions are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SessionSort {
    /// When they began.
    #[default]
    Start,
    /// How long they took.
    Duration,
    /// What is known of their cost.
    Cost,
    /// Their error events.
    Errors,
    /// Their prompt and completion tokens.
    Tokens,
}

/// The order of a list of sessions; the newest first unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionOrder {
    /// By what.
    pub by: SessionSort,
    /// From the smallest to the largest.
    pub ascending: bool,
}

impl SessionOrder {
    /// What cursors of this order begin with.
    fn word(self) -> &'static str {
        match (self.by, self.ascending) {
            (SessionSort::Start, false) => "s",
            (SessionSort::Start, true) => "sa",
            (SessionSort::Duration, false) => "d",
            (SessionSort::Duration, true) => "da",
            (SessionSort::Cost, false) => "c",
            (SessionSort::Cost, true) => "ca",
            (SessionSort::Errors, false) => "x",
            (SessionSort::Errors, true) => "xa",
            (SessionSort::Tokens, false) => "t",
            (SessionSort::Tokens, true) => "ta",
        }
    }
}

/// Which events are listed, and how much of each. Everything given must hold.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EventFilter {
    /// Of this kind only.
    pub kind: Option<EventKind>,
    /// Called like this: an action's type, a tool's name, a call's model, an error's type.
    pub name: Option<String>,
    /// Ended by an error or a panic.
    pub failed: bool,
    /// Began at or after.
    pub from: Option<Timestamp>,
    /// Began before.
    pub to: Option<Timestamp>,
    /// Without what was recorded at length (arguments, results, prompts, completions, logs,
    /// screenshots). Error events keep what they say.
    pub heads_only: bool,
}

/// Whether a status is a failure.
pub(crate) fn is_failure(status: &Status) -> bool {
    matches!(status, Status::Error | Status::Panicked)
}

/// One page of sessions, in the order asked for.
#[derive(Debug, Clone)]
pub struct SessionPage {
    /// The rows.
    pub rows: Vec<SessionRow>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

/// One page of events, in the order they began.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The rows.
    pub rows: Vec<EventRow>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

/// One page of events of all sessions, the newest arrival first.
#[derive(Debug, Clone)]
pub struct FoundPage {
    /// The rows. There may be fewer than wanted, or none, though more follow: a search through
    /// much that does not fit stops after a while and goes on with the next page.
    pub rows: Vec<FoundEvent>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

impl EventPage {
    /// As it goes out: the events of this session.
    #[must_use]
    pub fn into_list(self, session: &SessionId) -> EventList {
        let listed = |row: EventRow| ListedEvent {
            session_id: session.clone(),
            beside: Beside::Index(row.index),
            event: row.event,
        };
        EventList {
            events: self.rows.into_iter().map(listed).collect(),
            next_cursor: self.next.map(|Cursor(next)| next),
        }
    }
}

impl From<FoundPage> for EventList {
    fn from(page: FoundPage) -> Self {
        let listed = |found: FoundEvent| ListedEvent {
            session_id: found.session,
            beside: Beside::Project(found.project),
            event: found.event,
        };
        Self {
            events: page.rows.into_iter().map(listed).collect(),
            next_cursor: page.next.map(|Cursor(next)| next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_those_of_another_list_are_refused() {
        let place = Place {
            start: -5,
            order: 7,
            index: 9,
        };
        assert_eq!(Place::of_events(&place.event_cursor()).unwrap(), place);
        let sessions = Place { index: 0, ..place };
        let order = SessionOrder::default();
        let cursor = place.session_cursor(order);
        assert_eq!(Place::of_sessions(&cursor, order).unwrap(), sessions);
        let other = SessionOrder {
            ascending: true,
            ..order
        };
        assert!(Place::of_sessions(&cursor, other).is_none());
        for text in [
            "",
            "s.1",
            "e.1.2",
            "s.1.2.3",
            "e.1.2.-3",
            "s.x.2",
            "e.1.2.3.4",
        ] {
            let cursor = Cursor(text.to_owned());
            assert!(Place::of_events(&cursor).is_none(), "{text}");
            assert!(Place::of_sessions(&cursor, order).is_none(), "{text}");
        }
        assert!(Place::of_events(&place.session_cursor(order)).is_none());
        assert!(Place::of_found(&place.event_cursor()).is_none());
    }
}
