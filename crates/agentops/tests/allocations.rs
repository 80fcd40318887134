//! In the steady state recording adds no allocation to the thread that calls.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use agentops::{Config, EndState, SessionOptions};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[agentops::record_action]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[agentops::record_tool]
async fn tool(query: &str) -> Result<String, std::fmt::Error> {
    bare_tool(query).await
}

async fn bare_tool(query: &str) -> Result<String, std::fmt::Error> {
    Ok(query.to_uppercase())
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it never waits"),
    }
}

/// Allocations of one run of 100, in the best of many rounds: a round in which a buffer of the thread had to grow,
/// because the worker came late, is not the steady state.
fn steady(mut run: impl FnMut()) -> u64 {
    let round = |run: &mut dyn FnMut()| {
        let before = COUNT.get();
        (0..100).for_each(|_| run());
        COUNT.get() - before
    };
    (0..50).map(|_| round(&mut run)).min().expect("many rounds")
}

#[test]
fn a_recorded_call_allocates_what_the_bare_one_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let session = agentops::start_session(
        SessionOptions::new().config(Config::new().data_dir(directory.path())),
    );
    let entered = session.enter();
    let bare = steady(|| drop(black_box(ready(bare_tool(black_box("what is rust"))))));
    let recorded = steady(|| drop(black_box(ready(tool(black_box("what is rust"))))));
    assert!(bare > 0);
    assert_eq!(recorded, bare);
    let adding = steady(|| {
        black_box(add(black_box(1), 2));
    });
    assert_eq!(adding, 0);
    drop(entered);
    let ended = session.end(EndState::Success).wait();
    assert_eq!((ended.stats.tools, ended.stats.actions), (5_000, 5_000));
}
