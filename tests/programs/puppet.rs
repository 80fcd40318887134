//! A program that does what it is told, one order a line of its standard input or an argument.
//!
//! ```text
//! count FROM TO PAUSE   records numbered calls, PAUSE milliseconds apart: `counted N MICROS` for each, then `done`
//! hold TEXT             a call that stays open while the orders up to `release` are done: `holding ID`
//! spawn ORDER;ORDER     a child that joins the session from here and does these orders: `spawned CODE`
//! flush MILLISECONDS    `flushed true|false`
//! tag NAME              adds a tag
//! end STATE REASON      ends the session: `ended true|false`
//! ```
//!
//! It begins by printing `session ID` and `init MICROSECONDS`.

use std::io::{BufRead as _, Write as _};
use std::process::Command;
use std::time::{Duration, Instant};

use agentops::{Config, EndState, Session, record_action, record_tool};
use agentops_tests::unix_micros;

#[record_tool]
fn count(number: u64) -> u64 {
    number * 2
}

/// The orders that are left.
type Orders<'a> = &'a mut dyn Iterator<Item = String>;

#[record_action(skip(session, orders))]
fn hold(session: &Session, text: &str, orders: Orders<'_>) {
    let id = agentops::current_event().map(|id| id.to_string());
    say(&format!("holding {}", id.unwrap_or_default()));
    obey(session, orders);
}

fn main() {
    let begun = Instant::now();
    let session = agentops::init(Config::from_env());
    let took = begun.elapsed();
    say(&format!("session {}", session.id()));
    say(&format!("init {}", took.as_micros()));
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some() {
        obey(&session, &mut arguments);
    } else {
        let lines = std::io::stdin().lock().lines();
        obey(&session, &mut lines.map_while(Result::ok));
    }
}

/// Does orders up to the end or a `release`.
fn obey(session: &Session, orders: Orders<'_>) {
    while let Some(order) = orders.next() {
        let (verb, rest) = order.split_once(' ').unwrap_or((&order, ""));
        match verb {
            "count" => counts(rest),
            "hold" => hold(session, rest, orders),
            "release" => return,
            "spawn" => spawn(session, rest),
            "flush" => {
                let limit = Duration::from_millis(rest.parse().expect("milliseconds"));
                say(&format!("flushed {}", session.flush_blocking(limit)));
            }
            "tag" => session.add_tags([rest]),
            "end" => end(session, rest),
            other => panic!("no such order: {other}"),
        }
    }
}

fn counts(rest: &str) {
    let numbers: Vec<u64> = rest
        .split(' ')
        .map(|word| word.parse().expect("count FROM TO PAUSE"))
        .collect();
    for number in numbers[0]..numbers[1] {
        count(number);
        say(&format!("counted {number} {}", unix_micros()));
        std::thread::sleep(Duration::from_millis(numbers[2]));
    }
    say("done");
}

fn spawn(session: &Session, orders: &str) {
    let program = std::env::current_exe().expect("a program has a path");
    let output = Command::new(program)
        .args(orders.split(';'))
        .envs(session.env())
        .output()
        .expect("the child starts");
    say(&format!("spawned {}", output.status.code().unwrap_or(-1)));
}

fn end(session: &Session, rest: &str) {
    let (state, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let state: EndState = state.parse().expect("a state");
    let ended = session.end(state).reason(reason).wait();
    say(&format!("ended {}", ended.delivered));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever told it to may be gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
