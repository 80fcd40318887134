//! What runs in a child: it says when it is ready, records when it is told to, and says what it knows.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use agentops::Config;
use agentops_bench::clocks;
use agentops_bench::peers::{Exporter, Ours, Running, SUBJECTS};
use agentops_bench::server::KEY;
use agentops_bench::work::What;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What is to be recorded.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    /// How many calls.
    pub(crate) calls: usize,
    /// How many of them in a millisecond; `None`: as fast as it goes.
    pub(crate) per_ms: Option<usize>,
    /// How long to wait for delivery at most, in seconds.
    pub(crate) patience: u64,
}

/// The first answer: everything is recorded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) seconds: f64,
    /// Of all threads of the process, on the processor.
    pub(crate) cpu_seconds: f64,
    /// Ours only.
    pub(crate) session: Option<String>,
}

/// The second answer: it has waited for delivery.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// How long it waited.
    pub(crate) seconds: f64,
    /// What the far end, or ours the spool, has got.
    pub(crate) arrived: u64,
    /// What the API says is lost.
    pub(crate) shown_as_lost: Option<u64>,
}

/// `NAME [ENDPOINT DIRECTORY]`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    match arguments {
        [name] => {
            let subject = SUBJECTS.iter().find(|subject| subject.name == name);
            let subject = subject.context("no such subject")?;
            // The queue of the floor is as long as OpenTelemetry's.
            let running = (subject.set_up)(Exporter::Slow, 2_048);
            serve(&*running, None)
        }
        [_, endpoint, directory] => {
            let config = Config::new()
                .endpoint(endpoint.as_str())
                .api_key(KEY)
                .data_dir(Path::new(directory))
                .disk_limit(64 << 30);
            let ours = Ours::by(config);
            let session = ours.session.clone();
            serve(&ours, Some(&session))
        }
        _ => anyhow::bail!("a child is told its subject"),
    }
}

fn serve(running: &dyn Running, ours: Option<&agentops::Session>) -> anyhow::Result<()> {
    running.run(What::Tool, 1_000);
    running.settle();
    let before = running.arrived().unwrap_or(0);
    answer(&"ready")?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let load: Load = serde_json::from_str(&line)?;
    let (start, cpu) = (Instant::now(), clocks::of_this_process());
    match load.per_ms {
        None => running.run(What::Tool, load.calls),
        Some(per_ms) => paced(running, load.calls, per_ms),
    }
    answer(&Recorded {
        seconds: start.elapsed().as_secs_f64(),
        cpu_seconds: (clocks::of_this_process() - cpu).as_secs_f64(),
        session: ours.map(|session| session.id().to_owned()),
    })?;
    let start = Instant::now();
    match ours {
        Some(session) => {
            for _ in 0..2 {
                session.flush_blocking(Duration::from_secs(load.patience));
            }
        }
        None => running.settle(),
    }
    answer(&Settled {
        seconds: start.elapsed().as_secs_f64(),
        arrived: running.arrived().unwrap_or(0) - before,
        shown_as_lost: running.shown_as_lost(),
    })?;
    // The parent looks at memory and server before it lets go.
    line.clear();
    std::io::stdin().lock().read_line(&mut line)?;
    // What cannot be delivered is not waited for any longer.
    std::process::exit(0)
}

/// So many calls every millisecond; what a late millisecond missed is made up for at once.
fn paced(running: &dyn Running, calls: usize, per_ms: usize) {
    let start = Instant::now();
    let mut made = 0;
    while made < calls {
        let due = (start.elapsed().as_millis() as usize + 1) * per_ms;
        let now = due.min(calls).saturating_sub(made);
        running.run(What::Tool, now);
        made += now;
        let next = Duration::from_millis((made / per_ms) as u64);
        std::thread::sleep(next.saturating_sub(start.elapsed()));
    }
}

fn answer(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}
