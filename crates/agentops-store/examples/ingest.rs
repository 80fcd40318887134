//! How fast the store takes events: batches of 100, each waited for, from 1 and from 16 threads.
//!
//! `cargo run --release -p agentops-store --example ingest [seconds a run] [events before]`

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agentops_protocol::{SessionId, Timestamp, accept};
use agentops_store::{Batch, Ingest, Mutation, Options, SqliteStore, Write};

const EVENTS: u64 = 100;
const SESSION_EVENTS: u64 = 1_000;

/// A cheap generator of varied text, the same each time.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn text(&mut self, words: usize) -> String {
        const SYLLABLES: [&str; 16] = [
            "ra", "ten", "mo", "lis", "ve", "qua", "dor", "in", "sep", "al", "tor", "be", "cu",
            "nam", "ex", "po",
        ];
        let mut text = String::new();
        for _ in 0..words {
            let number = self.next() % 4_000;
            for shift in [0, 4, 8] {
                text += SYLLABLES[(number >> shift) as usize % 16];
            }
            text.push(' ');
        }
        text
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            a >> 32,
            a & 0xffff,
            (a >> 16) & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        )
    }
}

/// A request of about 1.15 KB an event, as the Python SDK shapes it, read as the server reads it.
fn batch(words: &mut Words, session: &SessionId) -> Batch {
    let mut events = Vec::new();
    for _ in 0..EVENTS {
        let system = Words(words.next() % 8 + 1).text(30);
        let (id, agent) = (words.uuid(), "0d9e1f52-6c1b-4b6a-8a53-2f1d54cf27a1");
        let time = format!(
            "2026-11-21T21:{:02}:{:02}.{:06}+00:00",
            words.next() % 60,
            words.next() % 60,
            words.next() % 1_000_000
        );
        let (question, answer) = (words.text(35), words.text(35));
        events.push(format!(
            r#"{{"id":"{id}","event_type":"llms","agent_id":"{agent}","init_timestamp":"{time}","end_timestamp":"{time}","model":"gpt-4o","prompt":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"{question}"}}],"completion":{{"role":"assistant","content":"{answer}"}},"prompt_tokens":{},"completion_tokens":{},"cost":null,"params":{{"temperature":0.5}},"returns":null}}"#,
            words.next() % 900,
            words.next() % 300
        ));
    }
    let body = format!("{{\"events\":[{}]}}", events.join(","));
    let received = Timestamp::from_micros(1_795_384_391_000_000);
    let events = accept::create_events(body.as_bytes(), session, received).expect("well formed");
    Batch {
        writes: vec![Write {
            project: "bench".parse().expect("an id"),
            session: session.clone(),
            received,
            mutation: Mutation::CreateEvents(events),
        }],
        idempotency_key: None,
        cursor: None,
    }
}

fn run(store: &SqliteStore, name: &str, threads: u64, time: Duration, most: u64) {
    let stored = AtomicU64::new(0);
    let begin = Instant::now();
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let stored = &stored;
                scope.spawn(move || {
                    let seed = most + threads * 7_919 + thread + 1;
                    let mut words = Words(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    let mut waits = Vec::new();
                    let mut session = words.uuid();
                    let mut count = 0;
                    while begin.elapsed() < time && stored.load(Ordering::Relaxed) < most {
                        let id = session.parse().expect("an id");
                        let batch = batch(&mut words, &id);
                        let sent = Instant::now();
                        store
                            .submit(batch)
                            .expect("the queue has room")
                            .wait()
                            .expect("stored");
                        waits.push(sent.elapsed());
                        stored.fetch_add(EVENTS, Ordering::Relaxed);
                        count += EVENTS;
                        if count % SESSION_EVENTS == 0 {
                            session = words.uuid();
                        }
                    }
                    waits
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("no panic"))
            .collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let rate = stored.load(Ordering::Relaxed) as f64 / seconds;
    println!(
        "{name:8} {rate:9.0} events/s   p50 {:7.2} ms   p99 {:7.2} ms   max {:7.2} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// As 16 senders, with requests that were read before the clock starts: the writer alone.
fn run_prepared(store: &SqliteStore, batches: u64) {
    let mut words = Words(0x2545_f491_4f6c_dd1d);
    let mut prepared = Vec::new();
    for number in 0..batches {
        let session = format!("prepared-{}", number * EVENTS / SESSION_EVENTS);
        prepared.push(batch(&mut words, &session.parse().expect("an id")));
    }
    let prepared = Mutex::new(prepared);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let next = prepared.lock().expect("no panic").pop();
                    let Some(batch) = next else { return };
                    store
                        .submit(batch)
                        .expect("the queue has room")
                        .wait()
                        .expect("stored");
                }
            });
        }
    });
    let rate = (batches * EVENTS) as f64 / begin.elapsed().as_secs_f64();
    println!("prepared {rate:9.0} events/s");
}

fn bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    entries
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|file| file.len())
        .sum()
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().expect("a number"));
    let time = Duration::from_secs(arguments.next().unwrap_or(5));
    let before = arguments.next().unwrap_or(100_000);
    let directory = tempfile::tempdir().expect("a directory");
    let price = |_: &str, usage: &agentops_protocol::Usage| {
        agentops_protocol::Usd::from_picos(2_500_000).times(usage.total()?)
    };
    let open = || SqliteStore::open(directory.path(), Options::new(price)).expect("it opens");
    let store = open();
    run(&store, "filling", 4, Duration::from_secs(600), before);
    // The dictionary is trained a few seconds after the first events.
    std::thread::sleep(Duration::from_secs(6));
    run(&store, "1 x 100", 1, time, u64::MAX / 16_384);
    run(&store, "16 x 100", 16, time, u64::MAX / 16_384);
    run_prepared(&store, 600);
    drop(store);
    let begin = Instant::now();
    let store = open();
    println!(
        "opened again in {:.1} ms",
        begin.elapsed().as_secs_f64() * 1e3
    );
    drop(store);
    println!("{} MB on disk", bytes(directory.path()) >> 20);
}
