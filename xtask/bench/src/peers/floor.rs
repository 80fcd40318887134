//! What a careful person would write for one program: an id, a name, two clocks, arguments and result as JSON, a
//! bounded queue. No session, no context, no outcome, no attribute.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use super::{Arrivals, Exporter, Running};
use crate::work::{NotFound, What, drive, search};

struct Event {
    _id: u128,
    _name: &'static str,
    _at: SystemTime,
    _took: Duration,
    _args: Vec<u8>,
    _ret: Vec<u8>,
}

struct Floor {
    queue: SyncSender<Event>,
    arrivals: Arrivals,
    sent: AtomicU64,
    lost: AtomicU64,
}

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0x9e37_79b9_7f4a_7c15) };
}

fn random() -> u64 {
    let mut x = STATE.get();
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    STATE.set(x);
    x
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain values")
}

impl Floor {
    #[inline]
    fn record<R: serde::Serialize>(
        &self,
        name: &'static str,
        args: Vec<u8>,
        run: impl FnOnce() -> R,
    ) -> R {
        let id = u128::from(random()) << 64 | u128::from(random());
        let (at, start) = (SystemTime::now(), Instant::now());
        let ret = run();
        let took = start.elapsed();
        let event = Event {
            _id: id,
            _name: name,
            _at: at,
            _took: took,
            _args: args,
            _ret: json(&ret),
        };
        match self.queue.try_send(event) {
            Ok(()) => self.sent.fetch_add(1, Ordering::Relaxed),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed)
            }
        };
        ret
    }

    fn add(&self, a: i64, b: i64) -> i64 {
        self.record("add", json(&[a, b]), || a.wrapping_add(b))
    }

    async fn tool(&self, query: &str) -> Result<String, NotFound> {
        let found = self.record("tool", json(&query), || search(query).unwrap_or_default());
        Ok(found)
    }

    async fn tiny(&self, x: u64) -> u64 {
        self.record("tiny", json(&x), || x.wrapping_mul(3))
    }
}

pub(super) fn set_up(exporter: Exporter, calls: usize) -> Box<dyn Running> {
    let (queue, events): (_, Receiver<Event>) = sync_channel(calls);
    let arrivals = Arrivals::default();
    let arrived = arrivals.clone();
    std::thread::spawn(move || {
        while let Ok(first) = events.recv() {
            let mut batch = vec![first];
            batch.extend(events.try_iter().take(511));
            exporter.take(batch.len());
            arrived.add(batch.len());
        }
    });
    Box::new(Floor {
        queue,
        arrivals,
        sent: AtomicU64::new(0),
        lost: AtomicU64::new(0),
    })
}

impl Running for Floor {
    fn run(&self, what: What, calls: usize) {
        drive(
            what,
            calls,
            |a, b| self.add(a, b),
            |query| self.tool(query),
            |x| self.tiny(x),
        );
    }

    fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.arrivals.count() < self.sent.load(Ordering::Relaxed) && Instant::now() < deadline
        {
            std::thread::yield_now();
        }
    }

    fn arrived(&self) -> Option<u64> {
        Some(self.arrivals.count())
    }

    fn shown_as_lost(&self) -> Option<u64> {
        Some(self.lost.load(Ordering::Relaxed))
    }
}
