//! A steady stream, recorded, spooled and delivered at the same time, on the same cores.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use agentops_bench::child::Remote;
use agentops_bench::server::Server;
use agentops_bench::target::Target;
use serde::Serialize;

use crate::subject::{Load, Recorded, Settled};
use crate::watch::{Sample, megabytes, most, thinned, watched};

/// A little more than is promised.
const PER_MS: usize = 102;

/// What became of the stream.
#[derive(Debug, Serialize)]
pub(crate) struct Paced {
    calls: usize,
    recorded_per_s: f64,
    /// Of both cores, in the recording process, while it recorded: shares of one.
    cpu_while_recording: f64,
    /// Stored by the server when the last call had been recorded.
    delivered_meanwhile: u64,
    delivered_meanwhile_per_s: f64,
    /// Seconds after the last call until everything was delivered.
    rest_s: f64,
    delivered: u64,
    shown_as_lost: u64,
    /// Neither delivered nor shown as lost.
    missing: u64,
    client_idle_mb: f64,
    client_most_mb: f64,
    server_idle_mb: f64,
    server_most_mb: f64,
    server_disk_bytes_per_event: f64,
    /// Client, server.
    memory: Vec<Sample>,
    /// Seconds, events stored.
    stored: Vec<(f64, u64)>,
}

/// So many seconds of it.
pub(crate) fn run(server: &Path, seconds: usize) -> anyhow::Result<Paced> {
    let calls = PER_MS * 1_000 * seconds;
    println!(
        "{} calls a second for {seconds} s, delivered meanwhile",
        PER_MS * 1_000
    );
    let server = Server::start(server)?;
    let data = tempfile::tempdir()?;
    let directory = data.path().display().to_string();
    let mut remote = Remote::start(&["--child", "ours", server.url(), &directory])?;
    let _ready: String = remote.hear()?;
    let pids = [remote.pid(), server.pid()];
    let idle = pids.map(megabytes);
    let load = Load {
        calls,
        per_ms: Some(PER_MS),
        patience: 300,
    };
    let (result, samples) = watched(&pids, || stream(&mut remote, &server, load));
    let (recorded, meanwhile, settled, stored) = result?;
    let session = recorded.session.clone().unwrap_or_default();
    let delivered = server.events(&session)?.saturating_sub(1_000);
    let shown = settled.shown_as_lost.unwrap_or(0);
    let paced = Paced {
        calls,
        recorded_per_s: calls as f64 / recorded.seconds,
        cpu_while_recording: recorded.cpu_seconds / recorded.seconds,
        delivered_meanwhile: meanwhile,
        delivered_meanwhile_per_s: meanwhile as f64 / recorded.seconds,
        rest_s: settled.seconds,
        delivered,
        shown_as_lost: shown,
        missing: (calls as u64).saturating_sub(delivered + shown),
        client_idle_mb: idle[0],
        client_most_mb: most(&samples, 0),
        server_idle_mb: idle[1],
        server_most_mb: most(&samples, 1),
        server_disk_bytes_per_event: server.disk() as f64 / delivered.max(1) as f64,
        memory: thinned(&samples),
        stored,
    };
    print(&paced);
    Ok(paced)
}

type Streamed = (Recorded, u64, Settled, Vec<(f64, u64)>);

/// Asks the server twice a second how much it has.
fn stream(remote: &mut Remote, server: &Server, load: Load) -> anyhow::Result<Streamed> {
    let start = Instant::now();
    let done = AtomicBool::new(false);
    let session = std::sync::OnceLock::<String>::new();
    std::thread::scope(|scope| {
        let stored = scope.spawn(|| {
            let mut stored = Vec::new();
            while !done.load(Ordering::Relaxed) {
                if let Some(Ok(events)) = session.get().map(|id| server.events(id)) {
                    stored.push((start.elapsed().as_secs_f64(), events));
                }
                std::thread::sleep(Duration::from_millis(500));
            }
            stored
        });
        let streamed = (|| {
            let recorded: Recorded = remote.ask(&load)?;
            let id = recorded.session.clone().unwrap_or_default();
            let meanwhile = server.events(&id)?.saturating_sub(1_000);
            let _ = session.set(id);
            let settled: Settled = remote.hear()?;
            anyhow::Ok((recorded, meanwhile, settled))
        })();
        done.store(true, Ordering::Relaxed);
        let stored = stored.join().expect("asking does not panic");
        let (recorded, meanwhile, settled) = streamed?;
        Ok((recorded, meanwhile, settled, stored))
    })
}

fn print(paced: &Paced) {
    println!(
        "recorded {:.0}/s at {:.2} cores; delivered meanwhile {:.0}/s ({}), the rest after {:.1} s",
        paced.recorded_per_s,
        paced.cpu_while_recording,
        paced.delivered_meanwhile_per_s,
        paced.delivered_meanwhile,
        paced.rest_s,
    );
    println!(
        "of {} calls delivered {}, shown as lost {}, missing {}",
        paced.calls, paced.delivered, paced.shown_as_lost, paced.missing,
    );
    println!(
        "memory: client {:.1} -> {:.1} MB, server {:.1} -> {:.1} MB; server's disk {:.0} bytes an event\n",
        paced.client_idle_mb,
        paced.client_most_mb,
        paced.server_idle_mb,
        paced.server_most_mb,
        paced.server_disk_bytes_per_event,
    );
}

/// What was promised.
pub(crate) fn targets(paced: &Paced) -> Vec<Target> {
    vec![
        Target::at_least("paced: recorded a second", paced.recorded_per_s, 100_000.0),
        Target::at_least(
            "paced: delivered a second meanwhile",
            paced.delivered_meanwhile_per_s,
            25_000.0,
        ),
        Target::at_most("paced: shown as lost", paced.shown_as_lost as f64, 0.0),
        Target::at_most("paced: missing", paced.missing as f64, 0.0),
        Target::at_most(
            "paced: client, most memory, MB",
            paced.client_most_mb,
            128.0,
        ),
        Target::at_most(
            "paced: server, most memory, MB",
            paced.server_most_mb,
            150.0,
        ),
    ]
}
