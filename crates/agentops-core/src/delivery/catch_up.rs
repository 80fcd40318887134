//! Sessions that are behind catch up: their lines are read once more, from the first one that was not delivered, and
//! when such a session has come up with the others it goes on among them.
//!
//! Nobody is hammered: a session that fails again waits longer each time, and as long as all of them fail only a few
//! are tried, with a pause between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::backoff::pause;
use super::book::{Book, Place, Progress};
use super::both::either;
use super::requests::Step;
use super::sender::{STRETCH_BYTES, STRETCH_LINES, Sender};
use super::source::Lines;

/// How many are tried while none of them succeeds, and how many at most.
const NARROW: usize = 4;
const WIDE: usize = 1_024;
/// Sessions that are sent at the same time.
const PARALLEL: usize = 4;
/// How often those on their way are looked at, should nobody say that one has landed.
const LANDING: Duration = Duration::from_secs(1);

/// How often and how many.
struct Pace {
    width: usize,
    failures: u32,
    /// Of how many that were in a hurry it knows.
    hurries: u64,
}

/// Sessions that are catching up together, each from its place.
type Group = BTreeMap<String, Place>;

impl Sender {
    /// Lets sessions that are behind catch up, for as long as the process lives.
    pub(super) async fn catch_up(self: &Arc<Self>, done: &impl Fn(Progress)) {
        let (mut lines, mut pace) = (self.source.lines(), Pace::START);
        loop {
            self.catch_up_once(&mut lines, &mut pace, done).await;
            if self.book().behind.is_empty() {
                self.stir.notified().await;
            }
        }
    }

    /// The same until nobody is behind.
    pub(super) async fn catch_up_all(self: &Arc<Self>) {
        let (mut lines, mut pace) = (self.source.lines(), Pace::START);
        while !self.book().behind.is_empty() {
            self.catch_up_once(&mut lines, &mut pace, &|_| {}).await;
        }
    }

    /// Tries those whose turn it is, or waits until there are some.
    async fn catch_up_once(
        self: &Arc<Self>,
        lines: &mut Lines,
        pace: &mut Pace,
        done: &impl Fn(Progress),
    ) {
        let (group, next) = {
            let mut book = self.book();
            if pace.is_hurried(self) {
                book.all_due();
            }
            (book.due(pace.width), book.next_due())
        };
        if !group.is_empty() {
            let moved = self.pass(group, lines, done).await;
            pace.rest(moved, self).await;
            return;
        }
        let stirred = either(self.stir.notified(), self.delivery.hurry.notified());
        // With all of them on their way, one will land.
        let next = next.unwrap_or(LANDING);
        let _ = timeout(next, stirred).await;
    }

    /// One attempt at all lines of some sessions; whether any was delivered.
    async fn pass(
        self: &Arc<Self>,
        mut group: Group,
        lines: &mut Lines,
        done: &impl Fn(Progress),
    ) -> bool {
        let mut moved = false;
        while let Some(from) = group.values().min().copied() {
            let read = match lines.next(from.at, STRETCH_LINES, STRETCH_BYTES) {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(target: "agentops", %error, "the spool cannot be read");
                    self.book().retry_later(group.keys());
                    return moved;
                }
            };
            let (sessions, end) = {
                let mut book = self.book();
                let until = book.cursor;
                // Where nothing more is found, what was there is gone.
                let is_all = read.items.is_empty();
                let end = if is_all {
                    until
                } else {
                    from.after(&read).min(until)
                };
                let mine = read.items.into_iter().filter(|item| {
                    let from = group.get(&item.sid);
                    item.n < until.n && from.is_some_and(|from| item.n >= from.n)
                });
                let mine = mine.collect();
                (self.requests(&mut book, mine), end)
            };
            moved |= self.fly_once(sessions, &mut group).await;
            moved |= self.book().came_to(&mut group, end);
            done(self.settle());
        }
        moved
    }

    /// Tries each session once; those that fail leave the group. Whether any request was delivered.
    async fn fly_once(
        self: &Arc<Self>,
        sessions: Vec<(String, Vec<Step>)>,
        group: &mut Group,
    ) -> bool {
        let mut moved = false;
        let mut sessions = sessions.into_iter();
        let mut sending = JoinSet::new();
        loop {
            while sending.len() < PARALLEL
                && let Some((sid, steps)) = sessions.next()
            {
                let sender = Arc::clone(self);
                sending.spawn(async move {
                    let numbers: Vec<u64> = steps.iter().flat_map(Step::numbers).collect();
                    let name = sender.source.name();
                    let left = sender.delivery.send(&sid, steps, name, 1).await;
                    (sid, numbers, left)
                });
            }
            let (sid, numbers, left) = match sending.join_next().await {
                None => return moved,
                Some(Ok(landed)) => landed,
                Some(Err(error)) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => return moved,
                },
            };
            let mut book = self.book();
            let first = book.take_back(left);
            let until = first.map_or(u64::MAX, |first| first.n);
            for n in numbers.into_iter().filter(|n| *n < until) {
                moved = true;
                self.source.let_go(n);
            }
            if let Some(first) = first {
                group.remove(&sid);
                let failures = book.behind.get(&sid).map_or(0, |session| session.failures);
                let wait = pause(failures + 3, fastrand::f64());
                book.falls_behind(&sid, first, wait, true);
            }
        }
    }
}

impl Pace {
    const START: Self = Self {
        width: NARROW,
        failures: 0,
        hurries: 0,
    };

    /// Whether somebody waits for delivery who did not the last time.
    fn is_hurried(&mut self, sender: &Sender) -> bool {
        let hurries = sender.delivery.hurries.load(Ordering::Relaxed);
        std::mem::replace(&mut self.hurries, hurries) != hurries
    }

    /// Waits after a pass in which nothing moved, unless somebody has come who is in a hurry.
    async fn rest(&mut self, moved: bool, sender: &Sender) {
        if moved {
            self.width = (self.width * 4).min(WIDE);
            self.failures = 0;
            return;
        }
        self.width = NARROW;
        let wait = pause(self.failures, fastrand::f64());
        self.failures = self.failures.saturating_add(1);
        if sender.delivery.hurries.load(Ordering::Relaxed) == self.hurries {
            let _ = timeout(wait, sender.delivery.hurry.notified()).await;
        }
    }
}

impl Book {
    /// Those whose turn it is, the longest due first.
    fn due(&self, most: usize) -> Group {
        let now = Instant::now();
        let behind = self.behind.iter();
        let mut due: Vec<_> = behind
            .filter(|(_, session)| !session.in_the_air && session.due <= now)
            .collect();
        due.sort_by_key(|(_, session)| session.due);
        let due = due.into_iter().take(most);
        due.map(|(sid, session)| (sid.clone(), session.from))
            .collect()
    }

    /// Somebody waits for them, or the server is back.
    fn all_due(&mut self) {
        let now = Instant::now();
        for session in self.behind.values_mut() {
            session.due = now;
        }
    }

    /// In how long the next one is due.
    fn next_due(&self) -> Option<Duration> {
        let now = Instant::now();
        let waiting = self.behind.values().filter(|session| !session.in_the_air);
        waiting
            .map(|session| session.due.saturating_duration_since(now))
            .min()
    }

    /// These have come so far; where that is as far as the others are, they go on among them. Whether any does.
    fn came_to(&mut self, group: &mut Group, end: Place) -> bool {
        let is_level = !group.is_empty() && end.n >= self.cursor.n;
        for (sid, from) in group.iter_mut() {
            *from = end.max(*from);
            if is_level {
                self.behind.remove(sid);
            } else if let Some(session) = self.behind.get_mut(sid) {
                session.from = *from;
                session.failures = 0;
            }
        }
        if is_level {
            group.clear();
        }
        is_level
    }

    /// Nothing was found of these where something must be: later, perhaps.
    fn retry_later<'a>(&mut self, sids: impl Iterator<Item = &'a String>) {
        for sid in sids {
            if let Some(session) = self.behind.get_mut(sid) {
                session.due = Instant::now() + pause(5, 1.0);
            }
        }
    }
}
