//! `agentops sessions list`: one line a session, newest first.

use std::io::Write;

use agentops_protocol::EndState;
use agentops_protocol::api::{SessionList, SessionSummary, Stats};
use anyhow::Context as _;

use crate::args::List;
use crate::backend::Backend;
use crate::output::{Line, Out, Style};
use crate::text;

/// Columns of a UUID.
const ID: usize = 36;

pub(crate) fn run(args: &List, out: &mut Out) -> anyhow::Result<()> {
    let backend = Backend::open(&args.source)?;
    let page = &args.page;
    let list = backend.list(page.limit, page.cursor.as_deref())?;
    if page.json {
        return out.json(&serde_json::to_string(&list).context("cannot write the list")?);
    }
    if list.sessions.is_empty() && page.cursor.is_none() {
        return teach(&backend.place(), out);
    }
    print(&list, out)
}

/// What to say where nothing has been recorded.
fn teach<W: Write>(place: &str, out: &mut Out<W>) -> anyhow::Result<()> {
    out.line(format!("no sessions in {place}"))?;
    out.line("")?;
    out.line("A program records one when its main function is marked:")?;
    out.line("")?;
    out.line("    #[agentops::session]")?;
    out.line("    fn main() { … }")?;
    out.line("")?;
    out.line("Without a key and an endpoint it records to the local data directory.")
}

fn print<W: Write>(list: &SessionList, out: &mut Out<W>) -> anyhow::Result<()> {
    let id = list
        .sessions
        .iter()
        .map(|s| text::width(&text::clean(&s.session_id)));
    let width = out.wraps_at();
    // An id in full, or as much of it as is enough to name the session by.
    let most = if width == usize::MAX { width } else { ID };
    let id = id.max().unwrap_or(0).clamp("session".len(), most);
    let head = format!(
        "{} {} {:<9} {:<7} {:>6} {:>4}  cost",
        text::pad("session", id),
        text::pad("started (UTC)", 19),
        "duration",
        "state",
        "events",
        "errs",
    );
    out.line(Line::new().and(Style::Faint, text::cut(&head, width)))?;
    for session in &list.sessions {
        out.line(row(session, id, width))?;
    }
    if let Some(cursor) = &list.next_cursor {
        out.line("")?;
        out.line(format!(
            "older ones: agentops sessions list --cursor {}",
            quoted(cursor)
        ))?;
    }
    Ok(())
}

fn row(session: &SessionSummary, id: usize, width: usize) -> Line {
    let stats = &session.stats;
    let (style, state) = match (session.status.as_str(), session.end_state) {
        (_, EndState::Success) => (Style::Good, "Success"),
        (_, EndState::Failure) => (Style::Bad, "Fail"),
        ("running", EndState::Indeterminate) => (Style::Accent, "running"),
        (_, EndState::Indeterminate) => (Style::Faint, "unknown"),
    };
    let shown = text::clean(&session.session_id);
    let shown = text::pad(&shown, id);
    let started = text::date(session.init_timestamp);
    let duration = text::pad(&text::seconds(stats.duration), 9);
    let bad = if stats.errors > 0 {
        Style::Bad
    } else {
        Style::Plain
    };
    let mut rest = format!("  {}", cost(stats));
    if !session.tags.is_empty() {
        rest.push_str("  ");
        rest.push_str(&text::clean(&session.tags.join(", ")));
    }
    let pieces = [
        (Style::Plain, format!("{shown} {started} {duration} ")),
        (style, text::pad(state, 7)),
        (Style::Plain, format!(" {:>6} ", stats.events)),
        (bad, format!("{:>4}", stats.errors)),
        (Style::Plain, rest),
    ];
    Line::fit(width, pieces)
}

/// The cost as far as it is known.
pub(super) fn cost(stats: &Stats) -> String {
    match stats.cost {
        Some(cost) => format!("${cost}"),
        None => format!("${} + ?", stats.cost_known),
    }
}

/// A word of a shell's command line.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~=:/+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn list(json: &str) -> SessionList {
        serde_json::from_str(json).unwrap()
    }

    const TWO: &str = r#"{"sessions":[
        {"session_id":"6dca2baa-5fba-486e-a617-97ff5da1bcd3","project_id":"p",
         "init_timestamp":"2024-03-14T12:00:00Z","end_timestamp":"2024-03-14T12:05:00Z",
         "end_state":"Fail","end_state_reason":"boom","tags":["production","v2"],"status":"ended",
         "stats":{"events":5,"errors":1,"duration":300.5,"cost":"0.00930","cost_known":"0.00930"}},
        {"session_id":"night\u001b[2Jly/\u202e7","project_id":"p",
         "init_timestamp":"2024-03-14T11:00:00Z","end_timestamp":null,
         "end_state":"Indeterminate","end_state_reason":null,"tags":[],"status":"running",
         "stats":{"events":12,"errors":0,"duration":0.012,"cost":null,"cost_known":"0.5"}}],
        "next_cursor":"it's"}"#;

    #[test]
    fn sessions_fit_the_terminal() {
        let mut out = Out::memory(Some(100), false);
        print(&list(TWO), &mut out).unwrap();
        expect![[r#"
            session                              started (UTC)       duration  state   events errs  cost
            6dca2baa-5fba-486e-a617-97ff5da1bcd3 2024-03-14 12:00:00 5 m 00 s  Fail         5    1  $0.00930  p…
            night\u{1b}[2Jly/\u{202e}7           2024-03-14 11:00:00 12 ms     running     12    0  $0.50000 + ?

            older ones: agentops sessions list --cursor 'it'\''s'
        "#]].assert_eq(out.text());
        for width in [40, 60, 80] {
            let mut out = Out::memory(Some(width), false);
            print(&list(TWO), &mut out).unwrap();
            let rows = out.text().lines().take(3);
            for row in rows {
                assert!(text::width(row) <= width, "{width}: {row:?}");
            }
        }
    }

    #[test]
    fn an_empty_directory_teaches() {
        let mut out = Out::memory(None, false);
        teach("/data", &mut out).unwrap();
        assert!(out.text().starts_with("no sessions in /data\n"));
        assert!(out.text().contains("#[agentops::session]"));
    }
}
