//! What a sender remembers between lines: how far it is, who is behind, and which calls run. Pure.
//!
//! ```text
//!          settled                   cursor
//! ---------|-------------------------|-------------->  lines of all sessions
//!              ^ in the air                  read next
//!    ^ behind: a session whose lines from here on are passed over, until it has caught up with the cursor
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use agentops_spool::{Op, Position};

use super::item::{Item, Items, Mark};
use super::requests::{Call, Step, event_id};

/// How long a call runs before the server is told of it.
const OPEN_AFTER: Duration = Duration::from_millis(100);
/// How much later it is told again if the server could not be.
const OPEN_AGAIN: Duration = Duration::from_secs(5);

/// A place among the lines. What is compared is the number: lines that could not be written may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The number of the next line.
    pub(crate) n: u64,
    /// Where it was when it was read, or before that.
    pub(crate) at: Position,
}

impl Place {
    /// The place after what was read from this one.
    pub(crate) fn after(self, read: &Items) -> Self {
        let n = read.items.last().map_or(0, |last| last.n + 1);
        Self {
            n: n.max(self.n),
            at: read.end,
        }
    }
}

/// How far a sender is.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// Everything until here is taken care of.
    pub(crate) settled: Mark,
    /// Where that ends.
    pub(crate) at: Position,
    /// And until here, but for these sessions.
    pub(crate) reached: Mark,
    pub(crate) reached_at: Position,
    pub(crate) behind: Vec<String>,
}

/// A session that could not be delivered when it was its turn.
#[derive(Debug)]
pub(crate) struct Behind {
    /// Its first line that is not taken care of, or a place before it.
    pub(crate) from: Place,
    /// Some of its lines are on their way.
    pub(crate) in_the_air: bool,
    /// When to try again, and how often that has failed.
    pub(crate) due: Instant,
    pub(crate) failures: u32,
}

pub(crate) struct Book {
    /// Where lines are read next.
    pub(crate) cursor: Place,
    /// Everything before is delivered, or of a session that is behind.
    pub(crate) settled: Place,
    pub(crate) behind: BTreeMap<String, Behind>,
    /// Sessions whose requests are on their way.
    pub(crate) flying: HashSet<String>,
    /// Calls that run and that the server does not know of yet.
    running: HashMap<String, (Item, Instant)>,
    /// Calls that the server was told of while they ran.
    told: HashSet<String>,
    /// Whether the lines were begun by another sender: what it told is not known.
    recovered: bool,
}

impl Book {
    pub(crate) fn new(start: Position, recovered: bool) -> Self {
        let start = Place { n: 0, at: start };
        Self {
            cursor: start,
            settled: start,
            behind: BTreeMap::new(),
            flying: HashSet::new(),
            running: HashMap::new(),
            told: HashSet::new(),
            recovered,
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        let held_up = self.behind.values().map(|session| session.from);
        let settled = held_up.chain([self.settled]).min();
        let settled = settled.unwrap_or(self.settled);
        let mark = |place: Place| Mark(place.n.saturating_sub(1));
        Progress {
            settled: mark(settled),
            at: settled.at,
            reached: mark(self.settled),
            reached_at: self.settled.at,
            behind: self.behind.keys().cloned().collect(),
        }
    }

    /// The session's turn is over before all its lines were delivered.
    pub(crate) fn falls_behind(&mut self, sid: &str, from: Place, pause: Duration, failed: bool) {
        let behind = self.behind.entry(sid.to_owned()).or_insert(Behind {
            from,
            in_the_air: false,
            due: Instant::now(),
            failures: 0,
        });
        behind.from = from;
        behind.in_the_air = false;
        behind.failures = if failed { behind.failures + 1 } else { 0 };
        behind.due = Instant::now() + pause;
    }

    /// Sets running calls aside and drops those that have ended meanwhile.
    pub(crate) fn sort_out(&mut self, items: Vec<Item>) -> Vec<Item> {
        let now = Instant::now();
        let mut ready = Vec::with_capacity(items.len());
        for item in items {
            match (item.op, event_id_of(&item)) {
                (Op::Open, Some(id)) => {
                    // Said again for who comes after us, should this process die.
                    if !self.told.contains(&id) {
                        self.running.entry(id).or_insert((item, now));
                    }
                }
                (Op::Open, None) => {}
                (Op::Event, Some(id)) => {
                    self.running.remove(&id);
                    ready.push(item);
                }
                _ => ready.push(item),
            }
        }
        ready
    }

    /// To our server, an event whose running form it was told of is an update.
    pub(crate) fn as_updates(&mut self, steps: Vec<Step>) -> Vec<Step> {
        let mut out = Vec::with_capacity(steps.len());
        for step in steps {
            if step.call != Call::CreateEvents {
                out.push(step);
                continue;
            }
            let (told, fresh): (Vec<Item>, Vec<Item>) = step.items.into_iter().partition(|item| {
                self.recovered || event_id_of(item).is_some_and(|id| self.told.remove(&id))
            });
            for (call, items) in [(Call::CreateEvents, fresh), (Call::UpdateEvents, told)] {
                if !items.is_empty() {
                    out.push(Step::new(call, items));
                }
            }
        }
        out
    }

    /// Calls that have been running for a while, of sessions that are not behind.
    pub(crate) fn due_calls(&mut self) -> Vec<Item> {
        let (behind, told) = (&self.behind, &mut self.told);
        let due = self.running.extract_if(|id, (item, since)| {
            let due = since.elapsed() >= OPEN_AFTER && !behind.contains_key(&item.sid);
            if due {
                told.insert(id.clone());
            }
            due
        });
        let mut due: Vec<Item> = due.map(|(_, (item, _))| item).collect();
        due.sort_by_key(|item| item.n);
        due
    }

    /// In how long the next of them will be.
    pub(crate) fn next_due_call(&self) -> Option<Duration> {
        let running = self.running.values();
        let waiting = running.filter(|(item, _)| !self.behind.contains_key(&item.sid));
        let now = Instant::now();
        waiting
            .map(|(_, since)| (*since + OPEN_AFTER).saturating_duration_since(now))
            .min()
    }

    /// Takes back what was not delivered; the first line of it that must be.
    pub(crate) fn take_back(&mut self, left: Vec<Step>) -> Option<Place> {
        let mut first = None;
        for step in left {
            for item in step.items {
                let id = event_id_of(&item);
                if item.op == Op::Open {
                    if let Some(id) = id {
                        self.told.remove(&id);
                        self.running.insert(id, (item, Instant::now() + OPEN_AGAIN));
                    }
                    continue;
                }
                if step.call == Call::UpdateEvents {
                    self.told.extend(id);
                }
                let place = Place {
                    n: item.n,
                    at: item.at,
                };
                first = Some(first.map_or(place, |first: Place| first.min(place)));
            }
        }
        first
    }
}

fn event_id_of(item: &Item) -> Option<String> {
    matches!(item.op, Op::Event | Op::Open)
        .then(|| event_id(&item.body))
        .flatten()
}
