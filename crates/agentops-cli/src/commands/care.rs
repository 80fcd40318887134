//! `agentops check`, `backup` and `restore`: the database of a data directory, looked after.

use std::path::Path;

use agentops_store::{CheckReport, OpenError};
use serde::Serialize;

use crate::args::{Backup, Restore, Store};
use crate::backend;
use crate::exit::{Exit, Problem};
use crate::output::{Out, note};
use crate::progress::Progress;
use crate::text::counted;

#[derive(Serialize)]
struct Found<'a> {
    clean: bool,
    sessions: u64,
    events: u64,
    damages: &'a [String],
    wrong_sessions: u64,
    wrong_rollups: u64,
    orphans: u64,
}

/// Looks whether the database is whole and its counts are right. Works beside a running server.
pub(crate) fn check(args: &Store, out: &mut Out) -> anyhow::Result<()> {
    let dir = backend::data_dir(args.data_dir.as_deref())?;
    let checked = Progress::during(
        format!("checking the database of {}", dir.display()),
        || agentops_store::check(&dir),
    );
    let report = checked.map_err(unusable)?;
    tell(&report, args.json, out)?;
    out.flush()?;
    if report.is_clean() {
        return Ok(());
    }
    let message = "the database is not as it should be; keep a copy of it, and restore a backup";
    Err(Problem::new(Exit::Failure, message).into())
}

fn tell(report: &CheckReport, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        let found = Found {
            clean: report.is_clean(),
            sessions: report.sessions,
            events: report.events,
            damages: &report.damages,
            wrong_sessions: report.wrong_sessions,
            wrong_rollups: report.wrong_rollups,
            orphans: report.orphans,
        };
        return out.json(&serde_json::to_string(&found)?);
    }
    let sessions = counted(report.sessions, "session");
    let events = counted(report.events, "event");
    out.line(format!("checked {sessions} and {events}"))?;
    for damage in &report.damages {
        out.line(format!("damaged: {damage}"))?;
    }
    for (count, what) in [
        (report.wrong_sessions, "session with wrong counts"),
        (report.wrong_rollups, "wrong hourly sum"),
        (report.orphans, "event without a session"),
    ] {
        if count > 0 {
            out.line(format!("{count} × {what}"))?;
        }
    }
    Ok(())
}

/// Copies the database to a new file. Works beside a running server.
pub(crate) fn backup(args: &Backup, out: &mut Out) -> anyhow::Result<()> {
    let dir = backend::data_dir(args.data_dir.as_deref())?;
    let copied = Progress::during(format!("copying the database of {}", dir.display()), || {
        agentops_store::backup(&dir, &args.file)
    });
    copied.map_err(unusable)?;
    let bytes = std::fs::metadata(&args.file).map_or(0, |file| file.len());
    out.line(format!("copied {bytes} bytes to {}", args.file.display()))
}

/// Puts a copy in the place of the database. Nobody may use the directory meanwhile.
pub(crate) fn restore(args: &Restore, out: &mut Out) -> anyhow::Result<()> {
    let dir = backend::data_dir(args.data_dir.as_deref())?;
    let busy = |error: &dyn std::fmt::Display| {
        let message = format!("data directory {} cannot be used: {error}", dir.display());
        Problem::new(Exit::DataDir, message)
    };
    let lock = agentops_server::lock_data_dir(&dir).map_err(|error| busy(&error))?;
    if lock.is_none() {
        return Err(busy(&"a server has it open; end the server, then restore").into());
    }
    if !args.replace && has_database(&dir) {
        let message = "there is a database already; --replace puts the backup in its place";
        return Err(Problem::new(Exit::Usage, message).into());
    }
    let restored = Progress::during(format!("restoring {}", args.file.display()), || {
        agentops_store::restore(&dir, &args.file)
    });
    let report = restored.map_err(unusable)?;
    if !report.is_clean() {
        note("the backup is whole, but some of its counts are wrong; see `agentops check`");
    }
    let sessions = counted(report.sessions, "session");
    let events = counted(report.events, "event");
    out.line(format!("restored {sessions} and {events}"))
}

/// Whether a database is there that anything was ever written to.
fn has_database(dir: &Path) -> bool {
    std::fs::metadata(dir.join("agentops.db")).is_ok_and(|file| file.len() > 0)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function value of map_err"
)]
fn unusable(error: OpenError) -> anyhow::Error {
    Problem::new(Exit::DataDir, error.to_string()).into()
}
