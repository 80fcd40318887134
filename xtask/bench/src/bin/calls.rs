//! `calls CASE CALLS`: so many calls of one function, counted by callgrind and by nothing else.
//!
//! Only what runs inside `measured` counts, on the thread that calls: `--toggle-collect=*measured*`.

use agentops_bench::peers::{Exporter, SUBJECTS};
use agentops_bench::work::What;
use anyhow::{Context as _, bail};

/// Calls before the count begins: the thread's buffers have their size by then.
const WARM_UP: usize = 2_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [subject, what, calls] = arguments.as_slice() else {
        bail!("say a subject, a function and how many calls");
    };
    let found = SUBJECTS.iter().find(|known| known.name == subject);
    let what = What::ALL.into_iter().find(|known| known.name() == what);
    let what = what.context("no such function")?;
    let calls: usize = calls.parse().context("how many calls?")?;
    let running = (found.context("no such subject")?.set_up)(Exporter::Instant, WARM_UP + calls);
    running.run(what, WARM_UP);
    running.settle();
    measured(&*running, what, calls);
    running.settle();
    Ok(())
}

/// What is counted.
#[inline(never)]
fn measured(running: &dyn agentops_bench::peers::Running, what: What, calls: usize) {
    running.run(what, calls);
    // Nothing may be moved behind the call.
    std::hint::black_box(());
}
