//! `llm [--quick] --out FILE`: what `agentops::http` adds to the calls of an HTTP client, beside the same client alone.
//!
//! - delay: chunks of a stream over a real connection, each with the time at which it was written;
//! - memory: a stream of 50 MB, in a process of its own;
//! - off: a call with no session open.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

mod delay;
mod memory;
mod off;
mod stream;

use agentops_bench::target::{self, Target};
use anyhow::Context as _;
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, by, url] = arguments.as_slice()
        && flag == "--child"
    {
        return memory::child(by, url);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let out = arguments
        .iter()
        .skip_while(|argument| *argument != "--out")
        .nth(1)
        .context("say where to write: --out FILE")?;
    // Off first: the session that the others open is this process's last one.
    let off = off::measure(if quick { 5 } else { 21 })?;
    let memory = memory::measure(if quick { 1 } else { 5 })?;
    let delay = delay::measure(if quick { 2 } else { 10 })?;
    let targets = [
        Target::at_most(
            "a chunk's added delay, median, us",
            delay.added_median(),
            1_000.0,
        ),
        Target::at_most("a chunk's added delay, p99, us", delay.added_p99(), 5_000.0),
        Target::at_most("a 50 MB stream's added memory, MB", memory.added(), 8.0),
        Target::at_most(
            "a call's added cost with no session open, ns",
            off.added(),
            1_000.0,
        ),
    ];
    println!("delay of a chunk, us: {delay:?}\npeak memory, MB: {memory:?}\na call, ns: {off:?}");
    target::print(&targets);
    let figures = json!({ "delay": delay, "memory": memory, "off": off, "targets": targets });
    std::fs::write(out, serde_json::to_vec_pretty(&figures)?)?;
    Ok(())
}

/// The middle one, or the one so far along.
fn quantile(values: &mut [f64], at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * at) as usize;
    values[place.min(values.len() - 1)]
}
