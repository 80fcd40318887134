//! The pages in a real browser: `cargo xtask browser` drives every one of them in headless Chromium, `cargo xtask
//! screenshots` takes the README's pictures.
//!
//! The programs that do it are JavaScript (`tests/browser`), because they reach into pages; what they need from npm is
//! pinned by a lock file and installed here. Nothing of it is part of the product.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::cargo::cargo;

/// Where Debian's package puts the browser.
const CHROMIUM: &str = "/usr/bin/chromium";
/// The variable that names another.
const CHROMIUM_VARIABLE: &str = "CHROMIUM";

/// Options of `cargo xtask browser`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only tests whose names fit this pattern.
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
}

/// Checks the types of the pages' scripts and drives the pages.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    prepare(root)?;
    checked(root, args.only.as_deref())
}

/// The step of `cargo xtask ci`. What cannot be prepared is left out, but on the machine that decides.
pub(crate) fn in_ci(root: &Path) -> anyhow::Result<()> {
    let decides = env::var_os("CI").is_some_and(|value| !value.is_empty());
    match prepare(root) {
        Ok(()) => checked(root, None),
        Err(error) if !decides => {
            println!("left out, which CI will not do: {error:#}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Takes the pictures of the README: of the quickstart's session, and of a busy project.
pub(crate) fn screenshots(root: &Path) -> anyhow::Result<()> {
    prepare(root)?;
    let mut build = cargo(root);
    build.args([
        "build",
        "-p",
        "agentops-examples",
        "--example",
        "quickstart",
    ]);
    succeed(&mut build)?;
    succeed(node(root).arg("screenshots.mjs"))
}

fn folder(root: &Path) -> PathBuf {
    root.join("tests/browser")
}

fn node(root: &Path) -> Command {
    let mut command = Command::new("node");
    command.current_dir(folder(root)).stdin(Stdio::null());
    command
}

/// Installs what comes from npm, and builds the executable that serves the pages.
fn prepare(root: &Path) -> anyhow::Result<()> {
    let chromium = env::var_os(CHROMIUM_VARIABLE).unwrap_or_else(|| CHROMIUM.into());
    ensure!(
        Path::new(&chromium).exists(),
        "{} is missing: install the package chromium, or set {CHROMIUM_VARIABLE}",
        chromium.display()
    );
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").output();
        ensure!(
            found.is_ok_and(|output| output.status.success()),
            "{program} is missing: install the packages nodejs (20 or newer) and npm"
        );
    }
    let mut install = Command::new("npm");
    install
        .current_dir(folder(root))
        .args(["ci", "--no-progress"])
        .stdin(Stdio::null());
    succeed(&mut install)?;
    succeed(cargo(root).args(["build", "-p", "agentops-cli"]))
}

fn checked(root: &Path, only: Option<&str>) -> anyhow::Result<()> {
    succeed(node(root).args(["node_modules/typescript/bin/tsc", "-p", "."]))?;
    let mut test = node(root);
    test.args(["--test", "--test-concurrency=1"]);
    if let Some(only) = only {
        test.arg(format!("--test-name-pattern={only}"));
    }
    succeed(test.arg("pages.test.mjs"))?;
    println!("pictures of every page: target/screenshots");
    Ok(())
}

/// Runs a command whose output goes where ours goes.
fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let first = command.get_args().next().unwrap_or(OsStr::new(""));
    let told = format!("{name} {}", first.to_string_lossy());
    let status = command
        .status()
        .with_context(|| format!("cannot run {name}"))?;
    if !status.success() {
        bail!("{told}: {status}");
    }
    Ok(())
}
