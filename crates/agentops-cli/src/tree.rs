//! Events ordered as a tree: who stands under whom, and how deep.
//!
//! Parents come from recorded data: they may be unknown, or point at each other in a circle. Every
//! event is placed exactly once all the same, and depth costs no stack.

use std::collections::HashMap;

use crate::view::Event;

/// One event in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Index of the event.
    pub(crate) event: usize,
    /// Its parents up to the top.
    pub(crate) depth: usize,
    /// Whether it is the last of its siblings.
    pub(crate) last: bool,
}

/// Places `events`, which come in the order siblings are to have. Whoever has an unknown parent
/// stands at the top; so does the first event of a circle, with the rest of it below.
pub(crate) fn place(events: &[Event]) -> Vec<Node> {
    let mut index = HashMap::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        if let Some(id) = event.id.as_deref() {
            index.entry(id).or_insert(at);
        }
    }
    let mut tops = Vec::new();
    let mut under: Vec<Vec<usize>> = vec![Vec::new(); events.len()];
    for (at, event) in events.iter().enumerate() {
        match event.above().and_then(|id| index.get(id)) {
            Some(&parent) if parent != at => under[parent].push(at),
            _ => tops.push(at),
        }
    }
    let mut places = Places {
        under,
        seen: vec![false; events.len()],
        nodes: Vec::new(),
    };
    places.walk(&tops);
    // What no top leads to hangs in a circle.
    for at in 0..events.len() {
        if !places.seen[at] {
            places.walk(&[at]);
        }
    }
    places.nodes
}

struct Places {
    under: Vec<Vec<usize>>,
    seen: Vec<bool>,
    nodes: Vec<Node>,
}

impl Places {
    fn walk(&mut self, tops: &[usize]) {
        let mut waiting = Vec::new();
        push(&mut waiting, tops, 0);
        while let Some(node) = waiting.pop() {
            if std::mem::replace(&mut self.seen[node.event], true) {
                continue;
            }
            self.nodes.push(node);
            push(&mut waiting, &self.under[node.event], node.depth + 1);
        }
    }
}

/// Puts siblings on the stack so that the first comes off first.
fn push(waiting: &mut Vec<Node>, siblings: &[usize], depth: usize) {
    for (at, &event) in siblings.iter().enumerate().rev() {
        waiting.push(Node {
            event,
            depth,
            last: at + 1 == siblings.len(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pairs: &[(&str, Option<&str>)]) -> Vec<Event> {
        let event = |&(id, parent): &(&str, Option<&str>)| {
            serde_json::from_value(serde_json::json!({ "id": id, "parent_id": parent })).unwrap()
        };
        pairs.iter().map(event).collect()
    }

    fn check(pairs: &[(&str, Option<&str>)], expected: &str) {
        let events = events(pairs);
        let placed: Vec<String> = place(&events)
            .iter()
            .map(|node| format!("{}{}", "-".repeat(node.depth), pairs[node.event].0))
            .collect();
        assert_eq!(placed.join(" "), expected);
    }

    #[test]
    fn children_stand_under_their_parents_in_order() {
        check(
            &[
                ("a", None),
                ("b", Some("a")),
                ("c", None),
                ("d", Some("b")),
                ("e", Some("a")),
            ],
            "a -b --d -e c",
        );
    }

    #[test]
    fn unknown_parents_circles_and_doubles_lose_nobody() {
        check(&[("a", Some("?")), ("b", Some("b"))], "a b");
        check(
            &[("a", Some("b")), ("b", Some("a")), ("c", Some("a"))],
            "a -b -c",
        );
        check(&[("a", None), ("a", None), ("b", Some("a"))], "a -b a");
    }

    #[test]
    fn a_chain_of_fifty_thousand_needs_no_stack() {
        let ids: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
        let pairs: Vec<(&str, Option<&str>)> = ids
            .iter()
            .enumerate()
            .map(|(n, id)| {
                (
                    id.as_str(),
                    n.checked_sub(1).map(|above| ids[above].as_str()),
                )
            })
            .collect();
        let placed = place(&events(&pairs));
        assert_eq!(placed.len(), 50_000);
        assert_eq!(placed[49_999].depth, 49_999);
    }
}
