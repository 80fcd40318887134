//! Recorded events as a tree: who stands under whom.
//!
//! Parents come from outside and may be missing, come later, or point at each other in a circle.
//! Every event is placed exactly once all the same: whoever has an unknown parent stands at the
//! top, and a circle is cut above its first event. Depth costs no stack.

use std::collections::HashMap;

use crate::{Event, EventBody, EventId};

/// Events, named by their places in the list they came in, each under its parent and in the order
/// of that list.
///
/// ```
/// use agentops_protocol::Forest;
///
/// let links = [("plan", None), ("done", None), ("search", Some("plan"))];
/// let forest = Forest::grow(links.map(|(id, parent)| (Some(id), parent)));
/// let order: Vec<(usize, usize)> = forest.walk().map(|node| (node.index, node.depth)).collect();
/// assert_eq!(order, [(0, 0), (2, 1), (1, 0)]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Forest {
    tops: Vec<usize>,
    under: Vec<Vec<usize>>,
}

/// One event in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Its place in the list.
    pub index: usize,
    /// The number of events above it.
    pub depth: usize,
    /// Whether it is the last of its siblings.
    pub last: bool,
}

impl Forest {
    /// Places events by their ids and those of their parents. Of two with the same id the first
    /// is the parent that is meant.
    pub fn grow<'a>(links: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Self {
        let links: Vec<_> = links.into_iter().collect();
        let mut index = HashMap::with_capacity(links.len());
        for (at, (id, _)) in links.iter().enumerate() {
            if let Some(id) = *id {
                index.entry(id).or_insert(at);
            }
        }
        let parent = |at: usize| links[at].1.and_then(|id| index.get(id).copied());
        let mut parents: Vec<Option<usize>> = (0..links.len()).map(parent).collect();
        cut_circles(&mut parents);
        let mut forest = Self {
            tops: Vec::new(),
            under: vec![Vec::new(); parents.len()],
        };
        for (at, parent) in parents.into_iter().enumerate() {
            match parent {
                Some(parent) => forest.under[parent].push(at),
                None => forest.tops.push(at),
            }
        }
        forest
    }

    /// Places events: each in its parent; an error without one, under what it befell.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let links = events.into_iter().map(|event| {
            let above = above(event).map(EventId::as_str);
            (Some(event.id.as_str()), above)
        });
        Self::grow(links)
    }

    /// Those that stand under nobody.
    #[must_use]
    pub fn tops(&self) -> &[usize] {
        &self.tops
    }

    /// Those that stand directly under `index`, one of the list's.
    ///
    /// # Panics
    /// If the list had no such place.
    #[must_use]
    pub fn under(&self, index: usize) -> &[usize] {
        &self.under[index]
    }

    /// All of them, each followed by what stands under it.
    pub fn walk(&self) -> impl Iterator<Item = Node> {
        let mut waiting = Vec::new();
        push(&mut waiting, &self.tops, 0);
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            push(&mut waiting, &self.under[node.index], node.depth + 1);
            Some(node)
        })
    }
}

fn above(event: &Event) -> Option<&EventId> {
    let trigger = match &event.body {
        EventBody::Error(error) => error.trigger_event_id.as_ref(),
        _ => None,
    };
    event.parent_id.as_ref().or(trigger)
}

/// Puts siblings on the stack so that the first comes off first.
fn push(waiting: &mut Vec<Node>, siblings: &[usize], depth: usize) {
    for (at, &index) in siblings.iter().enumerate().rev() {
        let last = at + 1 == siblings.len();
        waiting.push(Node { index, depth, last });
    }
}

/// Takes the parent of the first event of every circle away.
fn cut_circles(parents: &mut [Option<usize>]) {
    // Whose way up is known to end, and in which climb each was met.
    let mut is_done = vec![false; parents.len()];
    let mut met_in = vec![usize::MAX; parents.len()];
    for start in 0..parents.len() {
        let mut at = start;
        while !is_done[at] && met_in[at] != start {
            met_in[at] = start;
            match parents[at] {
                Some(parent) => at = parent,
                None => break,
            }
        }
        if !is_done[at] && parents[at].is_some() {
            // The climb came back to `at`: whoever is met from here to here is in the circle.
            let mut first = at;
            let mut member = parents[at];
            while let Some(next) = member.filter(|next| *next != at) {
                first = first.min(next);
                member = parents[next];
            }
            parents[first] = None;
        }
        let mut climbed = Some(start);
        while let Some(at) = climbed.filter(|at| !is_done[*at]) {
            is_done[at] = true;
            climbed = parents[at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(links: &[(&str, &str)], expected: &str) {
        let forest = Forest::grow(links.iter().map(|&(id, parent)| {
            let parent = (!parent.is_empty()).then_some(parent);
            (Some(id), parent)
        }));
        let placed: Vec<String> = forest
            .walk()
            .map(|node| format!("{}{}", "-".repeat(node.depth), links[node.index].0))
            .collect();
        assert_eq!(placed.join(" "), expected);
    }

    #[test]
    fn each_stands_under_its_parent_whatever_the_order() {
        check(
            &[("a", ""), ("b", "a"), ("c", ""), ("d", "b"), ("e", "a")],
            "a -b --d -e c",
        );
        check(&[("b", "a"), ("a", "")], "a -b");
    }

    #[test]
    fn unknown_parents_circles_and_doubles_lose_nobody() {
        check(&[("a", "gone"), ("b", "a")], "a -b");
        check(&[("a", "a"), ("b", "")], "a b");
        check(&[("a", "b"), ("b", "a"), ("c", "a")], "a -b -c");
        check(&[("a", ""), ("a", ""), ("b", "a")], "a -b a");
        // The circle is cut above its own first event, not above what hangs from it.
        check(
            &[("x", "a"), ("a", "c"), ("b", "a"), ("c", "b"), ("d", "c")],
            "a -x -b --c ---d",
        );
    }

    #[test]
    fn a_chain_and_a_circle_of_fifty_thousand_need_no_stack() {
        let ids: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
        for first in [None, Some("49999")] {
            let forest = Forest::grow(ids.iter().enumerate().map(|(n, id)| {
                let parent = n.checked_sub(1).map(|above| ids[above].as_str());
                (Some(id.as_str()), parent.or(first))
            }));
            let last = forest.walk().last().unwrap();
            assert_eq!((last.index, last.depth), (49_999, 49_999));
        }
    }

    #[test]
    fn an_error_stands_under_what_it_befell() {
        let event = |id: &str, kind| {
            Event::started(id.parse().unwrap(), kind, crate::Timestamp::from_micros(0))
        };
        let mut events = [
            event("call", crate::EventKind::Tool),
            event("error", crate::EventKind::Error),
        ];
        let EventBody::Error(error) = &mut events[1].body else {
            unreachable!()
        };
        error.trigger_event_id = Some("call".parse().unwrap());
        assert_eq!(Forest::of(&events).under(0), [1]);
    }
}
