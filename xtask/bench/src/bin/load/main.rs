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

use anyhow::Context as _;
use serde::Serialize;

/// What was asked for, and what came out.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) limit: f64,
    pub(crate) met: bool,
}

impl Target {
    pub(crate) fn at_most(name: &'static str, value: f64, limit: f64) -> Self {
        Self {
            name,
            value,
            limit,
            met: value <= limit,
        }
    }

    pub(crate) fn at_least(name: &'static str, value: f64, limit: f64) -> Self {
        Self {
            name,
            value,
            limit,
            met: value >= limit,
        }
    }
}

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
    for target in &targets {
        let verdict = if target.met { "met   " } else { "MISSED" };
        println!(
            "{verdict}  {:<62} {:>12.1}  (limit {:.1})",
            target.name, target.value, target.limit
        );
    }
    let json = serde_json::json!({
        "quick": quick,
        "tight": tight,
        "paced": paced,
        "targets": targets,
    });
    let out = value("--out")?;
    std::fs::write(out, format!("{json:#}\n")).with_context(|| format!("cannot write {out}"))
}
