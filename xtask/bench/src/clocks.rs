//! Time on the wall and on the processor.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Both clocks, read together.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    wall: Instant,
    processor: Duration,
}

impl Clocks {
    /// Starts a measurement on this thread.
    #[must_use]
    pub fn start() -> Self {
        Self {
            wall: Instant::now(),
            processor: of_this_thread(),
        }
    }

    /// Time on the wall, and this thread's on the processor, since the start.
    #[must_use]
    pub fn elapsed(self) -> (Duration, Duration) {
        let processor = of_this_thread();
        (
            self.wall.elapsed(),
            processor.saturating_sub(self.processor),
        )
    }
}

fn of_this_thread() -> Duration {
    duration(ClockId::ThreadCPUTime)
}

/// What all threads of this process have used of the processors.
#[must_use]
pub fn of_this_process() -> Duration {
    duration(ClockId::ProcessCPUTime)
}

fn duration(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}
