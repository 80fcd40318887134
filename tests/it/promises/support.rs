//! What the promises about delivery share: a client in this process, numbered events, flushes that are timed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use agentops::{Client, Config, Session, SessionOptions, ToolEvent};
use agentops_spool::{Op, Position, Reader, Spool};
use agentops_tests::Faulty;
use serde_json::{Value, json};

use crate::common::new_key;

/// What `flush` is given, and what it may take on a machine that is busy with tests; 300 ms are promised.
pub(crate) const FLUSH: Duration = Duration::from_millis(200);
const FLUSH_LIMIT: Duration = Duration::from_millis(400);

/// Long enough for anything that is to succeed.
pub(crate) const LONG: Duration = Duration::from_secs(25);

/// Tells the child that it is one.
const ALONE: &str = "PROMISES_ALONE";

/// Runs the test that calls this in a process of its own and says so, unless it is in one
/// already. All sessions of a process share one worker and one limit of memory, so a test that
/// floods them would decide how its neighbours end.
#[expect(clippy::print_stdout, reason = "what the other process said is shown")]
pub(crate) fn elsewhere() -> bool {
    if std::env::var_os("NEXTEST").is_some() || std::env::var_os(ALONE).is_some() {
        return false;
    }
    let thread = std::thread::current();
    let test = thread.name().expect("the thread of a test has its name");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{test} failed in its own process");
    assert!(said.contains("1 passed"), "{test} was not found");
    true
}

/// A client that sends to a server, with a session.
pub(crate) struct Sdk {
    pub(crate) client: Client,
    pub(crate) session: Session,
    pub(crate) data_dir: tempfile::TempDir,
    next: u64,
}

impl Sdk {
    /// Quick to send, and little at a time, so that a test sees many requests soon.
    pub(crate) fn sending(server: &Faulty) -> Self {
        Self::with(|config| config.endpoint(server.url()).api_key(new_key()))
    }

    pub(crate) fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let config = Config::new()
            .data_dir(data_dir.path())
            .max_wait_time(Duration::from_millis(10))
            .max_queue_size(64)
            .flush_timeout(FLUSH);
        let client = Client::new(change(config));
        let session = client.start_session(SessionOptions::new());
        Self {
            client,
            session,
            data_dir,
            next: 0,
        }
    }

    /// Records numbered events, going on where the last ones ended.
    pub(crate) fn record(&mut self, count: u64) {
        record(&self.session, self.next..self.next + count);
        self.next += count;
    }

    /// The numbers of all that was recorded.
    pub(crate) fn all(&self) -> Vec<u64> {
        (0..self.next).collect()
    }

    /// Everything was delivered, once and in order, and nothing is counted as lost.
    #[track_caller]
    pub(crate) fn all_delivered(&self, server: &Faulty) {
        self.all_delivered_from(server, self.data_dir.path());
    }

    /// The same where the data directory is elsewhere.
    #[track_caller]
    pub(crate) fn all_delivered_from(&self, server: &Faulty, data_dir: &Path) {
        assert!(self.client.flush_blocking(LONG), "delivered");
        assert_eq!(server.stored(self.session.id()).numbers(), self.all());
        assert_eq!(self.session.dropped(), BTreeMap::new());
        assert!(quarantined(data_dir).is_empty());
        assert_eq!(unacknowledged(data_dir), Vec::<u64>::new());
    }
}

pub(crate) fn record(session: &Session, numbers: std::ops::Range<u64>) {
    for number in numbers {
        session.record(ToolEvent::new("count").params(&json!({ "number": number })));
    }
}

/// A short flush returns in time, whatever the server does; whether all was delivered.
#[track_caller]
#[expect(clippy::print_stdout, reason = "the times are worth reading")]
pub(crate) fn flush_in_time(what: &str, client: &Client) -> bool {
    let begun = Instant::now();
    let flushed = client.flush_blocking(FLUSH);
    let took = begun.elapsed();
    println!("{what}: flush of {FLUSH:?} took {took:?}, delivered: {flushed}");
    assert!(took < FLUSH_LIMIT, "{what}: flush took {took:?}");
    flushed
}

/// Lines of the quarantine.
pub(crate) fn quarantined(data_dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(data_dir.join("quarantine.ndjson")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The numbers of the events in the spool, in order, from a position on in each directory.
fn events_from(data_dir: &Path, from: impl Fn(&Path) -> Position) -> Vec<u64> {
    let mut numbers = Vec::new();
    for directory in Spool::at(data_dir).directories().unwrap() {
        let mut at = from(directory.path());
        let mut reader = Reader::open(directory.path());
        loop {
            let batch = reader.next_batch(at, 4_096, 8 << 20).unwrap();
            assert_eq!(batch.skipped, 0, "every line is readable");
            if batch.end == at {
                break;
            }
            at = batch.end;
            let events = batch.lines.iter().filter(|line| line.op == Op::Event);
            numbers.extend(events.filter_map(|line| {
                let event: Value = serde_json::from_str(line.body.get()).unwrap();
                event["params"]["number"].as_u64()
            }));
        }
    }
    numbers
}

/// The numbers of the events in the spool that nobody acknowledged.
pub(crate) fn unacknowledged(data_dir: &Path) -> Vec<u64> {
    events_from(data_dir, |path| {
        agentops_spool::Ack::open(path).unwrap().position()
    })
}

/// The numbers of all events in the spool.
pub(crate) fn spooled(data_dir: &Path) -> Vec<u64> {
    events_from(data_dir, |_| Position::START)
}
