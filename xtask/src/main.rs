//! Development tasks of the workspace: `cargo xtask ci`, `layers`, `examples`, `prices`, `bench`, `browser`, `screenshots`, `busy`, `compat`, `torture`.
//!
//! What the build of the product needs is not here: `cargo build` works without running any of it.
#![expect(clippy::print_stdout, reason = "a tool for developers talks to them")]

mod bench;
mod browser;
mod busy;
mod cargo;
mod ci;
mod compat;
mod examples;
mod http;
mod layers;
mod packaging;
mod prices;
mod torture;
mod trace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// Development tasks of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that must pass before a change is merged.
    Ci(ci::Args),
    /// Check which crate depends on which, and that no crate has an import cycle between its modules.
    Layers,
    /// Run every example, with nothing configured and nothing to reach but this machine.
    Examples,
    /// Fetch the public price list and write the price book of agentops-pricing.
    Prices(prices::Args),
    /// Measure what recording costs, beside its peers.
    Bench(bench::Args),
    /// Drive every page in headless Chromium.
    Browser(browser::Args),
    /// Take the pictures of the README.
    Screenshots,
    /// Fill a running server with what a project in use would have recorded.
    Busy(busy::Args),
    /// Run the real Python SDK against the real server, and hold the server against its OpenAPI document.
    Compat(compat::Args),
    /// Run the Dockerfile's commands on this machine.
    Packaging,
    /// Look at the server's system calls: no answer of 200 before the sync of what it answers.
    Trace,
    /// Put the attribute on every function of crates that others wrote, and run their tests.
    Torture(torture::Args),
}

fn main() -> ExitCode {
    match run(Args::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let root = workspace_root()?;
    match task {
        Task::Ci(args) => ci::run(&root, &args),
        Task::Layers => layers::run(&root),
        Task::Examples => examples::run(&root),
        Task::Prices(args) => prices::run(&root, &args),
        Task::Bench(args) => bench::run(&root, &args),
        Task::Browser(args) => browser::run(&root, &args),
        Task::Screenshots => browser::screenshots(&root),
        Task::Busy(args) => busy::run(&args),
        Task::Compat(args) => compat::run(&root, &args),
        Task::Packaging => packaging::run(&root),
        Task::Trace => trace::run(&root),
        Task::Torture(args) => torture::run(&root, &args),
    }
}

/// The folder of the root manifest.
fn workspace_root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("xtask lies in the workspace")?
        .to_owned())
}
