//! `cargo xtask bench sdk | load | llm | server | build | all | callgrind`: what recording, storing and building cost.
//!
//! What is measured lies in `xtask/bench`, a package outside the workspace because it holds the peers. This file only
//! builds it and runs it; figures go to the terminal and to `target/bench/`.

mod all;
mod build;
mod callgrind;
mod clean;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Subcommand;

use build::{built, built_server, target};

pub(crate) use callgrind::in_ci;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// What one recorded call costs, beside the peers.
    Sdk(Rounds),
    /// What is left of 300,000 calls in a tight loop, and of 100,000 events a second for 10 seconds.
    Load(Rounds),
    /// What capturing the calls of an HTTP client adds: to a chunk of a stream, in memory, and when nothing is recorded.
    Llm(Rounds),
    /// How fast the server stores and reads, empty and with 1,000,000 events, beside SQLite alone.
    Server(Rounds),
    /// Seconds and crates of a clean debug build of the dependency, beside the peers'.
    Build(Rounds),
    /// All of these, then one table of all targets; --quick leaves out the builds.
    All(Rounds),
    /// Instructions of one recorded call, compared with xtask/bench/callgrind.json.
    Callgrind(callgrind::Args),
}

#[derive(clap::Args)]
struct Rounds {
    /// Fewer rounds, shorter runs: enough to see whether it works, not to quote.
    #[arg(long)]
    quick: bool,
}

/// Runs one of them.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    match &args.bench {
        Bench::Sdk(rounds) => sdk(root, rounds),
        Bench::Load(rounds) => with_server(root, ("load", "peers"), rounds),
        Bench::Llm(rounds) => measured(root, ("llm", "llm"), rounds, &[]),
        Bench::Server(rounds) => with_server(root, ("server", "server"), rounds),
        Bench::Build(rounds) => clean::run(root, rounds.quick),
        Bench::All(rounds) => everything(root, rounds),
        Bench::Callgrind(args) => callgrind::run(root, args),
    }
}

fn sdk(root: &Path, rounds: &Rounds) -> anyhow::Result<()> {
    measured(root, ("sdk", "peers"), rounds, &[])
}

/// In the order in which they are read; building the peers takes minutes, so `--quick` leaves it out.
fn everything(root: &Path, rounds: &Rounds) -> anyhow::Result<()> {
    let parts: &[all::Part<'_>] = &[
        ("sdk", &|| sdk(root, rounds)),
        ("load", &|| with_server(root, ("load", "peers"), rounds)),
        ("llm", &|| measured(root, ("llm", "llm"), rounds, &[])),
        ("server", &|| {
            with_server(root, ("server", "server"), rounds)
        }),
        ("build", &|| clean::run(root, false)),
    ];
    let measured = if rounds.quick {
        parts.len() - 1
    } else {
        parts.len()
    };
    all::run(root, &parts[..measured])
}

/// As [`measured`], for one that needs the real server.
fn with_server(root: &Path, subject: (&str, &str), rounds: &Rounds) -> anyhow::Result<()> {
    let server = built_server(root)?;
    let server = server.to_str().context("the target directory is text")?;
    measured(root, subject, rounds, &["--server", server])
}

/// Builds and runs one executable of the package, with one feature of it; it writes its figures where it is told to.
fn measured(
    root: &Path,
    (name, feature): (&str, &str),
    rounds: &Rounds,
    more: &[&str],
) -> anyhow::Result<()> {
    let executable = built(root, name, feature)?;
    let folder = target(root).join("bench");
    std::fs::create_dir_all(&folder)?;
    let out = folder.join(format!("{name}.json"));
    let mut command = Command::new(executable);
    command.arg("--out").arg(&out).args(more);
    if rounds.quick {
        command.arg("--quick");
    }
    let status = command
        .status()
        .context("the benchmark cannot be started")?;
    ensure!(status.success(), "the benchmark {name} failed: {status}");
    println!("figures: {}", out.display());
    Ok(())
}
