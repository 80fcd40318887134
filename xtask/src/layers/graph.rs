//! Cycles in a graph of files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::resolve::Edges;
use super::syntax::Tree;

/// Files that use each other in a circle, each with the path by which it uses the next.
#[derive(Debug)]
pub(crate) struct Cycle(Vec<(usize, String)>);

impl Cycle {
    /// One line: `a.rs -> b.rs (crate::b::X) -> a.rs (crate::a::Y)`.
    pub(crate) fn describe(&self, tree: &Tree) -> String {
        let mut text = format!("import cycle: {}", tree.name_of(self.0[0].0));
        for (index, (_, by)) in self.0.iter().enumerate() {
            let next = self.0[(index + 1) % self.0.len()].0;
            text += &format!(" -> {} ({by})", tree.name_of(next));
        }
        text
    }
}

/// One shortest cycle for each group of files that can all reach each other.
pub(crate) fn cycles(edges: &Edges) -> Vec<Cycle> {
    let mut reported: BTreeSet<usize> = BTreeSet::new();
    let mut found = Vec::new();
    for &start in edges.keys() {
        if reported.contains(&start) {
            continue;
        }
        if let Some(cycle) = shortest(edges, start) {
            // The whole group is done with, not only the files of the cycle that is shown.
            let ahead = reachable(edges, start);
            reported.extend(
                ahead
                    .iter()
                    .filter(|file| reachable(edges, **file).contains(&start)),
            );
            found.push(cycle);
        }
    }
    found
}

/// The shortest way from a file back to itself.
fn shortest(edges: &Edges, start: usize) -> Option<Cycle> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for &next in edges.get(&file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut way = vec![file];
                while let Some(before) = came_from.get(&way[way.len() - 1]) {
                    way.push(*before);
                }
                way.reverse();
                let by = |index: usize| edges[&way[index]][&way[(index + 1) % way.len()]].clone();
                return Some(Cycle(
                    (0..way.len())
                        .map(|index| (way[index], by(index)))
                        .collect(),
                ));
            }
            if next != start && !came_from.contains_key(&next) {
                came_from.insert(next, file);
                queue.push_back(next);
            }
        }
    }
    None
}

fn reachable(edges: &Edges, start: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut queue = vec![start];
    while let Some(file) = queue.pop() {
        for &next in edges.get(&file).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next) {
                queue.push(next);
            }
        }
    }
    seen
}
