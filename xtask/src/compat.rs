//! `cargo xtask compat`: the releases of the Python SDK that speak this API, run against `agentops serve`.
//!
//! The SDK is the real one, in virtual environments under the target directory; the programs are ours and lie in
//! `xtask/compat`. Each tells what it did; that is compared with what the server has afterwards. What a release is known
//! to do wrong is expected of it, by name, and a known defect that is not seen is a failure like any other. The same
//! server's OpenAPI document is then held against its answers. The Python package openai, which knows nothing of us, runs
//! under `agentops run --capture-llm` against a scripted provider. Nothing here knows how the server keeps its data.

mod amount;
mod cases;
mod compare;
mod document;
mod expect;
mod models;
mod process;
mod python;
mod release;
mod server;
mod told;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cargo_metadata::MetadataCommand;

pub(crate) use self::process::Stopped;
use self::release::{RELEASES, Release};
use self::server::Server;

/// Options of `cargo xtask compat`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only what concerns these: a release of the SDK, `document`, or `openai`.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

/// Runs every program with every release, and holds the server against its document.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    let mut known: Vec<&str> = RELEASES.iter().map(|release| release.version).collect();
    known.push(document::NAME);
    known.push(models::NAME);
    for name in &args.only {
        anyhow::ensure!(
            known.contains(&name.as_str()),
            "nothing is called {name}; there are {}",
            known.join(", ")
        );
    }
    checked(root, &prepare(root, &args.only)?)
}

/// The step of `cargo xtask ci`. What cannot be prepared is left out, but on the machine that decides.
pub(crate) fn in_ci(root: &Path) -> anyhow::Result<()> {
    let decides = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    match prepare(root, &[]) {
        Ok(prepared) => checked(root, &prepared),
        Err(error) if !decides => {
            println!("left out, which CI will not do: {error:#}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What has to be there before anything can be compared.
struct Prepared {
    target: PathBuf,
    /// The releases and their interpreters.
    releases: Vec<(&'static Release, PathBuf)>,
    /// The folder of the programs that know OpenAPI.
    document: Option<PathBuf>,
    /// The interpreter of the environment that has the package openai.
    models: Option<PathBuf>,
}

fn prepare(root: &Path, only: &[String]) -> anyhow::Result<Prepared> {
    python::find()?;
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cannot read the workspace")?;
    let target = metadata.target_directory.into_std_path_buf();
    let folder = target.join("compat");
    let chosen = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let releases = RELEASES.iter().filter(|release| chosen(release.version));
    let releases = releases.map(|release| {
        let python = python::environment(&folder, &release.requirement())?;
        Ok((release, python))
    });
    let releases = releases.collect::<anyhow::Result<_>>()?;
    let document = chosen(document::NAME)
        .then(|| python::environment(&folder, document::REQUIREMENT))
        .transpose()?;
    let models = chosen(models::NAME)
        .then(|| python::environment(&folder, models::REQUIREMENT))
        .transpose()?;
    Ok(Prepared {
        target,
        releases,
        document,
        models,
    })
}

fn checked(root: &Path, prepared: &Prepared) -> anyhow::Result<()> {
    let mut problems = Vec::new();
    let mut server = Server::start(root, &prepared.target)?;
    for (release, python) in &prepared.releases {
        problems.extend(cases::run_all(root, release, python, &server)?);
    }
    if let Some(python) = &prepared.document {
        problems.extend(document::check(python, &server)?);
    }
    server.check_alive()?;
    if let Some(python) = &prepared.models {
        problems.extend(models::check(root, &prepared.target, python)?);
    }
    for problem in &problems {
        println!("{problem}");
    }
    anyhow::ensure!(problems.is_empty(), "{} differences", problems.len());
    Ok(())
}
