//! A tight loop: more than anybody can send.

use std::path::Path;

use agentops_bench::child::Remote;
use agentops_bench::server::Server;
use agentops_bench::target::Target;
use serde::Serialize;

use crate::subject::{Load, Recorded, Settled};
use crate::watch::{Sample, megabytes, most, thinned, watched};

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

const PEERS: &[&str] = &[
    "floor by hand",
    "fastrace",
    "otel api",
    "tracing + otel",
    "sentry",
];

/// What became of the calls of one subject.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    subject: String,
    calls: usize,
    /// Nanoseconds on the wall a call.
    ns: f64,
    /// At the far end once it had waited for delivery.
    delivered: u64,
    /// Kept for later.
    kept: u64,
    /// Neither delivered nor kept when its own way to wait had returned.
    lost: u64,
    /// What the API says of that.
    shown_as_lost: Option<u64>,
    settled_after_s: f64,
    idle_mb: f64,
    most_mb: f64,
    after_mb: f64,
    memory: Vec<Sample>,
}

/// Every subject once.
pub(crate) fn run(server: &Path, calls: usize) -> anyhow::Result<Vec<Row>> {
    println!("{calls} calls in a tight loop");
    println!(
        "{:<16} {:>7} {:>10} {:>8} {:>8} {:>9} {:>9}   {:>6} {:>7} {:>7} MB",
        "", "ns", "delivered", "kept", "missing", "shown", "settled", "idle", "most", "after"
    );
    let mut rows = Vec::new();
    for name in PEERS {
        rows.push(row(
            name,
            calls,
            &mut Remote::start(&["--child", name])?,
            None,
        )?);
    }
    let running = Server::start(server)?;
    rows.push(ours("agentops, up", calls, Some(&running))?);
    rows.push(ours("agentops, down", calls, None)?);
    println!();
    Ok(rows)
}

fn ours(name: &str, calls: usize, server: Option<&Server>) -> anyhow::Result<Row> {
    let data = tempfile::tempdir()?;
    let endpoint = server.map_or(NOBODY, Server::url);
    let directory = data.path().display().to_string();
    let mut remote = Remote::start(&["--child", name, endpoint, &directory])?;
    row(name, calls, &mut remote, server)
}

fn row(
    name: &str,
    calls: usize,
    remote: &mut Remote,
    server: Option<&Server>,
) -> anyhow::Result<Row> {
    let _ready: String = remote.hear()?;
    let pid = remote.pid();
    let idle = megabytes(pid);
    let patience = if name.ends_with("down") { 1 } else { 120 };
    let load = Load {
        calls,
        per_ms: None,
        patience,
    };
    let (answers, samples) = watched(&[pid], || -> anyhow::Result<(Recorded, Settled)> {
        Ok((remote.ask(&load)?, remote.hear()?))
    });
    let (recorded, settled) = answers?;
    let after = megabytes(pid);
    let (delivered, kept) = match (&recorded.session, server) {
        // The thousand calls of the warm-up are there, too.
        (Some(session), Some(server)) => (server.events(session)?.saturating_sub(1_000), 0),
        (Some(_), None) => (0, settled.arrived),
        (None, _) => (settled.arrived, 0),
    };
    let row = Row {
        subject: name.to_owned(),
        calls,
        ns: recorded.seconds * 1e9 / calls as f64,
        delivered,
        kept,
        lost: (calls as u64).saturating_sub(delivered + kept),
        shown_as_lost: settled.shown_as_lost,
        settled_after_s: settled.seconds,
        idle_mb: idle,
        most_mb: most(&samples, 0),
        after_mb: after,
        memory: thinned(&samples),
    };
    println!(
        "{name:<16} {:>7.0} {delivered:>10} {kept:>8} {:>8} {:>9} {:>7.1} s   {idle:>6.1} {:>7.1} {after:>7.1}",
        row.ns,
        row.lost,
        row.shown_as_lost
            .map_or("-".to_owned(), |lost| lost.to_string()),
        row.settled_after_s,
        row.most_mb,
    );
    Ok(row)
}

/// Ours only.
pub(crate) fn targets(rows: &[Row]) -> Vec<Target> {
    let ours = |name: &str| rows.iter().find(|row| row.subject == name);
    let (Some(up), Some(down)) = (ours("agentops, up"), ours("agentops, down")) else {
        return Vec::new();
    };
    let unseen = |row: &Row| row.lost.abs_diff(row.shown_as_lost.unwrap_or(0)) as f64;
    vec![
        Target::at_most("tight loop, server up: lost", up.lost as f64, 0.0),
        Target::at_most("tight loop, server down: lost", down.lost as f64, 0.0),
        Target::at_most("tight loop, up: lost and not shown", unseen(up), 0.0),
        Target::at_most("tight loop, down: lost and not shown", unseen(down), 0.0),
        Target::at_most(
            "tight loop, up: memory over idle, MB",
            up.most_mb - up.idle_mb,
            64.0,
        ),
        Target::at_most(
            "tight loop, down: memory over idle, MB",
            down.most_mb - down.idle_mb,
            64.0,
        ),
    ]
}
