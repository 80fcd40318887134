//! Whoever waits for delivery waits no longer than told, wherever it is asked from and whatever the server does.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use agentops::{Client, EndState, SessionOptions};
use agentops_tests::{Faulty, Home, Process, Reaction, program};

use super::support::{FLUSH, Sdk, record};
use crate::common::new_key;

/// 300 ms are promised for a flush of 200; a machine that is busy with tests is slower.
const LIMIT: Duration = Duration::from_millis(400);

/// A server that never answers and a client with something to send to it.
fn silent() -> (Faulty, Sdk) {
    let server = Faulty::start(|_| Reaction::Silence);
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    (server, sdk)
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "the times are worth reading")]
fn in_time(what: &str, run: impl FnOnce()) {
    let begun = Instant::now();
    run();
    let took = begun.elapsed();
    println!("{what}: {took:?}");
    assert!(took < LIMIT, "{what}: {took:?}");
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

#[test]
fn without_a_runtime() {
    if super::support::elsewhere() {
        return;
    }
    let (_server, sdk) = silent();
    in_time("flush", || assert!(!sdk.client.flush_blocking(FLUSH)));
    in_time("flush of nothing more", || {
        assert!(!sdk.session.flush_blocking(FLUSH));
    });
    in_time("no time at all", || {
        assert!(!sdk.client.flush_blocking(Duration::ZERO));
    });
    in_time("end that is dropped", || {
        drop(sdk.session.end(EndState::Success));
    });
    let other = sdk.client.start_session(SessionOptions::new());
    in_time("end", || {
        assert!(!other.end(EndState::Success).wait().delivered);
    });
    in_time("end again", || {
        assert!(!other.end(EndState::Success).wait().delivered);
    });
}

#[test]
fn inside_of_runtimes() {
    if super::support::elsewhere() {
        return;
    }
    let (_server, sdk) = silent();
    let multi = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for (name, runtime) in [
        ("current thread", current_thread()),
        ("multi thread", multi),
    ] {
        in_time(&format!("{name}, awaited"), || {
            assert!(!runtime.block_on(sdk.client.flush(FLUSH)));
        });
        in_time(&format!("{name}, blocking"), || {
            runtime.block_on(async { assert!(!sdk.client.flush_blocking(FLUSH)) });
        });
        let session = sdk.client.start_session(SessionOptions::new());
        in_time(&format!("{name}, end"), || {
            runtime.block_on(async {
                assert!(!session.end(EndState::Success).await.delivered);
            });
        });
        in_time(&format!("{name}, shut down"), || drop(runtime));
    }
}

/// Flushes when it is dropped.
struct FlushesInDrop(Client);

impl Drop for FlushesInDrop {
    fn drop(&mut self) {
        assert!(!self.0.flush_blocking(FLUSH));
    }
}

thread_local! {
    static LAST: RefCell<Option<FlushesInDrop>> = const { RefCell::new(None) };
}

#[test]
fn in_destructors() {
    if super::support::elsewhere() {
        return;
    }
    let (_server, sdk) = silent();
    in_time("in Drop", || drop(FlushesInDrop(sdk.client.clone())));
    in_time("while unwinding", || {
        let client = sdk.client.clone();
        let panicked = std::thread::spawn(move || {
            let _flushes = FlushesInDrop(client);
            // Without the hook, which takes its time for a backtrace.
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.join().is_err());
    });
    in_time("in a thread-local's destructor", || {
        let (client, session) = (sdk.client.clone(), sdk.session.clone());
        let thread = std::thread::spawn(move || {
            record(&session, 0..10);
            LAST.with(|last| *last.borrow_mut() = Some(FlushesInDrop(client)));
        });
        thread.join().unwrap();
    });
    in_time("the last handles", || drop(sdk));
}

/// More than the worker can take in the time there is.
#[test]
fn after_a_flood() {
    if super::support::elsewhere() {
        return;
    }
    let (_server, sdk) = silent();
    let flood = || {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| record(&sdk.session, 0..60_000));
            }
        });
    };
    flood();
    in_time("flush", || assert!(!sdk.client.flush_blocking(FLUSH)));
    flood();
    in_time("awaited flush", || {
        assert!(!current_thread().block_on(sdk.client.flush(FLUSH)));
    });
    flood();
    in_time("awaited end", || {
        let ended = current_thread().block_on(async { sdk.session.end(EndState::Success).await });
        assert!(!ended.delivered);
    });
}

/// However a program ends, it ends in time and with its own status.
#[test]
fn at_the_end_of_a_program() {
    if super::support::elsewhere() {
        return;
    }
    let (server, _sdk) = silent();
    // What the end may wait for is 200 ms by the setting, and 500 ms at an exit from within.
    let ways = [
        ("success", 0, 600),
        ("failure", 1, 600),
        ("code", 3, 600),
        ("panic", 101, 600),
        ("exit", 0, 800),
    ];
    for (way, code, limit) in ways {
        let home = Home::new();
        let mut command = home.command(program!("endings"));
        command
            .env("AGENTOPS_API_ENDPOINT", server.url())
            .env("AGENTOPS_API_KEY", new_key())
            .env("AGENTOPS_DATA_DIR", home.dir("spool"))
            .env("AGENTOPS_FLUSH_TIMEOUT", FLUSH.as_millis().to_string())
            .arg(way);
        let begun = Instant::now();
        let finished = Process::spawn(command).finish();
        let took = begun.elapsed();
        println!("{way}: {took:?} in all");
        assert_eq!(finished.code, Some(code), "{way}: {}", finished.err);
        assert!(took < Duration::from_millis(limit), "{way}: {took:?}");
    }
}
