//! A program that records with `durability = fsync`, under strace: what it calls spooled has been synced.
//!
//! ```text
//! 8 write(5</data/spool/1-7-a/000001.ndjson>, "{…}\n"..., 420) = 420
//! 8 fdatasync(5</data/spool/1-7-a/000001.ndjson>) = 0
//! 7 write(1<pipe:[9]>, "41 1763780000000000 42\n", 23) = 23
//! ```

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::cargo::{cargo, target};
use crate::compat::Stopped;

/// How many calls the program makes before it is killed.
const TICKS: usize = 300;
/// The end of the names of the files that hold recorded lines.
const SEGMENT: &str = ".ndjson>";
/// How a segment begins, as strace shows it.
const HEADER: &str = r#", "{\"v\":"#;

/// Runs the program, kills it, and judges what it did.
pub(super) fn run(root: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    traced(root, folder.path(), &trace)?;
    let judged = judge(&std::fs::read_to_string(&trace).context("strace wrote nothing")?)?;
    ensure!(
        judged.rises > 10,
        "the program called more events spooled only {} times",
        judged.rises
    );
    println!(
        "{} writes to the spool, each synced before the next; the watermark rose {} times, each after a sync",
        judged.syncs, judged.rises
    );
    Ok(())
}

fn traced(root: &Path, folder: &Path, trace: &Path) -> anyhow::Result<()> {
    let status = cargo(root)
        .args(["build", "-p", "agentops-tests", "--bin", "metronome"])
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the program cannot be built: {status}");
    let strace = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-s",
            "48",
            "-e",
            "trace=write,writev,pwrite64,fsync,fdatasync",
            "-o",
        ])
        .arg(trace)
        .arg(target(root).join("debug").join("metronome"))
        .env("AGENTOPS_DATA_DIR", folder.join("data"))
        .env("AGENTOPS_DURABILITY", "fsync")
        .env_remove("AGENTOPS_API_ENDPOINT")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("strace cannot be started; apt-get install strace")?;
    let mut strace = Stopped(strace);
    let output = strace.0.stdout.take().context("its output is a pipe")?;
    let mut lines = BufReader::new(output).lines();
    for _ in 0..=TICKS {
        lines.next().context("the program ended")??;
    }
    // strace would stay with a signal of its own, so the program itself is killed; its name is the first in the trace.
    let text = std::fs::read_to_string(trace)?;
    let pid = text.split_whitespace().next().context("a first line")?;
    let status = Command::new("kill").args(["-KILL", pid]).status()?;
    ensure!(status.success(), "the program cannot be killed");
    lines.for_each(drop);
    strace.0.wait()?;
    Ok(())
}

/// What a trace showed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Judged {
    syncs: usize,
    rises: usize,
}

/// That each write to a segment is synced before its thread writes again, and that the number of events that the
/// program calls spooled rises only after another sync.
fn judge(trace: &str) -> anyhow::Result<Judged> {
    let mut judged = Judged::default();
    // What a thread has written and not synced; syncs that have begun.
    let mut written: HashMap<&str, &str> = HashMap::new();
    let mut syncing: HashMap<&str, &str> = HashMap::new();
    let (mut spooled, mut syncs_told) = (0, 0);
    for (number, line) in (1..).zip(trace.lines()) {
        // What the kill found running has no result, and is the last.
        if line.trim_end().ends_with("= ?") {
            continue;
        }
        let place = || format!("line {number}: {line}");
        let Some((thread, call)) = line.trim_start().split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let ended_well = line.trim_end().ends_with("= 0");
        if call.starts_with("<... fdatasync resumed") || call.starts_with("<... fsync resumed") {
            if syncing.remove(thread).is_some() {
                ensure!(ended_well, "{}: a sync failed", place());
                judged.syncs += 1;
            }
            continue;
        }
        let Some((name, rest)) = call.split_once('(') else {
            continue;
        };
        let of = rest.split([',', ' ', ')']).next().unwrap_or_default();
        match name {
            // A segment's first line waits for those after it: alone it says nothing.
            "write" if of.ends_with(SEGMENT) && rest.contains(HEADER) => {}
            "write" | "writev" | "pwrite64" if of.ends_with(SEGMENT) => {
                ensure!(
                    written.insert(thread, of).is_none(),
                    "{}: written before what was written earlier was synced",
                    place()
                );
            }
            "fsync" | "fdatasync" if written.get(thread) == Some(&of) => {
                written.remove(thread);
                if rest.ends_with("<unfinished ...>") {
                    syncing.insert(thread, of);
                } else {
                    ensure!(ended_well, "{}: a sync failed", place());
                    judged.syncs += 1;
                }
            }
            "write" if of.starts_with("1<") => {
                let Some(told) = watermark(rest).filter(|told| *told > spooled) else {
                    continue;
                };
                ensure!(
                    judged.syncs > syncs_told,
                    "{}: more is called spooled, and nothing was synced since",
                    place()
                );
                (spooled, syncs_told) = (told, judged.syncs);
                judged.rises += 1;
            }
            _ => {}
        }
    }
    Ok(judged)
}

/// The last of the three numbers that the program printed.
fn watermark(rest: &str) -> Option<u64> {
    let text = rest.split('"').nth(1)?.strip_suffix("\\n")?;
    let mut words = text.split(' ');
    let (number, _, spooled) = (words.next()?, words.next()?, words.next()?);
    number.parse::<u64>().ok()?;
    spooled.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"8 write(5</d/spool/a/000001.ndjson>, "{}\n", 3) = 3"#;
    const SYNCED: &str = "8 fdatasync(5</d/spool/a/000001.ndjson>) = 0";
    const BEGUN: &str =
        r#"8 write(5</d/spool/a/000001.ndjson>, "{\"v\":1,\"writer\":"..., 107) = 107"#;
    const ONE: &str = r#"7 write(1<pipe:[9]>, "0 17 1\n", 7) = 7"#;
    const TWO: &str = r#"7 write(1<pipe:[9]>, "1 18 2\n", 7) = 7"#;

    fn judged(lines: &[&str]) -> Result<(usize, usize), String> {
        let judged = judge(&lines.join("\n")).map_err(|error| format!("{error:#}"))?;
        Ok((judged.syncs, judged.rises))
    }

    #[test]
    fn a_watermark_after_its_sync_is_good() {
        assert_eq!(judged(&[BEGUN, WRITTEN, SYNCED, ONE, ONE]), Ok((1, 1)));
        let begun = "8 fdatasync(5</d/spool/a/000001.ndjson> <unfinished ...>";
        let ended = "8 <... fdatasync resumed>) = 0";
        let killed = "8 fdatasync(5</d/spool/a/000001.ndjson>) = ?";
        assert_eq!(judged(&[WRITTEN, SYNCED, ONE, WRITTEN, killed]), Ok((1, 1)));
        let both = [WRITTEN, begun, ended, ONE, WRITTEN, SYNCED, TWO];
        assert_eq!(judged(&both), Ok((2, 2)));
    }

    #[test]
    fn what_comes_too_early_is_told() {
        for (lines, expected) in [
            (&[WRITTEN, ONE][..], "nothing was synced"),
            (&[WRITTEN, SYNCED, ONE, WRITTEN, TWO], "nothing was synced"),
            (&[WRITTEN, WRITTEN], "written before"),
            (
                &[WRITTEN, "8 fdatasync(5</d/spool/a/000001.ndjson>) = -1 EIO"],
                "a sync failed",
            ),
        ] {
            let error = judged(lines).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
