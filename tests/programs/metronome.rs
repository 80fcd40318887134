//! A program that records a numbered call every millisecond inside of an open one, until it is killed.
//!
//! `metronome` prints `session ID`, then `NUMBER MICROS SPOOLED` after each call: its number, the clock when it was
//! over, and how many events were safe by then. `metronome spin` only keeps a core busy.

use std::io::Write as _;
use std::time::{Duration, Instant};

use agentops::{Config, Session, record_action, record_tool};
use agentops_tests::unix_micros;

#[record_tool]
fn tick(number: u64) -> u64 {
    number * 2
}

#[record_action(skip(session))]
fn hold(session: &Session, text: &str) {
    let begun = Instant::now();
    for number in 0.. {
        let due = begun + Duration::from_millis(number);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        tick(number);
        say(&format!("{number} {} {}", unix_micros(), session.spooled()));
    }
}

fn main() {
    if std::env::args().nth(1).is_some_and(|word| word == "spin") {
        say("spinning");
        loop {
            std::hint::spin_loop();
        }
    }
    let session = agentops::init(Config::from_env());
    say(&format!("session {}", session.id()));
    hold(&session, "the one that matters");
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever listened may be gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
