//! Filters, page sizes and cursors of lists.

use agentops_protocol::{EndState, EventKind, Timestamp};

use crate::{EventRow, SessionRow};

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

    /// A page of sessions begins after this one.
    pub(crate) fn session_cursor(self) -> Cursor {
        Cursor(format!("s.{}.{}", self.start, self.order))
    }

    /// A page of events begins with this one.
    pub(crate) fn event_cursor(self) -> Cursor {
        Cursor(format!("e.{}.{}.{}", self.start, self.order, self.index))
    }

    /// Reads a cursor of sessions; `None` when it is none.
    pub(crate) fn of_sessions(cursor: &Cursor) -> Option<Self> {
        Self::read(cursor, "s.", 2)
    }

    /// Reads a cursor of events; `None` when it is none.
    pub(crate) fn of_events(cursor: &Cursor) -> Option<Self> {
        Self::read(cursor, "e.", 3)
    }

    fn read(cursor: &Cursor, list: &str, parts: usize) -> Option<Self> {
        let numbers = cursor.0.strip_prefix(list)?.split('.');
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

/// Which sessions are listed. Everything given must hold.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SessionFilter {
    /// Has this tag.
    pub tag: Option<String>,
    /// Ended like this.
    pub end_state: Option<EndState>,
    /// Began at or after.
    pub from: Option<Timestamp>,
    /// Began before.
    pub to: Option<Timestamp>,
    /// Has an error event.
    pub with_errors: bool,
}

/// Which events of a session are listed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EventFilter {
    /// Of this kind only.
    pub kind: Option<EventKind>,
}

/// One page of sessions, newest start first.
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
        assert_eq!(
            Place::of_sessions(&place.session_cursor()).unwrap(),
            sessions
        );
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
            assert!(Place::of_sessions(&cursor).is_none(), "{text}");
        }
        assert!(Place::of_events(&place.session_cursor()).is_none());
    }
}
