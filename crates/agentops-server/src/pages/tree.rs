//! The events of a page as a tree: each under its parent, in the order they began.
//!
//! Parents come from outside and may be missing, later, or in a circle. What has no parent on
//! this page stands at the top; a circle is cut at its first event.

use std::collections::HashMap;

use agentops_protocol::{EventId, EventKind};
use agentops_store::EventRow;

/// An event and how deep it stands.
pub(super) struct Placed<'a> {
    pub(super) row: &'a EventRow,
    pub(super) depth: usize,
    /// Whether it names a parent that is not above it here.
    pub(super) adopted: bool,
}

/// The rows in the order of the tree.
pub(super) fn tree(rows: &[EventRow]) -> Vec<Placed<'_>> {
    let by_id: HashMap<&EventId, usize> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (&row.event.id, index))
        .collect();
    let parents: Vec<Option<usize>> = rows
        .iter()
        .map(|row| parent(row).and_then(|id| by_id.get(id).copied()))
        .collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut roots = Vec::new();
    for (index, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) if *parent != index => children[*parent].push(index),
            _ => roots.push(index),
        }
    }
    let mut placed = Vec::with_capacity(rows.len());
    let mut seen = vec![false; rows.len()];
    // Whatever no root reaches hangs on a circle: its first event stands in for a root.
    for root in roots.into_iter().chain(0..rows.len()) {
        let mut waiting = vec![(root, 0)];
        while let Some((index, depth)) = waiting.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            let row = &rows[index];
            let adopted = depth == 0 && parent(row).is_some();
            placed.push(Placed {
                row,
                depth,
                adopted,
            });
            waiting.extend(
                children[index]
                    .iter()
                    .rev()
                    .map(|child| (*child, depth + 1)),
            );
        }
    }
    placed
}

/// Where an event stands: in its parent; an error without one, under what it befell.
fn parent(row: &EventRow) -> Option<&EventId> {
    let trigger = match (&row.event.body, row.kind()) {
        (agentops_protocol::EventBody::Error(error), EventKind::Error) => {
            error.trigger_event_id.as_ref()
        }
        _ => None,
    };
    row.event.parent_id.as_ref().or(trigger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentops_protocol::{Event, Timestamp};

    fn rows(links: &[(&str, &str)]) -> Vec<EventRow> {
        let rows = links.iter().enumerate().map(|(index, (id, parent))| {
            let start = Timestamp::from_micros(0);
            let mut event = Event::started(id.parse().unwrap(), EventKind::Action, start);
            event.parent_id = parent.parse().ok();
            EventRow {
                event,
                index: index as u64,
            }
        });
        rows.collect()
    }

    fn check(links: &[(&str, &str)], expected: &str) {
        let rows = rows(links);
        let placed = tree(&rows);
        let placed = placed.iter().map(|placed| {
            let mark = if placed.adopted { "?" } else { "" };
            format!("{}{}{mark}", placed.row.event.id, placed.depth)
        });
        assert_eq!(placed.collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn each_stands_under_its_parent_whatever_the_order() {
        check(
            &[("a", ""), ("b", "a"), ("c", ""), ("d", "b"), ("e", "a")],
            "a0 b1 d2 e1 c0",
        );
        check(&[("b", "a"), ("a", "")], "a0 b1");
    }

    #[test]
    fn unknown_parents_and_circles_end_at_the_top() {
        check(&[("a", "gone"), ("b", "a")], "a0? b1");
        check(&[("a", "a"), ("b", "")], "a0? b0");
        check(
            &[("x", ""), ("a", "c"), ("b", "a"), ("c", "b"), ("d", "c")],
            "x0 a0? b1 c2 d3",
        );
    }

    #[test]
    fn a_tree_as_deep_as_a_page_is_no_matter() {
        let names: Vec<String> = (0..500).map(|index| index.to_string()).collect();
        let links: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                (
                    name.as_str(),
                    index
                        .checked_sub(1)
                        .map_or("", |before| names[before].as_str()),
                )
            })
            .collect();
        let rows = rows(&links);
        assert_eq!(tree(&rows).last().unwrap().depth, 499);
    }
}
