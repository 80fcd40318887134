//! Time on the user's thread: one monotonic reading a record; the wall clock is asked only when an anchor is taken.
//!
//! A record carries nanoseconds since the first reading in this process. The worker takes an [`Anchor`] every
//! round and turns them into wall time, so a clock that is set back never gives a call a negative duration.
//!
//! An anchor stays the same as long as the two clocks agree with it. Two readings that are a moment apart give or take
//! a few microseconds, and many milliseconds when the thread loses its core between them: a new anchor each round
//! would turn the order around of what happened just before it and just after.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The wall clock was set when it is further off than this.
const SET_US: u64 = 1_000;
/// Both clocks were read together when no more than this lies between.
const TOGETHER_NS: u64 = 20_000;
/// Tries to read them together.
const TRIES: u32 = 8;

static ORIGIN: OnceLock<Instant> = OnceLock::new();
static LAST: Mutex<Option<Anchor>> = Mutex::new(None);

/// Nanoseconds since the first reading in this process.
pub(crate) fn now() -> u64 {
    let origin = ORIGIN.get_or_init(Instant::now);
    // 584 years fit.
    origin.elapsed().as_nanos() as u64
}

/// Both clocks, read together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    mono_ns: u64,
    wall_us: i64,
}

impl Anchor {
    /// Reads both clocks; the anchor before this one as long as it is right.
    pub(crate) fn take() -> Anchor {
        let (fresh, apart_ns) = Anchor::read();
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let right = last.filter(|last| last.agrees_with(&fresh, apart_ns));
        *last.insert(right.unwrap_or(fresh))
    }

    /// Reads both clocks, as nearly at once as it gets; how many nanoseconds lay between at most.
    fn read() -> (Anchor, u64) {
        let mut best = Anchor::read_once();
        for _ in 1..TRIES {
            if best.1 <= TOGETHER_NS {
                break;
            }
            let next = Anchor::read_once();
            if next.1 < best.1 {
                best = next;
            }
        }
        best
    }

    fn read_once() -> (Anchor, u64) {
        let before = now();
        let wall_us = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        };
        let apart_ns = now().saturating_sub(before);
        let mono_ns = before + apart_ns / 2;
        (Anchor { mono_ns, wall_us }, apart_ns)
    }

    /// Whether a reading says the same, as far as it can tell.
    fn agrees_with(&self, fresh: &Anchor, apart_ns: u64) -> bool {
        let off = self.wall_us(fresh.mono_ns).abs_diff(fresh.wall_us);
        off <= SET_US + apart_ns / 1_000
    }

    /// A reading of [`now`] as microseconds since the Unix epoch.
    pub(crate) fn wall_us(&self, ns: u64) -> i64 {
        let since = ns as i64 - self.mono_ns as i64;
        self.wall_us.saturating_add(since.div_euclid(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_never_go_back() {
        let first = now();
        assert!(now() >= first);
    }

    #[test]
    fn an_anchor_maps_readings_before_and_after_it() {
        let anchor = Anchor {
            mono_ns: 5_000,
            wall_us: 1_000_000,
        };
        assert_eq!(anchor.wall_us(5_000), 1_000_000);
        assert_eq!(anchor.wall_us(7_999), 1_000_002);
        assert_eq!(anchor.wall_us(4_999), 999_999);
    }

    #[test]
    fn an_anchor_holds_until_the_wall_clock_is_set() {
        let first = Anchor::take();
        let second = Anchor::take();
        let both = [first, second].map(|anchor| anchor.wall_us(5_000_000));
        assert_eq!(
            both[0], both[1],
            "what was read a moment later says the same"
        );

        let at = |wall_us| Anchor {
            mono_ns: 5_000_000,
            wall_us,
        };
        assert!(at(1_000_000).agrees_with(&at(1_000_900), 0));
        assert!(!at(1_000_000).agrees_with(&at(1_001_100), 0));
        assert!(!at(1_000_000).agrees_with(&at(900_000), 0));
        // The thread lost its core between the two: such a reading proves little.
        assert!(at(1_000_000).agrees_with(&at(1_030_000), 40_000_000));
    }

    #[test]
    fn a_fresh_anchor_agrees_with_the_wall_clock() {
        let anchor = Anchor::take();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_micros() as i64;
        assert!((wall - anchor.wall_us(now())).abs() < 1_000_000);
    }
}
