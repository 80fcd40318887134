//! `agentops sessions show`: the facts of a session and the tree of its events.

pub(super) mod head;
mod rows;

use std::io::Write;

use agentops_protocol::api::Stats;
use anyhow::Context as _;

use self::rows::Rows;
use crate::args::Show;
use crate::backend::{Backend, EventQuery};
use crate::output::Out;
use crate::view::{self, Event, EventPage, Export, OneSession, Session};

/// Events of one page.
const PAGE: u16 = 500;

pub(crate) fn run(args: &Show, out: &mut Out) -> anyhow::Result<()> {
    let backend = Backend::open(&args.source)?;
    if args.json {
        return out.json(&backend.export(&args.id)?);
    }
    let limit = args.limit as usize;
    let shown = backend.of_session(&args.id, |id| Shown::read(&backend, id, limit))?;
    shown.print(limit, out)
}

/// Prints the facts and the tree of an export, at most `limit` events.
pub(super) fn print<W: Write>(export: &str, limit: usize, out: &mut Out<W>) -> anyhow::Result<()> {
    Shown::of(export)?.print(limit, out)
}

/// A session with as many of its events as are shown.
struct Shown {
    session: Session,
    stats: Option<Stats>,
    /// The first ones, in the order they began: so nobody's parent is missing.
    events: Vec<Event>,
    /// How many there are in all.
    total: usize,
}

impl Shown {
    /// The session of exactly this id, with at most `limit` events; the rest is not read.
    fn read(backend: &Backend, id: &str, limit: usize) -> anyhow::Result<Option<Self>> {
        let Some(text) = backend.session(id)? else {
            // Perhaps a server of another kind, which has exports only.
            return backend
                .export_exactly(id)?
                .as_deref()
                .map(Self::of)
                .transpose();
        };
        let one: OneSession = serde_json::from_str(&text).context("the session cannot be read")?;
        let mut events = Vec::new();
        let mut query = EventQuery::page(PAGE);
        while events.len() < limit {
            query.limit = PAGE.min(u16::try_from(limit - events.len()).unwrap_or(PAGE));
            let Some(text) = backend.events(id, &query)? else {
                break;
            };
            let page = EventPage::read(&text)?;
            events.extend(page.events()?);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        view::sort(&mut events);
        let counted = one.stats.as_ref().map_or(0, |stats| stats.events);
        let counted = usize::try_from(counted).unwrap_or(usize::MAX);
        Ok(Some(Self {
            session: one.session,
            stats: one.stats,
            // More may have come since they were counted.
            total: counted.max(events.len()),
            events,
        }))
    }

    /// The session of an export.
    fn of(export: &str) -> anyhow::Result<Self> {
        let mut export: Export =
            serde_json::from_str(export).context("the export cannot be read")?;
        let events = export.take_events();
        Ok(Self {
            session: export.session,
            stats: export.stats,
            total: events.len(),
            events,
        })
    }

    fn print<W: Write>(&self, limit: usize, out: &mut Out<W>) -> anyhow::Result<()> {
        let Self { session, stats, .. } = self;
        for line in head::lines(session, stats.as_ref(), &self.events, self.total) {
            out.line(line)?;
        }
        if self.events.is_empty() {
            return Ok(());
        }
        out.line("")?;
        let rows = Rows::new(session, &self.events, limit, out.width());
        for row in rows.lines() {
            out.line(row)?;
        }
        match self.total - self.events.len().min(limit) {
            0 => Ok(()),
            more => out.line(format!(
                "… and {more} more; --limit {} shows all, export has everything",
                self.total
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::*;
    use crate::text;

    fn shown(export: &Value, limit: usize, width: usize) -> String {
        let mut out = Out::memory(Some(width), false);
        print(&export.to_string(), limit, &mut out).unwrap();
        out.text().to_owned()
    }

    fn at(millis: u64) -> String {
        format!(
            "2024-03-14T12:00:{:02}.{:03}000+00:00",
            millis / 1_000,
            millis % 1_000
        )
    }

    fn example() -> Value {
        json!({
            "session": {"id": "6dca2baa-5fba-486e-a617-97ff5da1bcd3", "init_timestamp": at(0),
                "end_timestamp": at(2_000), "end_state": "Fail", "end_state_reason": "tool broke",
                "tags": ["research", "v2"], "dropped": {"disk_full": 3}},
            "actions": [{"id": "a", "action_type": "plan", "init_timestamp": at(0),
                "end_timestamp": at(1_900), "status": "ok"}],
            "llms": [{"id": "l", "parent_id": "a", "model": "gpt-4", "init_timestamp": at(100),
                "end_timestamp": at(900), "status": "ok", "prompt_tokens": 150,
                "completion_tokens": 80, "cost": 0.00930}],
            "tools": [
                {"id": "t", "parent_id": "a", "name": "search", "init_timestamp": at(1_000),
                 "end_timestamp": at(1_012), "status": "error"},
                {"id": "u", "parent_id": "t", "name": "日本語で書かれたとても長い名前のツール",
                 "init_timestamp": at(1_001), "end_timestamp": null, "status": "interrupted"}],
            "errors": [{"id": "e", "parent_id": null, "trigger_event_id": "t",
                "error_type": "SearchError", "init_timestamp": at(1_011), "end_timestamp": at(1_011),
                "status": "error",
                "details": {"message": "no route to \u{1b}[31mhost\nline two", "chain": []}}],
            "stats": {"session_id": "s", "cost": "0.00930", "cost_known": "0.00930", "events": 5,
                "actions": 1, "llms": 1, "tools": 2, "errors": 1, "prompt_tokens": 150,
                "completion_tokens": 80, "duration": 2.0, "status": "ended"}
        })
    }

    fn check(export: &Value, limit: usize, width: usize, expected: &Expect) {
        expected.assert_eq(&shown(export, limit, width));
    }

    #[test]
    fn the_tree_in_eighty_columns() {
        check(
            &example(),
            500,
            80,
            &expect![[r#"
                session   6dca2baa-5fba-486e-a617-97ff5da1bcd3
                state     Fail: tool broke
                started   2024-03-14 12:00:00 UTC
                duration  2.00 s
                tags      research, v2
                cost      $0.00930
                tokens    150 prompt, 80 completion
                events    5: 1 action, 1 LLM call, 2 tool calls, 1 error
                lost      3 disk_full

                plan                             action ████████     1.90 s
                ├─ gpt-4                         llm    ████         800 ms 150+80 tok $0.00930
                └─ search                        tool       █         12 ms error
                   ├─ 日本語で書かれたとても長…  tool       ░░░░░         … interrupted
                   └─ SearchError                error  no route to \u{1b}[31mhost\nline two
            "#]],
        );
    }

    #[test]
    fn the_tree_in_few_columns_and_with_a_limit() {
        check(
            &example(),
            3,
            50,
            &expect![[r#"
                session   6dca2baa-5fba-486e-a617-97ff5da1bcd3
                state     Fail: tool broke
                started   2024-03-14 12:00:00 UTC
                duration  2.00 s
                tags      research, v2
                cost      $0.00930
                tokens    150 prompt, 80 completion
                events    5: 1 action, 1 LLM call, 2 tool calls, 1 error
                lost      3 disk_full

                plan         action    1.90 s
                ├─ gpt-4     llm       800 ms 150+80 tok $0.00930
                └─ search    tool       12 ms error
                … and 2 more; --limit 5 shows all, export has everything
            "#]],
        );
    }

    #[test]
    fn a_session_of_nothing_known() {
        check(
            &json!({"session": {"session_id": "s"}}),
            500,
            80,
            &expect![[r#"
                session   s
                state     running
                events    none
            "#]],
        );
    }

    #[test]
    fn a_reason_of_many_lines_is_cut_at_some() {
        let traceback = "Traceback:\n  File \"a.py\"\nValueError: boom\u{1b}[2J\n";
        let state = |reason: &str| {
            let session = json!({"id": "s", "end_state": "Fail", "end_state_reason": reason});
            let shown = shown(&json!({ "session": session }), 500, 80);
            let (_, state) = shown.split_once('\n').unwrap();
            state.split_once("events").unwrap().0.to_owned()
        };
        expect![[r#"
            state     Fail: Traceback:
                        File "a.py"
                      ValueError: boom\u{1b}[2J
        "#]]
        .assert_eq(&state(traceback));
        assert!(state(&"x\n".repeat(1_000)).lines().count() < 30);
    }

    #[test]
    fn every_row_fits_its_terminal() {
        for width in [40, 50, 61, 80, 120, 200] {
            let shown = shown(&example(), 500, width);
            let (_, tree) = shown.split_once("\n\n").unwrap();
            for row in tree.lines() {
                assert!(text::width(row) <= width, "{width}: {row:?}");
            }
        }
    }

    #[test]
    fn fifty_thousand_events_in_one_chain_stay_readable() {
        let event = |n: u64| {
            let parent = n.checked_sub(1).map(|parent| parent.to_string());
            json!({"id": n.to_string(), "parent_id": parent, "action_type": format!("step {n}"),
                "init_timestamp": at(n / 10), "end_timestamp": at(n / 10 + 1), "status": "ok"})
        };
        let events: Vec<Value> = (0..50_000).map(event).collect();
        let export = json!({"session": {"id": "s", "init_timestamp": at(0)}, "actions": events});
        let text = shown(&export, 200, 80);
        assert!(
            text.ends_with("… and 49800 more; --limit 50000 shows all, export has everything\n")
        );
        for row in text.lines() {
            assert!(text::width(row) <= 80, "{row:?}");
        }
        assert!(text.contains("step 199"), "deep names are shown: {text}");
        assert_eq!(
            text.lines().filter(|row| row.contains("step ")).count(),
            200
        );
    }
}
