//! `cargo xtask torture`: the attribute on every function of crates that other people wrote.
//!
//! Each subject is taken from the registry into a temporary directory, twice: as it is, and with `#[record_action]` on
//! every function of its sources and tests, a session open in every process. Both are built and their tests run. The
//! recorded copy must pass every test that the bare one passes, must not be told more by the compiler (with `--clippy`,
//! by clippy with its pedantic lints either), and must have recorded something. Nothing of it stays.

mod rewrite;
mod subject;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, ensure};

use self::rewrite::Functions;
use self::subject::{Copy, Report, SUBJECTS, Subject};

/// The least share of functions that are not `const` that must bear the attribute.
const LEAST_SHARE: f64 = 0.95;

/// Options of `cargo xtask torture`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the subjects of these names.
    #[arg(long, value_name = "CRATE")]
    only: Vec<String>,
    /// Compare what clippy says, too.
    #[arg(long)]
    clippy: bool,
    /// Only say on how many functions the attribute goes; build nothing.
    #[arg(long)]
    count: bool,
    /// Keep the copies in this directory instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    keep: Option<std::path::PathBuf>,
}

/// Runs every subject.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    for name in &args.only {
        ensure!(
            SUBJECTS.iter().any(|subject| subject.name == name),
            "no subject is called {name}; there are {}",
            SUBJECTS.map(|subject| subject.name).join(", ")
        );
    }
    let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
    let dir = args.keep.as_deref().unwrap_or_else(|| temporary.path());
    let mut failed = Vec::new();
    for subject in &SUBJECTS {
        if !args.only.is_empty() && !args.only.iter().any(|name| name == subject.name) {
            continue;
        }
        println!("\n==> {} {}", subject.name, subject.version);
        if let Err(error) = torture(root, dir, subject, args) {
            println!("==> {} failed: {error:#}", subject.name);
            failed.push(subject.name);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn torture(root: &Path, dir: &Path, subject: &Subject, args: &Args) -> anyhow::Result<()> {
    let source = subject.fetch(&dir.join("fetch"))?;
    let session = subject::session_crate(root, dir)?;
    let bare = Copy::make(subject, &source, &dir.join("bare").join(subject.name))?;
    let recorded = Copy::make(subject, &source, &dir.join("recorded").join(subject.name))?;
    recorded.depend_on(root, &session)?;
    let functions = rewrite::every_function(recorded.path(), subject.covered, subject.except)?;
    tell_functions(&functions);
    let share = functions.share();
    ensure!(
        share >= LEAST_SHARE,
        "the attribute is on {:.1} % of the functions; {:.0} % are asked for",
        share * 100.0,
        LEAST_SHARE * 100.0
    );
    if args.count {
        return Ok(());
    }
    let target = root.join("target").join("torture");
    let before = bare.test(&target)?;
    let after = recorded.test(&target)?;
    compare(&before, &after)?;
    if args.clippy {
        compare_messages("clippy", &bare.clippy(&target)?, &recorded.clippy(&target)?)?;
    }
    Ok(())
}

fn tell_functions(functions: &Functions) {
    println!(
        "{} functions are not const; {} bear the attribute ({:.1} %); {} are const",
        functions.annotated + functions.skipped.len(),
        functions.annotated,
        functions.share() * 100.0,
        functions.constant,
    );
    for (place, reason) in &functions.skipped {
        println!("  without: {place}: {reason}");
    }
}

fn compare(before: &Report, after: &Report) -> anyhow::Result<()> {
    let failing = before.ran.difference(&before.passed).count();
    println!(
        "bare: {} tests pass, {failing} do not; recorded: {} pass, {} events in the spool, {} lost",
        before.passed.len(),
        after.passed.len(),
        after.events,
        after.lost,
    );
    let broken: Vec<_> = before.passed.difference(&after.passed).collect();
    for test in &broken {
        println!("  broken: {test}");
    }
    for said in &after.trouble {
        println!("{said}");
    }
    ensure!(broken.is_empty(), "{} tests are broken", broken.len());
    ensure!(
        !before.passed.is_empty(),
        "the bare crate passes no test of its own"
    );
    ensure!(after.events > 0, "nothing was recorded");
    compare_messages("the compiler", &before.messages, &after.messages)
}

fn compare_messages(
    who: &str,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> anyhow::Result<()> {
    let more: Vec<_> = after.difference(before).collect();
    for message in &more {
        println!("  {who} says more: {message}");
    }
    println!(
        "{who}: {} messages bare, {} recorded",
        before.len(),
        after.len()
    );
    ensure!(more.is_empty(), "{who} says more than of the bare crate");
    Ok(())
}
