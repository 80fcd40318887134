//! The two lines at the end of `#[session]` on main. The only place of the SDK that prints.

use std::io::{IsTerminal, Write};

use crate::config::SummaryLine;
use crate::session::{Ended, Session};

/// Prints the line on stderr, where it is wanted.
pub(crate) fn print(session: &Session, ended: &Ended) {
    let mut stderr = std::io::stderr();
    let wanted = match session.client().settings().summary {
        SummaryLine::Always => true,
        SummaryLine::Never => false,
        SummaryLine::Auto => stderr.is_terminal(),
    };
    if !wanted || session.id().is_empty() {
        return;
    }
    // A closed stderr is no reason to disturb the program.
    let _ = writeln!(stderr, "{}", ended.stats_line());
    if let Some(url) = &ended.url {
        let _ = writeln!(stderr, "Session Replay: {url}");
    }
}
