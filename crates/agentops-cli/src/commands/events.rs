//! `agentops events`: one line an event, of all sessions, the newest arrival first.

use std::io::Write;

use agentops_protocol::{EventKind, Timestamp};

use super::list::quoted;
use crate::args::{self, Kind};
use crate::backend::{Backend, EventQuery};
use crate::exit::{Exit, Problem};
use crate::output::{Line, Out, Style};
use crate::text;
use crate::view::{Event, EventPage};

/// Columns of a session's id on a terminal: enough to name it by, as a rule.
const ID: usize = 8;
/// Columns of the kind, the name and the duration.
const KIND: usize = 6;
const NAME: usize = 28;
const DURATION: usize = 9;

pub(crate) fn run(args: &args::Events, out: &mut Out) -> anyhow::Result<()> {
    let query = query(args)?;
    let backend = Backend::open(&args.source)?;
    let page = backend.found(&query)?;
    if args.page.json {
        return out.json(&page);
    }
    let page = EventPage::read(&page)?;
    let events = page.events()?;
    if events.is_empty() && page.next_cursor.is_none() {
        return out.line(format!("no such events in {}", backend.place()));
    }
    print(&events, out)?;
    if let Some(cursor) = &page.next_cursor {
        out.line("")?;
        out.line(format!(
            "older ones: the same command with --cursor {}",
            quoted(cursor)
        ))?;
    }
    Ok(())
}

fn query(args: &args::Events) -> anyhow::Result<EventQuery> {
    let kind = args.kind.map(|kind| match kind {
        Kind::Actions => EventKind::Action,
        Kind::Llms => EventKind::Llm,
        Kind::Tools => EventKind::Tool,
        Kind::Errors => EventKind::Error,
    });
    let time = |name: &str, text: &Option<String>| -> anyhow::Result<Option<Timestamp>> {
        let Some(text) = text else {
            return Ok(None);
        };
        let at = text
            .parse()
            .or_else(|_| format!("{text}T00:00:00Z").parse());
        at.map(Some).map_err(|_| {
            let message =
                format!("{name}: expected a day as 2024-03-14, or a time as 2024-03-14T12:00:00Z");
            Problem::new(Exit::Usage, message).into()
        })
    };
    Ok(EventQuery {
        // A model is the name of an LLM call.
        kind: kind.or(args.model.as_ref().map(|_| EventKind::Llm)),
        name: args.model.clone().or_else(|| args.name.clone()),
        failed: args.failed,
        from: time("--from", &args.from)?,
        to: time("--to", &args.to)?,
        bodies: args.bodies,
        limit: args.page.limit,
        cursor: args.page.cursor.clone(),
    })
}

fn print<W: Write>(events: &[Event], out: &mut Out<W>) -> anyhow::Result<()> {
    let width = out.wraps_at();
    let ids = events
        .iter()
        .map(|event| text::width(&text::clean(session(event))));
    let most = if width == usize::MAX { width } else { ID };
    let id = ids.max().unwrap_or(0).min(most).max("session".len());
    let head = format!(
        "{} {} {} {} {:>DURATION$}  details",
        text::pad("began (UTC)", 19),
        text::pad("session", id),
        text::pad("kind", KIND),
        text::pad("name", NAME),
        "duration",
    );
    out.line(Line::new().and(Style::Faint, text::cut(&head, width)))?;
    for event in events {
        out.line(row(event, id, width))?;
    }
    Ok(())
}

fn session(event: &Event) -> &str {
    event.session_id.as_deref().unwrap_or("?")
}

fn row(event: &Event, id: usize, width: usize) -> Line {
    let style = if event.is_bad() {
        Style::Bad
    } else {
        Style::Plain
    };
    let began = event
        .init_timestamp
        .map_or_else(|| "?".to_owned(), text::date);
    let duration = text::right(&event.took(), DURATION);
    let details = event.about();
    let session = text::clean(session(event)).into_owned();
    let session: String = session.chars().take(id).collect();
    Line::fit(
        width,
        [
            (
                Style::Faint,
                format!("{} {} ", text::pad(&began, 19), text::pad(&session, id)),
            ),
            (
                Style::Faint,
                format!("{} ", text::pad(event.kind_word(), KIND)),
            ),
            (style, text::pad(&text::clean(event.label()), NAME)),
            (Style::Plain, format!(" {duration}  ")),
            (style, details),
        ],
    )
}
