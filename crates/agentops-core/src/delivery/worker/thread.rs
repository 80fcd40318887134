//! The thread's loop: tick, and sleep when there is nothing to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::inbox::Inbox;
use super::tick::Worker;
use crate::recording::buffers;

/// How often buffers are taken while something is being recorded.
const TICK: Duration = Duration::from_millis(4);
/// How often lines that could not be written are tried again while nothing else happens.
const RETRY: Duration = Duration::from_secs(1);
/// Ticks without anything new before the worker goes to sleep.
const QUIET_TICKS: u32 = 3;

/// The worker's thread, until the process ends.
pub(super) fn run(inbox: &'static Inbox) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(target: "agentops", %error, "no runtime for the worker; nothing is recorded");
            inbox.close();
            return;
        }
    };
    buffers::set_waker(Inbox::wake_worker);
    runtime.block_on(work(inbox));
}

async fn work(inbox: &'static Inbox) {
    let mut worker = Worker::new(inbox);
    let mut quiet = 0;
    loop {
        quiet = if tick(&mut worker) { 0 } else { quiet + 1 };
        if quiet >= QUIET_TICKS && !worker.has_deadlines() {
            buffers::idle();
            // What came before `idle` was seen is in this one; what comes after wakes.
            if !tick(&mut worker) {
                if worker.is_committed() {
                    inbox.news().await;
                } else {
                    let _ = tokio::time::timeout(RETRY, inbox.news()).await;
                }
            }
            quiet = 0;
        } else {
            let _ = tokio::time::timeout(TICK, inbox.news()).await;
        }
    }
}

/// One tick; whether there was anything.
fn tick(worker: &mut Worker) -> bool {
    catch_unwind(AssertUnwindSafe(|| worker.tick())).unwrap_or_else(|_| {
        tracing::error!(target: "agentops", "the worker met a fault; going on");
        false
    })
}
