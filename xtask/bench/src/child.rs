//! One subject in one process: asked for a round by a line on its input, it answers by a line on its output.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::allocations;
use crate::clocks::Clocks;
use crate::peers::{Exporter, Running, Subject};
use crate::work::What;

/// What is asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// Which function.
    pub what: What,
    /// How many calls each thread makes.
    pub calls: usize,
    /// How many threads.
    pub threads: usize,
}

/// What came out, a call.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Round {
    /// Nanoseconds on the wall.
    pub wall_ns: f64,
    /// Nanoseconds of the calling thread on the processor.
    pub cpu_ns: f64,
    /// Allocations of the calling thread.
    pub allocations: f64,
    /// Calls of this round that did not arrive at the far end, all together.
    pub lost: u64,
}

/// Answers until the input ends.
///
/// # Errors
/// When a line cannot be read or written.
pub fn serve(subject: &Subject, calls: usize) -> anyhow::Result<()> {
    let running = (subject.set_up)(Exporter::Instant, calls);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let ask: Ask = serde_json::from_str(&line?)?;
        serde_json::to_writer(&mut out, &round(&*running, ask))?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}

fn round(running: &dyn Running, ask: Ask) -> Round {
    let before = running.arrived();
    let mut round = if ask.threads == 1 {
        one_thread(running, ask)
    } else {
        many_threads(running, ask)
    };
    running.settle();
    if let (Some(before), Some(after)) = (before, running.arrived()) {
        let made = match ask.threads {
            1 => ask.calls,
            threads => (WARM_UPS + 1) * ask.calls * threads,
        };
        round.lost = (made as u64).saturating_sub(after - before);
    }
    round
}

fn one_thread(running: &dyn Running, ask: Ask) -> Round {
    let allocations = allocations::of_this_thread();
    let clocks = Clocks::start();
    running.run(ask.what, ask.calls);
    let (wall, cpu) = clocks.elapsed();
    let allocations = allocations::of_this_thread() - allocations;
    Round {
        wall_ns: wall.as_nanos() as f64 / ask.calls as f64,
        cpu_ns: cpu.as_nanos() as f64 / ask.calls as f64,
        allocations: allocations as f64 / ask.calls as f64,
        lost: 0,
    }
}

/// Threads are new in every round: after so many runs, buffers that are swapped have their size.
pub const WARM_UPS: usize = 2;

/// Each thread warms up, then all run at once.
fn many_threads(running: &dyn Running, ask: Ask) -> Round {
    let barrier = Barrier::new(ask.threads + 1);
    let rounds: Vec<Round> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..ask.threads)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..WARM_UPS {
                        running.run(ask.what, ask.calls);
                        barrier.wait();
                        barrier.wait();
                    }
                    one_thread(running, ask)
                })
            })
            .collect();
        for _ in 0..WARM_UPS {
            barrier.wait();
            running.settle();
            barrier.wait();
        }
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a subject does not panic"))
            .collect()
    });
    let mean = |of: fn(&Round) -> f64| rounds.iter().map(of).sum::<f64>() / rounds.len() as f64;
    Round {
        wall_ns: mean(|round| round.wall_ns),
        cpu_ns: mean(|round| round.cpu_ns),
        allocations: mean(|round| round.allocations),
        lost: 0,
    }
}

/// A subject's process, as its parent holds it.
#[derive(Debug)]
pub struct Remote {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Remote {
    /// Starts this executable again as one subject.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            // Nothing of the person's own configuration: no server is written to by accident.
            .env_remove("AGENTOPS_API_ENDPOINT")
            .env_remove("AGENTOPS_API_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("its output is a pipe")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// The id of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// When the process has died.
    pub fn ask<A: for<'a> Deserialize<'a>>(&mut self, ask: &impl Serialize) -> anyhow::Result<A> {
        self.tell(ask)?;
        self.hear()
    }

    /// Asks without waiting.
    ///
    /// # Errors
    /// When the process has died.
    pub fn tell(&mut self, ask: &impl Serialize) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("its input is open")?;
        serde_json::to_writer(&mut *input, ask)?;
        input.write_all(b"\n")?;
        Ok(())
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// When the process has died.
    pub fn hear<A: for<'a> Deserialize<'a>>(&mut self) -> anyhow::Result<A> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).context("a subject died; its message stands above")
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // It ends by itself at the end of its input; what holds it up longer is ended.
        drop(self.input.take());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while std::time::Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
