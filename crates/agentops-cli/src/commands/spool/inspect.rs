//! `agentops spool inspect`: the lines of one program's directory.

use agentops_spool::{Ack, Directory, Line as Recorded, Position, Spool};
use anyhow::Context as _;
use serde_json::json;

use crate::args::Inspect;
use crate::backend;
use crate::exit::{Exit, Problem};
use crate::output::{Line, Out, Style};
use crate::text;

/// Lines and bytes that are read at once.
const LINES: usize = 256;
const BYTES: usize = 8 << 20;
/// Columns of a line where there is no terminal to fit it to.
const WIDTH: usize = 160;

pub(super) fn run(args: &Inspect, out: &mut Out) -> anyhow::Result<()> {
    let dir = backend::data_dir(args.data_dir.as_deref())?;
    let directory = find(&Spool::at(&dir), &args.name)?;
    let acknowledged = Ack::open(directory.path()).context("cannot read the acknowledgements")?;
    let acknowledged = acknowledged.position();
    let mut reader = directory.reader();
    let mut from = if args.waiting {
        acknowledged
    } else {
        Position::START
    };
    let mut left = args.limit as usize;
    loop {
        let batch = reader.next_batch(from, left.clamp(1, LINES), BYTES);
        let batch = batch.context("cannot read the directory")?;
        if batch.skipped > 0 && !args.json {
            out.line(Line::new().and(
                Style::Bad,
                format!("{} damaged", text::counted(batch.skipped, "line")),
            ))?;
        }
        for line in &batch.lines {
            if left == 0 {
                return out.line(format!(
                    "… and more; --limit {} shows more",
                    u64::from(args.limit) * 10
                ));
            }
            left -= 1;
            print(line, line.at < acknowledged, args.json, out)?;
        }
        if batch.end == from || (left == 0 && args.json) {
            return Ok(());
        }
        from = batch.end;
    }
}

fn print(line: &Recorded, is_done: bool, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        let line = json!({
            "n": line.n, "op": line.op.as_str(), "session_id": line.sid, "acknowledged": is_done,
            "body": line.body,
        });
        return out.json(&line.to_string());
    }
    let width = match out.wraps_at() {
        usize::MAX => WIDTH,
        width => width,
    };
    let (style, done) = if is_done {
        (Style::Faint, "sent")
    } else {
        (Style::Plain, "waits")
    };
    // No more of a large body is looked at than could be shown.
    let body: String = line.body.get().chars().take(width).collect();
    out.line(Line::fit(
        width,
        [
            (
                style,
                format!(
                    "{:>6} {} {} ",
                    line.n,
                    text::pad(done, 5),
                    text::pad(line.op.as_str(), 7)
                ),
            ),
            (
                Style::Accent,
                format!("{} ", text::pad(&text::clean(&line.sid), 8)),
            ),
            (style, text::clean(&body).into_owned()),
        ],
    ))
}

/// The directory whose name has this in it.
fn find(spool: &Spool, name: &str) -> anyhow::Result<Directory> {
    let directories = spool.directories().context("the spool cannot be read")?;
    let named = |directory: &Directory| {
        let own = directory.path().file_name().unwrap_or_default();
        own.to_string_lossy().into_owned()
    };
    let exact = directories
        .iter()
        .find(|directory| named(directory) == name);
    let mut fitting = directories
        .iter()
        .filter(|directory| named(directory).contains(name));
    let found = exact.or_else(|| fitting.next());
    let Some(found) = found else {
        let message = format!(
            "no directory {name:?} in the spool; `agentops spool status` shows what is there"
        );
        return Err(Problem::new(Exit::Failure, message).into());
    };
    if exact.is_none() && fitting.next().is_some() {
        let message = format!(
            "several directories have {name:?} in their names; give more of one, `agentops spool status` shows them"
        );
        return Err(Problem::new(Exit::Ambiguous, message).into());
    }
    Ok(found.clone())
}
