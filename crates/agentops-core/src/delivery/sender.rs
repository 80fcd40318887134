//! From what waits to the server: reads lines, sends them session by session, acknowledges what is taken care of.
//! Retries for as long as the process lives.
//!
//! Order inside a session is kept. A session that cannot be delivered lets the others go on: it falls *behind*, its
//! lines are passed over, and it catches up by itself (`catch_up`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use super::backoff::pause;
use super::book::{Book, Place, Progress};
use super::both::both;
use super::courier::{Delivery, FEW, FOR_EVER};
use super::item::Item;
use super::requests::{Call, Step, steps};
use super::source::{Lines, Source};

/// Most lines and bytes of one stretch.
pub(super) const STRETCH_LINES: usize = 2_048;
pub(super) const STRETCH_BYTES: usize = 2 << 20;
/// Sessions of a stretch that are sent at the same time.
const PARALLEL: usize = 4;
/// Most that are on their way in all, with those that nobody waits for any more.
const MOST_FLIGHTS: usize = 12;
/// How long the rest of a stretch waits for the slowest sessions of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads one source to its end, or for ever.
pub(crate) struct Sender {
    pub(super) delivery: Arc<Delivery>,
    pub(super) source: Source,
    book: Mutex<Book>,
    /// Somebody is behind, or may go on.
    pub(super) stir: Notify,
}

/// Requests that are on their way. Dropped, they are given up; who comes after sends them again.
type Flights = JoinSet<()>;

impl Sender {
    /// `recovered`: the source was begun by another sender, what it told the server is not known.
    pub(crate) fn new(delivery: Arc<Delivery>, source: Source, recovered: bool) -> Arc<Self> {
        Arc::new(Self {
            book: Mutex::new(Book::new(source.start(), recovered)),
            stir: Notify::new(),
            delivery,
            source,
        })
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends for as long as the process lives; tells `done` how far it is.
    pub(crate) async fn run(self: Arc<Self>, done: impl Fn(Progress)) {
        both(self.go_on(&done), self.catch_up(&done)).await;
    }

    /// Sends all of a source that grows no more.
    pub(crate) async fn drain(self: &Arc<Self>) {
        let (mut lines, mut flights) = (self.source.lines(), Flights::new());
        while self.stretch(&mut lines, &mut flights).await > 0 {}
        while let Some(landed) = flights.join_next_with_id().await {
            landed_well(landed);
        }
        self.catch_up_all().await;
    }

    /// One more request of a session, outside the source.
    pub(crate) async fn send_extra(&self, item: Item, call: Call) {
        let sid = item.sid.clone();
        let steps = vec![Step::new(call, vec![item])];
        let name = self.source.name();
        self.delivery.send(&sid, steps, name, FOR_EVER).await;
    }

    async fn go_on(self: &Arc<Self>, done: &impl Fn(Progress)) {
        let (mut lines, mut flights) = (self.source.lines(), Flights::new());
        let delivery = Arc::clone(&self.delivery);
        loop {
            let sent = self.stretch(&mut lines, &mut flights).await;
            let next_told = self.tell_running(&mut flights).await;
            done(self.settle());
            if sent >= STRETCH_LINES {
                continue;
            }
            if sent == 0 {
                match next_told {
                    Some(pause) if timeout(pause, delivery.news.notified()).await.is_err() => {
                        continue;
                    }
                    Some(_) => {}
                    None => delivery.news.notified().await,
                }
            }
            delivery.gather().await;
        }
    }

    /// Sends all there is now; the number of lines. On an unreadable spool, 0.
    async fn stretch(self: &Arc<Self>, lines: &mut Lines, flights: &mut Flights) -> usize {
        let from = self.book().cursor;
        let read = match lines.next(from.at, STRETCH_LINES, STRETCH_BYTES) {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(target: "agentops", %error, "the spool cannot be read");
                return 0;
            }
        };
        let count = read.items.len();
        let end = from.after(&read);
        let sessions = {
            let mut book = self.book();
            book.cursor = end;
            // Lines that have moved are met again.
            let mine = read
                .items
                .into_iter()
                .filter(|item| item.n >= from.n && !book.behind.contains_key(&item.sid));
            let mine = mine.collect();
            self.requests(&mut book, mine)
        };
        self.fly(sessions, end, flights).await;
        self.book().settled = end;
        self.settle();
        count
    }

    /// The requests for some lines, by session.
    pub(super) fn requests(&self, book: &mut Book, items: Vec<Item>) -> Vec<(String, Vec<Step>)> {
        let ready = book.sort_out(items);
        let sessions = steps(ready, self.delivery.settings.max_queue_size);
        if !self.delivery.transport.is_ours() {
            return sessions;
        }
        let updated = |(sid, steps)| (sid, book.as_updates(steps));
        sessions.into_iter().map(updated).collect()
    }

    /// Notes how far everything is taken care of, and says it.
    pub(super) fn settle(&self) -> Progress {
        let progress = self.book().progress();
        if let Err(error) = self.source.acknowledge(progress.at) {
            tracing::warn!(target: "agentops", %error, "delivery cannot be noted; it will be repeated");
        }
        progress
    }

    /// Sends the requests of some sessions, and waits until they are delivered or behind; `end` is where their lines
    /// go on.
    async fn fly(
        self: &Arc<Self>,
        sessions: Vec<(String, Vec<Step>)>,
        end: Place,
        flights: &mut Flights,
    ) {
        let mut sessions = sessions.into_iter();
        let mut mine: HashMap<Id, String> = HashMap::new();
        loop {
            while mine.len() < PARALLEL
                && flights.len() < MOST_FLIGHTS
                && let Some((sid, steps)) = sessions.next()
            {
                self.book().flying.insert(sid.clone());
                let flight = Arc::clone(self).flight(sid.clone(), steps, end);
                mine.insert(flights.spawn(flight).id(), sid);
            }
            if mine.is_empty() && sessions.len() == 0 {
                return;
            }
            match timeout(PATIENCE, flights.join_next_with_id()).await {
                Ok(Some(landed)) => drop(mine.remove(&landed_well(landed))),
                // None is on its way, so all that were ours have landed.
                Ok(None) => mine.clear(),
                Err(_) if flights.len() >= MOST_FLIGHTS && sessions.len() > 0 => {}
                Err(_) => self.leave_behind(mine.drain().map(|(_, sid)| sid), end),
            }
        }
    }

    /// Goes on without these, which are still on their way.
    fn leave_behind(&self, sids: impl Iterator<Item = String>, end: Place) {
        let mut book = self.book();
        for sid in sids {
            // It may have landed this moment.
            if book.flying.contains(&sid) {
                let from = book.settled;
                book.falls_behind(&sid, from.min(end), Duration::ZERO, false);
                if let Some(session) = book.behind.get_mut(&sid) {
                    session.in_the_air = true;
                }
            }
        }
    }

    /// Sends the requests of one session, as far as it goes with a few failures.
    async fn flight(self: Arc<Self>, sid: String, steps: Vec<Step>, end: Place) {
        let numbers: Vec<u64> = steps.iter().flat_map(Step::numbers).collect();
        let name = self.source.name();
        let left = self.delivery.send(&sid, steps, name, FEW).await;
        let mut book = self.book();
        book.flying.remove(&sid);
        let failed = !left.is_empty();
        let first = book.take_back(left);
        let until = first.map_or(u64::MAX, |first| first.n);
        for n in numbers.into_iter().filter(|n| *n < until) {
            self.source.let_go(n);
        }
        if first.is_some() || book.behind.contains_key(&sid) {
            let wait = match failed {
                true => pause(FEW, fastrand::f64()),
                false => Duration::ZERO,
            };
            book.falls_behind(&sid, first.unwrap_or(end), wait, failed);
            self.stir.notify_one();
        }
    }

    /// Tells our server of calls that have been running for a while. Returns when the next one
    /// will have.
    async fn tell_running(self: &Arc<Self>, flights: &mut Flights) -> Option<Duration> {
        if !self.delivery.transport.is_ours() {
            // Nobody else knows what to do with a call that has no end.
            return None;
        }
        let (due, end) = {
            let mut book = self.book();
            (book.due_calls(), book.cursor)
        };
        let sessions = steps(due, self.delivery.settings.max_queue_size);
        self.fly(sessions, end, flights).await;
        self.book().next_due_call()
    }
}

/// Which flight has landed. One that came to grief takes the sender with it: another one sends its lines again.
fn landed_well(landed: Result<(Id, ()), JoinError>) -> Id {
    match landed {
        Ok((id, ())) => id,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => error.id(),
    }
}
