//! Time on the user's thread: one monotonic reading a record; the wall clock is asked only when an anchor is taken.
//!
//! A record carries nanoseconds since the first reading in this process. The worker takes an [`Anchor`] every
//! round and turns them into wall time, so a clock that is set back never gives a call a negative duration.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static ORIGIN: OnceLock<Instant> = OnceLock::new();

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
    /// Reads both clocks.
    pub(crate) fn take() -> Anchor {
        let wall_us = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        };
        Anchor {
            mono_ns: now(),
            wall_us,
        }
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
    fn a_fresh_anchor_agrees_with_the_wall_clock() {
        let anchor = Anchor::take();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_micros() as i64;
        assert!((wall - anchor.wall_us(now())).abs() < 1_000_000);
    }
}
