//! Instructions of one recorded call: the same on a busy machine as on an idle one, so a small loss shows.
//!
//! Two things fail: a case of ours above its baseline, and being off above what being off costs with `tracing`, counted
//! in the same run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::build::built;

/// Calls that are counted.
const CALLS: u32 = 2_000;
/// Runs of a case; the least counts. In the others a buffer of the thread had to grow.
const RUNS: u32 = 3;
/// How much more than the baseline passes.
const TOLERANCE: f64 = 1.05;

/// What is off, and what being off may cost at most.
const OFF: (&str, &str) = ("agentops off", "tracing off");

/// Subjects and functions that are counted.
const CASES: &[(&str, &str)] = &[
    ("agentops on", "add"),
    ("agentops on", "tool"),
    ("agentops on", "tiny"),
    ("agentops off", "add"),
    ("agentops off", "tool"),
    ("agentops off", "tiny"),
    ("tracing off", "add"),
    ("tracing off", "tool"),
    ("tracing off", "tiny"),
];

/// Options of `cargo xtask bench callgrind`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the counts as the new baseline.
    #[arg(long)]
    update: bool,
}

/// Instructions a call by case.
type Counts = BTreeMap<String, f64>;

/// Counts and compares, or writes the baseline.
pub(super) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    if !has_valgrind() {
        install()?;
    }
    let mut counts = count(root)?;
    let within = compare_off(&counts);
    // Another's counts are no baseline of ours.
    counts.retain(|case, _| !case.starts_with(OFF.1));
    let file = root.join("xtask").join("bench").join("callgrind.json");
    if args.update {
        let text = serde_json::to_string_pretty(&counts)?;
        std::fs::write(&file, text + "\n")?;
        for (case, count) in &counts {
            println!("{case:<20} {count:>9.1}");
        }
        println!("written: {}", file.display());
        return within;
    }
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}; write it with --update", file.display()))?;
    let baseline: Counts = serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is not a baseline; write it with --update",
            file.display()
        )
    })?;
    compare(&baseline, &counts).and(within)
}

/// The step of `cargo xtask ci`.
pub(crate) fn in_ci(root: &Path) -> anyhow::Result<()> {
    if !has_valgrind() {
        if std::env::var_os("CI").is_none() {
            println!("left out: valgrind is missing; `cargo xtask bench callgrind` installs it");
            return Ok(());
        }
        install()?;
    }
    run(root, &Args { update: false })
}

/// Being off may cost no more than it does with the other.
fn compare_off(counts: &Counts) -> anyhow::Result<()> {
    let mut above = Vec::new();
    for (case, count) in counts {
        let Some(what) = case.strip_prefix(OFF.0) else {
            continue;
        };
        let limit = counts
            .get(&format!("{}{what}", OFF.1))
            .with_context(|| format!("{case} has nothing to be compared with"))?;
        println!("{case:<20} {count:>9.1} of {limit:>9.1} with {}", OFF.1);
        if count > limit {
            above.push(format!(
                "{case}: {count} instructions, {limit} with {}",
                OFF.1
            ));
        }
    }
    ensure!(
        above.is_empty(),
        "recording that is off costs more than its limit ({}): emit less before the call is known to be recorded",
        above.join(", ")
    );
    Ok(())
}

fn compare(baseline: &Counts, counts: &Counts) -> anyhow::Result<()> {
    let mut worse = Vec::new();
    for (case, count) in counts {
        let Some(before) = baseline.get(case) else {
            worse.push(format!("{case} has no baseline"));
            continue;
        };
        let change = (count / before - 1.0) * 100.0;
        println!("{case:<20} {before:>9.1} -> {count:>9.1}  {change:>+6.1} %");
        if *count > before * TOLERANCE {
            worse.push(format!("{case}: {change:+.1} %"));
        }
    }
    ensure!(
        worse.is_empty(),
        "more instructions a call than the baseline allows ({}): make it cheaper, or run `cargo xtask bench callgrind \
         --update` and say why in the commit",
        worse.join(", ")
    );
    Ok(())
}

fn count(root: &Path) -> anyhow::Result<Counts> {
    let executable = built(root, "calls", "")?;
    let folder = tempfile::tempdir()?;
    let mut counts = Counts::new();
    for (subject, what) in CASES {
        let run = |calls| instructions(&executable, folder.path(), subject, what, calls);
        let empty = run(0)?;
        let mut least = u64::MAX;
        for _ in 0..RUNS {
            least = least.min(run(CALLS)?);
        }
        // One decimal, so that a baseline reads well.
        let each = (least.saturating_sub(empty) as f64 / f64::from(CALLS) * 10.0).round() / 10.0;
        counts.insert(format!("{subject}: {what}"), each);
    }
    Ok(counts)
}

fn instructions(
    executable: &Path,
    folder: &Path,
    subject: &str,
    what: &str,
    calls: u32,
) -> anyhow::Result<u64> {
    let file = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg("--toggle-collect=*calls*measured*")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(executable)
        .args([subject, what, &calls.to_string()])
        .output()
        .context("valgrind cannot be started")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {text}");
    collected(&text).with_context(|| format!("valgrind did not say what it counted: {text}"))
}

/// The count in callgrind's last lines.
fn collected(text: &str) -> Option<u64> {
    let (_, count) = text.split_once("Collected :")?;
    count.split_whitespace().next()?.parse().ok()
}

fn has_valgrind() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// By the system's own packages, where they are Debian's.
fn install() -> anyhow::Result<()> {
    println!("installing valgrind");
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    for arguments in [
        ["apt-get", "update", "-qq"].as_slice(),
        &[
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "valgrind",
        ],
    ] {
        let mut command = Command::new(if is_root { "env" } else { "sudo" });
        if !is_root {
            command.args(["-n", "env"]);
        }
        let _ = command
            .arg("DEBIAN_FRONTEND=noninteractive")
            .args(arguments)
            .status();
    }
    if !has_valgrind() {
        bail!("valgrind cannot be installed here; install it by hand");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_found_in_what_callgrind_says() {
        let text = "==7== Events    : Ir\n==7== Collected : 2981343\n==7==\n";
        assert_eq!(collected(text), Some(2_981_343));
        assert_eq!(collected("==7== nothing"), None);
    }

    #[test]
    fn being_off_may_not_cost_more_than_with_the_other() {
        let counts = |ours: f64| {
            Counts::from([
                ("agentops off: tiny".to_owned(), ours),
                ("tracing off: tiny".to_owned(), 57.0),
                ("agentops on: tiny".to_owned(), 900.0),
            ])
        };
        assert!(compare_off(&counts(57.0)).is_ok());
        let error = compare_off(&counts(58.0)).unwrap_err().to_string();
        assert!(error.contains("agentops off: tiny: 58"), "{error}");
        let alone = Counts::from([("agentops off: tiny".to_owned(), 1.0)]);
        assert!(compare_off(&alone).is_err());
    }

    #[test]
    fn more_than_the_tolerance_fails_and_names_case_and_mend() {
        let counts = |count| Counts::from([("agentops on: add".to_owned(), count)]);
        assert!(compare(&counts(1_000.0), &counts(1_049.0)).is_ok());
        assert!(compare(&counts(1_000.0), &counts(700.0)).is_ok());
        let error = compare(&counts(1_000.0), &counts(1_051.0)).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("add: +5.1 %") && error.contains("--update"),
            "{error}"
        );
        let unknown = compare(&Counts::new(), &counts(1.0)).unwrap_err();
        assert!(unknown.to_string().contains("no baseline"));
    }
}
