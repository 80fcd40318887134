//! Where two sessions part first, in the order in which things happen.
//!
//! A call that the other session does not have, and what a call was given, count when it begins;
//! how it ended and what came of it, when it ends: after everything inside it. So a wrong
//! answer of a tool comes before the wrong answers of all who called for it.

use super::rows::{Part, Row};

/// The row where the two part, if they do.
pub(super) fn first(rows: &[Row]) -> Option<usize> {
    // Rows that have begun and not ended, each inside the one before.
    let mut open: Vec<usize> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        while let Some(&inner) = open.last().filter(|inner| Some(**inner) != row.parent) {
            if parts_at_end(&rows[inner]) {
                return Some(inner);
            }
            open.pop();
        }
        if parts_at_begin(row) {
            return Some(at);
        }
        open.push(at);
    }
    open.into_iter().rev().find(|at| parts_at_end(&rows[*at]))
}

fn parts_at_begin(row: &Row) -> bool {
    let begins = |part: &Part| !ends(*part);
    row.a.is_none() || row.b.is_none() || row.differs.iter().any(begins)
}

fn parts_at_end(row: &Row) -> bool {
    row.differs.iter().any(|part| ends(*part))
}

fn ends(part: Part) -> bool {
    matches!(part, Part::Outcome | Part::Result)
}
