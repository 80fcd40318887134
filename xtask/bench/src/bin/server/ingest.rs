//! Senders in closed loops: each waits for the answer to its batch before it sends the next one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agentops_bench::memory;
use agentops_bench::server::Server;
use serde::Serialize;

use crate::http::Client;
use crate::times::Times;
use crate::traffic::{self, Words};

/// Events of one session.
const SESSION_EVENTS: u64 = 1_000;
/// Who reads meanwhile rests so long between two reads, as a page does that looks again and again.
const READER_REST: Duration = Duration::from_millis(50);
/// Bodies that each sender has ready before the clock starts, so that making them costs the server nothing.
const READY: usize = 24;

/// What is sent, and by how many.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) senders: u64,
    pub(crate) batch: u64,
    pub(crate) readers: usize,
    pub(crate) time: Duration,
    /// Events a second of all senders together; 0: as many as it takes.
    pub(crate) pace: u64,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) events: u64,
    pub(crate) events_per_s: f64,
    pub(crate) answers: Times,
    pub(crate) reads: Option<Times>,
    pub(crate) cpu_us_an_event: f64,
    pub(crate) written_bytes_an_event: f64,
    pub(crate) peak_mb: f64,
}

/// Makes every id of a run different from all others'.
static RUN: AtomicU64 = AtomicU64::new(1);

pub(crate) fn run(server: &Server, name: &str, load: Load) -> anyhow::Result<Sent> {
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let (stop, total) = (AtomicBool::new(false), AtomicU64::new(0));
    let barrier = std::sync::Barrier::new(load.senders as usize + 1);
    memory::forget_peak(server.pid());
    let before = usage(server.pid());
    let mut sent = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..load.senders)
            .map(|number| {
                let sender = Sender {
                    url: server.url(),
                    seed: run * 1_000 + number,
                    load,
                    total: &total,
                };
                let barrier = &barrier;
                scope.spawn(move || sender.run(barrier))
            })
            .collect();
        barrier.wait();
        let begun = Instant::now();
        let readers: Vec<_> = (0..load.readers)
            .map(|number| {
                let stop = &stop;
                scope.spawn(move || read(server.url(), number, stop))
            })
            .collect();
        let mut answers = Vec::new();
        let mut failed = None;
        for sender in senders {
            match sender.join().expect("a sender does not panic") {
                Ok(waits) => answers.extend(waits),
                Err(error) => failed = Some(error),
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        let mut reads = Vec::new();
        for reader in readers {
            reads.extend(reader.join().expect("a reader does not panic")?);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let events = total.load(Ordering::Relaxed);
        anyhow::Ok(Sent {
            name: name.to_owned(),
            events,
            events_per_s: events as f64 / seconds,
            answers: Times::of(answers),
            reads: (!reads.is_empty()).then(|| Times::of(reads)),
            cpu_us_an_event: 0.0,
            written_bytes_an_event: 0.0,
            peak_mb: 0.0,
        })
    })?;
    let after = usage(server.pid());
    let events = sent.events.max(1) as f64;
    sent.cpu_us_an_event = (after.0 - before.0) * 1e6 / events;
    sent.written_bytes_an_event = (after.1 - before.1) / events;
    sent.peak_mb = memory::peak(server.pid()).unwrap_or(0) as f64 / 1e6;
    println!(
        "{name:<34} {:>9.0} events/s  {}  cpu {:>5.1} us  written {:>6.0} B  peak {:>5.1} MB",
        sent.events_per_s,
        sent.answers,
        sent.cpu_us_an_event,
        sent.written_bytes_an_event,
        sent.peak_mb
    );
    if let Some(reads) = &sent.reads {
        println!("{:<34} {:>9} reads     {reads}", "", reads.count);
    }
    Ok(sent)
}

struct Sender<'a> {
    url: &'a str,
    seed: u64,
    load: Load,
    total: &'a AtomicU64,
}

impl Sender<'_> {
    fn run(&self, barrier: &std::sync::Barrier) -> anyhow::Result<Vec<Duration>> {
        let mut words = Words::new(self.seed);
        let bodies: Vec<String> = (0..READY)
            .map(|_| traffic::events(&mut words, self.load.batch))
            .collect();
        let client = Client::of(self.url);
        barrier.wait();
        let mut client = client?;
        let begun = Instant::now();
        let (mut waits, mut jwt, mut count) = (Vec::new(), String::new(), 0_u64);
        let per_second = self.load.pace / self.load.senders;
        while begun.elapsed() < self.load.time {
            // A body is sent again in another session only, where its ids are new.
            let body = &bodies[(count / self.load.batch) as usize % READY];
            let room = (READY as u64 * self.load.batch).min(SESSION_EVENTS);
            if count.is_multiple_of(room) {
                jwt = client.session(&words.uuid())?;
            }
            let sent = Instant::now();
            client.events(&jwt, body)?;
            waits.push(sent.elapsed());
            self.total.fetch_add(self.load.batch, Ordering::Relaxed);
            count += self.load.batch;
            if per_second > 0 {
                let due = Duration::from_secs_f64(count as f64 / per_second as f64);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        }
        Ok(waits)
    }
}

/// Reads what pages read, over and over.
fn read(url: &str, number: usize, stop: &AtomicBool) -> anyhow::Result<Vec<Duration>> {
    let paths = [
        "/v2/sessions",
        "/v2/events?limit=50",
        "/v2/search?q=lighthouse",
        "/v2/metrics/overview",
    ];
    let mut client = Client::of(url)?;
    let mut waits = Vec::new();
    for path in paths.iter().cycle().skip(number) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let asked = Instant::now();
        client.get(path)?;
        waits.push(asked.elapsed());
        std::thread::sleep(READER_REST);
    }
    Ok(waits)
}

/// Seconds of processor time, and bytes handed to the disk.
fn usage(pid: u32) -> (f64, f64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // Behind the state: utime is the 11th number, stime the 12th; in hundredths of a second.
    let seconds = fields
        .get(10..12)
        .map_or(0.0, |two| (two[0] + two[1]) / 100.0);
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let written = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    (
        seconds,
        written.and_then(|text| text.parse().ok()).unwrap_or(0.0),
    )
}
