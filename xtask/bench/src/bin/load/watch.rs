//! Memory of some processes over time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use agentops_bench::memory;
use serde::Serialize;

const EVERY: Duration = Duration::from_millis(20);

/// Resident megabytes at a time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) ms: u64,
    pub(crate) mb: Vec<f64>,
}

/// Runs something while it samples these processes.
pub(crate) fn watched<R>(pids: &[u32], run: impl FnOnce() -> R) -> (R, Vec<Sample>) {
    let done = AtomicBool::new(false);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let samples = scope.spawn(|| {
            let mut samples = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let mb = pids.iter().map(|pid| megabytes(*pid)).collect();
                let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                samples.push(Sample { ms, mb });
                std::thread::sleep(EVERY);
            }
            samples
        });
        let result = run();
        done.store(true, Ordering::Relaxed);
        (result, samples.join().expect("sampling does not panic"))
    })
}

/// Megabytes of a process now.
pub(crate) fn megabytes(pid: u32) -> f64 {
    memory::resident(pid).unwrap_or(0) as f64 / f64::from(1 << 20)
}

/// The most of one of the processes.
pub(crate) fn most(samples: &[Sample], index: usize) -> f64 {
    samples
        .iter()
        .map(|sample| sample.mb[index])
        .fold(0.0, f64::max)
}

/// A series short enough to be read: every n-th.
pub(crate) fn thinned(samples: &[Sample]) -> Vec<Sample> {
    let step = (samples.len() / 100).max(1);
    samples.iter().step_by(step).cloned().collect()
}
