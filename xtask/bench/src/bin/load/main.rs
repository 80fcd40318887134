//! `load [--quick] --server EXECUTABLE --out FILE`: what is left when more is recorded than can be sent.
//!
//! First 300,000 calls in a tight loop: peers with a far end that takes 5 ms a batch, ours with a real server that is
//! up and with one that is down. Then a steady 100,000 events a second into the spool for ten seconds, delivered
//! meanwhile to a real server on the same cores.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

mod paced;
mod subject;
mod tight;
mod watch;

use std::path::PathBuf;

use agentops_bench::target;
use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--child") {
        return subject::run(&arguments[1..]);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let value = |flag: &str| {
        let mut after = arguments.iter().skip_while(|argument| *argument != flag);
        after.nth(1).with_context(|| format!("{flag} is missing"))
    };
    let server = PathBuf::from(value("--server")?);
    let tight = tight::run(&server, if quick { 60_000 } else { 300_000 })?;
    let paced = paced::run(&server, if quick { 2 } else { 10 })?;
    let mut targets = tight::targets(&tight);
    targets.extend(paced::targets(&paced));
    target::print(&targets);
    let json = serde_json::json!({
        "quick": quick,
        "tight": tight,
        "paced": paced,
        "targets": targets,
    });
    let out = value("--out")?;
    std::fs::write(out, format!("{json:#}\n")).with_context(|| format!("cannot write {out}"))
}
