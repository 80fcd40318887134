//! `agentops doctor`: whether recording and reading can work here, and what to do where not.
//!
//! Every check says what it found; one that hinders something says what to do. Nothing is changed,
//! nothing that was recorded leaves the machine, and a key is only shown to the server it is for.

mod check;
mod directory;
mod server;

use std::process::ExitCode;

use serde::Serialize;

use self::check::{Check, State};
use crate::args::Doctor;
use crate::exit::Exit;
use crate::output::{Line, Out, Style};
use crate::text;

/// Columns of a check's name.
const NAME: usize = 15;

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    checks: &'a [Check],
}

pub(crate) fn run(args: &Doctor, out: &mut Out) -> anyhow::Result<ExitCode> {
    let mut checks = directory::checks(args.source.data_dir.as_deref());
    checks.extend(server::checks(&args.source));
    let ok = checks.iter().all(|check| check.state != State::Fault);
    if args.json {
        let report = Report {
            ok,
            checks: &checks,
        };
        out.json(&serde_json::to_string(&report)?)?;
    } else {
        print(&checks, out)?;
    }
    out.flush()?;
    let exit = if ok { Exit::Success } else { Exit::Failure };
    Ok(exit.into())
}

fn print<W: std::io::Write>(checks: &[Check], out: &mut Out<W>) -> anyhow::Result<()> {
    for check in checks {
        let (style, word) = match check.state {
            State::Good => (Style::Good, "ok"),
            State::Warning => (Style::Accent, "note"),
            State::Fault => (Style::Bad, "fault"),
        };
        out.line(
            Line::new()
                .and(style, text::pad(word, 6))
                .and(Style::Strong, text::pad(check.name, NAME))
                .and(Style::Plain, check.found.as_str()),
        )?;
        if let Some(fix) = &check.fix {
            let indent = " ".repeat(6 + NAME);
            out.line(Line::new().and(Style::Plain, format!("{indent}→ {fix}")))?;
        }
    }
    Ok(())
}
