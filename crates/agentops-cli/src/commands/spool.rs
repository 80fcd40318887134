//! `agentops spool`: what programs left on this machine, for whom, and sending it.

mod flush;
mod inspect;
pub(super) mod left;

use std::process::ExitCode;

use serde::Serialize;

use self::left::Left;
use crate::args::{Spool, Status};
use crate::backend;
use crate::exit::Exit;
use crate::output::{Line, Out, Style};
use crate::text;

/// Columns of a directory's name.
const NAME: usize = 32;

pub(crate) fn run(args: &Spool, out: &mut Out) -> anyhow::Result<ExitCode> {
    match args {
        Spool::Status(args) => status(args, out)?,
        Spool::Inspect(args) => inspect::run(args, out)?,
        Spool::Flush(args) => return flush::run(args, out),
    }
    out.flush()?;
    Ok(Exit::Success.into())
}

#[derive(Serialize)]
struct Found<'a> {
    data_dir: String,
    /// Lines that a server refused for good, kept in `quarantine.ndjson`.
    refused: u64,
    directories: &'a [Left],
}

fn status(args: &Status, out: &mut Out) -> anyhow::Result<()> {
    let dir = backend::data_dir(args.data_dir.as_deref())?;
    let found = left::all(&dir)?;
    let refused = left::refused(&dir)?;
    if args.json {
        let found = Found {
            data_dir: dir.display().to_string(),
            refused,
            directories: &found,
        };
        return out.json(&serde_json::to_string(&found)?);
    }
    if found.is_empty() {
        out.line(format!("nothing waits in {}", dir.display()))?;
    } else {
        table(&found, out)?;
    }
    if refused > 0 {
        let lines = text::counted(refused, "line");
        out.line(format!(
            "{lines} that a server refused for good: {}",
            dir.join(left::QUARANTINE).display()
        ))?;
    }
    Ok(())
}

fn table(found: &[Left], out: &mut Out) -> anyhow::Result<()> {
    let width = out.wraps_at();
    let head = format!(
        "{} {:<7} {:>8} {:>10}  for",
        text::pad("directory", NAME),
        "writer",
        "waiting",
        "bytes"
    );
    out.line(Line::new().and(Style::Faint, text::cut(&head, width)))?;
    for left in found {
        let (style, writer) = if left.live {
            (Style::Good, "runs")
        } else {
            (Style::Plain, "gone")
        };
        let (waiting, bytes) = (left.waiting, left.bytes);
        let damaged = match left.damaged {
            0 => String::new(),
            damaged => format!("  {damaged} damaged"),
        };
        out.line(Line::fit(
            width,
            [
                (Style::Plain, text::pad(&text::clean(&left.name), NAME)),
                (style, format!(" {}", text::pad(writer, 7))),
                (
                    Style::Plain,
                    format!(" {waiting:>8} {bytes:>10}  {}", text::clean(&left.whom())),
                ),
                (Style::Bad, damaged),
            ],
        ))?;
    }
    Ok(())
}
