//! What the server counts of itself: numbers only, none of them anybody's.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;

/// Ends of the classes of times, in microseconds; one more holds what is longer.
const CLASSES: [u64; 10] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000,
];

/// Counters since the start.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    /// Answers by the first digit of their status.
    answers: [AtomicU64; 6],
    times: [AtomicU64; CLASSES.len() + 1],
    micros: AtomicU64,
    /// Followers of the stream of changes, now.
    pub(crate) followers: AtomicU64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            answers: Default::default(),
            times: Default::default(),
            micros: AtomicU64::new(0),
            followers: AtomicU64::new(0),
        }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: StatusCode, time: Duration) {
        let digit = usize::from(status.as_u16() / 100).min(self.answers.len() - 1);
        self.answers[digit].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let class = CLASSES.partition_point(|end| *end < micros);
        self.times[class].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// All of it in Prometheus' text form.
    pub(crate) fn text(&self, alive: bool) -> String {
        let mut text = String::new();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(
            &mut text,
            "agentops_requests_total",
            "counter",
            "answers by class of status",
        );
        for (digit, counter) in self.answers.iter().enumerate().skip(1) {
            line(
                &mut text,
                &format!("agentops_requests_total{{status=\"{digit}xx\"}}"),
                read(counter),
            );
        }
        let name = "agentops_request_seconds";
        head(&mut text, name, "histogram", "time to the answer's head");
        let mut sum = 0;
        for (class, counter) in self.times.iter().enumerate() {
            sum += read(counter);
            let end = CLASSES
                .get(class)
                .map_or("+Inf".to_owned(), |end| seconds(*end));
            line(&mut text, &format!("{name}_bucket{{le=\"{end}\"}}"), sum);
        }
        line(
            &mut text,
            &format!("{name}_sum"),
            seconds(read(&self.micros)),
        );
        line(&mut text, &format!("{name}_count"), sum);
        head(
            &mut text,
            "agentops_followers",
            "gauge",
            "followers of the stream of changes",
        );
        line(&mut text, "agentops_followers", read(&self.followers));
        head(
            &mut text,
            "agentops_writer_alive",
            "gauge",
            "1 while events can be stored",
        );
        line(&mut text, "agentops_writer_alive", u8::from(alive));
        head(
            &mut text,
            "agentops_uptime_seconds",
            "gauge",
            "since the start",
        );
        line(
            &mut text,
            "agentops_uptime_seconds",
            self.started.elapsed().as_secs(),
        );
        text
    }
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn head(text: &mut String, name: &str, kind: &str, about: &str) {
    let written = write!(text, "# HELP {name} {about}\n# TYPE {name} {kind}\n");
    written.expect("a string takes everything");
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    writeln!(text, "{name} {value}").expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_summed_from_below() {
        let meter = Meter::new();
        for (status, micros) in [(200, 400), (204, 500), (404, 3_000), (500, 9_000_000)] {
            let status = StatusCode::from_u16(status).unwrap();
            meter.answered(status, Duration::from_micros(micros));
        }
        let text = meter.text(true);
        for line in [
            "agentops_requests_total{status=\"2xx\"} 2",
            "agentops_requests_total{status=\"5xx\"} 1",
            "agentops_request_seconds_bucket{le=\"0.000500\"} 2",
            "agentops_request_seconds_bucket{le=\"0.005000\"} 3",
            "agentops_request_seconds_bucket{le=\"+Inf\"} 4",
            "agentops_request_seconds_sum 9.003900",
            "agentops_writer_alive 1",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
    }
}
