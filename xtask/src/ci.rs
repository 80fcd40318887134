//! What must pass before a change is merged, step by step, each with its name and its time.
//!
//! Every step says what it does on the terminal as it goes. All steps run even when one fails, so that one look at the
//! end shows everything; the list of steps is [`STEPS`], and a further one is one more line there.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::cargo::{cargo, cargo_llm};
use crate::{bench, browser, compat, examples, layers, packaging, trace};

/// Options of `cargo xtask ci`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out the tests: `cargo test --workspace` has run already.
    #[arg(long)]
    skip_tests: bool,
    /// Run only the steps of these names.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Stop at the first step that fails.
    #[arg(long)]
    fail_fast: bool,
}

/// One thing to check.
struct Step {
    name: &'static str,
    /// Whether `cargo test --workspace` does the same.
    is_tests: bool,
    run: fn(&Path) -> anyhow::Result<()>,
}

/// All steps, the quick ones first.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        is_tests: false,
        run: fmt,
    },
    Step {
        name: "layers",
        is_tests: false,
        run: layers::run,
    },
    Step {
        name: "clippy",
        is_tests: false,
        run: clippy,
    },
    Step {
        name: "clippy-off",
        is_tests: false,
        run: clippy_off,
    },
    Step {
        name: "tests",
        is_tests: true,
        run: tests,
    },
    Step {
        name: "tests-off",
        is_tests: false,
        run: tests_off,
    },
    Step {
        name: "doctests",
        is_tests: true,
        run: doctests,
    },
    Step {
        name: "doc",
        is_tests: false,
        run: doc,
    },
    Step {
        name: "llm",
        is_tests: false,
        run: llm,
    },
    Step {
        name: "examples",
        is_tests: false,
        run: examples::run,
    },
    Step {
        name: "callgrind",
        is_tests: false,
        run: bench::in_ci,
    },
    Step {
        name: "compat",
        is_tests: false,
        run: compat::in_ci,
    },
    Step {
        name: "trace",
        is_tests: false,
        run: trace::in_ci,
    },
    Step {
        name: "packaging",
        is_tests: false,
        run: packaging::run,
    },
    Step {
        name: "browser",
        is_tests: false,
        run: browser::in_ci,
    },
];

/// How a step ended.
enum Outcome {
    Passed,
    Failed(anyhow::Error),
    LeftOut,
}

/// Runs the steps and sums them up.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    for name in &args.only {
        ensure!(
            STEPS.iter().any(|step| step.name == name),
            "no step is called {name}; there are {}",
            names()
        );
    }
    let mut summary = Vec::new();
    let mut stopped = false;
    for step in STEPS {
        let chosen = args.only.is_empty() || args.only.iter().any(|name| name == step.name);
        if stopped || !chosen || (args.skip_tests && step.is_tests) {
            summary.push((step.name, Outcome::LeftOut, Duration::ZERO));
            continue;
        }
        println!("\n==> {}", step.name);
        let started = Instant::now();
        let outcome = match (step.run)(root) {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                println!("==> {} failed: {error:#}", step.name);
                stopped = args.fail_fast;
                Outcome::Failed(error)
            }
        };
        summary.push((step.name, outcome, started.elapsed()));
    }
    let failed = print_summary(&summary);
    if failed > 0 {
        bail!("{failed} of {} steps failed", STEPS.len());
    }
    Ok(())
}

fn print_summary(summary: &[(&str, Outcome, Duration)]) -> usize {
    println!();
    let mut failed = 0;
    for (name, outcome, time) in summary {
        let seconds = time.as_secs_f64();
        match outcome {
            Outcome::Passed => println!("ok        {name:<12} {seconds:>7.1} s"),
            Outcome::LeftOut => println!("left out  {name:<12}"),
            Outcome::Failed(error) => {
                failed += 1;
                let text = error.to_string();
                println!(
                    "FAILED    {name:<12} {seconds:>7.1} s  {}",
                    text.lines().next().unwrap_or_default()
                );
            }
        }
    }
    failed
}

fn names() -> String {
    STEPS
        .iter()
        .map(|step| step.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn fmt(root: &Path) -> anyhow::Result<()> {
    checked(cargo(root).args(["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> anyhow::Result<()> {
    checked(cargo(root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The facade with recording switched off is another crate: nothing else in the workspace builds it.
fn clippy_off(root: &Path) -> anyhow::Result<()> {
    checked(cargo(root).args([
        "clippy",
        "-p",
        "agentops",
        "--no-default-features",
        "--",
        "-D",
        "warnings",
    ]))
}

/// With nextest, which kills a test that hangs; without it by cargo alone.
fn tests(root: &Path) -> anyhow::Result<()> {
    let has_nextest = cargo(root)
        .args(["nextest", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if has_nextest {
        checked(cargo(root).args(["nextest", "run", "--workspace", "--no-fail-fast"]))
    } else {
        checked(cargo(root).args([
            "test",
            "--workspace",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
        ]))
    }
}

/// Every shape of function once more, with recording switched off.
fn tests_off(root: &Path) -> anyhow::Result<()> {
    checked(cargo(root).args([
        "test",
        "-p",
        "agentops",
        "--no-default-features",
        "--test",
        "matrix",
        "--test",
        "signatures",
    ]))
}

fn doctests(root: &Path) -> anyhow::Result<()> {
    checked(cargo(root).args(["test", "--workspace", "--doc", "--no-fail-fast"]))
}

/// The LLM libraries and what is recorded of them, in a workspace of their own.
fn llm(root: &Path) -> anyhow::Result<()> {
    checked(cargo_llm(root).args(["fmt", "--check"]))?;
    checked(cargo_llm(root).args(["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    checked(cargo_llm(root).args(["test", "--no-fail-fast"]))
}

/// Libraries only: the executable `agentops` would be written over the library of that name.
fn doc(root: &Path) -> anyhow::Result<()> {
    checked(cargo(root).env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--lib",
    ]))
}

/// Runs a command whose output goes where ours goes.
fn checked(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .context("cannot run cargo; is it on the path?")?;
    ensure!(status.success(), "cargo {}: {status}", arguments(command));
    Ok(())
}

fn arguments(command: &Command) -> String {
    command
        .get_args()
        .map(|argument| argument.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_does_not_exist_is_named() {
        let args = Args {
            skip_tests: false,
            only: vec!["nothing".to_owned()],
            fail_fast: false,
        };
        let error = run(Path::new("."), &args).unwrap_err().to_string();
        assert!(
            error.contains("nothing") && error.contains("clippy-off"),
            "{error}"
        );
    }

    #[test]
    fn a_failing_command_is_an_error_that_says_which() {
        let error = checked(cargo(Path::new(".")).arg("no-such-command-of-cargo"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no-such-command-of-cargo"), "{error}");
    }
}
