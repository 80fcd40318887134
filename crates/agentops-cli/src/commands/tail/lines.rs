//! How what happens is printed: a line, or an object a line.

use std::collections::HashMap;
use std::io::Write;

use agentops_protocol::Timestamp;

use crate::commands::show::head;
use crate::output::{Line, Out, Style};
use crate::text;
use crate::view::{Event, OneSession};

/// Events whose depth is remembered.
const PLACES: usize = 50_000;
/// Columns of one level, and how many levels are indented.
const LEVEL: usize = 2;
const DEEPEST: usize = 12;
/// Columns of a session's id, a name with its indentation, a kind and a duration.
const ID: usize = 8;
const NAME: usize = 36;
const KIND: usize = 6;
const DURATION: usize = 9;

/// One event: as it came, and read.
pub(super) struct Came {
    pub(super) raw: String,
    pub(super) event: Event,
}

/// The printer of what happens.
pub(super) struct Lines {
    json: bool,
    /// How deep events stand, by their ids.
    depths: HashMap<String, usize>,
}

impl Lines {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            depths: HashMap::new(),
        }
    }

    /// Notes where an event stands, before it is shown or what is inside it.
    pub(super) fn place(&mut self, event: &Event) {
        if self.depths.len() > PLACES {
            // Then a few lines stand too far to the left.
            self.depths.clear();
        }
        let above = event.above().and_then(|above| self.depths.get(above));
        let depth = above.map_or(0, |above| above + 1);
        if let Some(id) = &event.id {
            self.depths.insert(id.clone(), depth);
        }
    }

    pub(super) fn event<W: Write>(
        &self,
        came: &Came,
        with_session: bool,
        out: &mut Out<W>,
    ) -> anyhow::Result<()> {
        let event = &came.event;
        if self.json {
            return out.json(&format!("{{\"event\":{}}}", came.raw));
        }
        let at = event.end_timestamp.or(event.init_timestamp);
        let depth = event.id.as_ref().and_then(|id| self.depths.get(id));
        let indent = " ".repeat(depth.copied().unwrap_or(0).min(DEEPEST) * LEVEL);
        let name = format!("{indent}{}", text::clean(event.label()));
        let style = match event.trouble() {
            Some("running") => Style::Faint,
            _ if event.is_bad() => Style::Bad,
            _ => Style::Plain,
        };
        let duration = text::right(&event.took(), DURATION);
        let rest = event.about();
        let session = match (&event.session_id, with_session) {
            (Some(id), true) => {
                let id: String = text::clean(id).chars().take(ID).collect();
                format!("{} ", text::pad(&id, ID))
            }
            _ => String::new(),
        };
        out.line(Line::fit(
            out.wraps_at(),
            [
                (Style::Faint, format!("{} {session}", clock(at))),
                (style, text::pad(&name, NAME)),
                (
                    Style::Faint,
                    format!(" {} ", text::pad(event.kind_word(), KIND)),
                ),
                (Style::Plain, duration),
                (style, format!("  {rest}")),
            ],
        ))
    }

    pub(super) fn begins<W: Write>(
        &self,
        raw: &str,
        one: &OneSession,
        out: &mut Out<W>,
    ) -> anyhow::Result<()> {
        self.session(raw, one, Style::Strong, "begins", "", out)
    }

    pub(super) fn ends<W: Write>(
        &self,
        raw: &str,
        one: &OneSession,
        out: &mut Out<W>,
    ) -> anyhow::Result<()> {
        let state = one.session.end_state.as_deref().unwrap_or("Indeterminate");
        let style = match state {
            "Success" => Style::Good,
            "Fail" => Style::Bad,
            _ => Style::Plain,
        };
        let mut said = format!(": {state}");
        if let Some(reason) = one
            .session
            .end_state_reason
            .as_deref()
            .and_then(|r| r.lines().next())
        {
            said.push_str(&format!(", {}", text::clean(reason)));
        }
        if let Some(stats) = &one.stats {
            said.push_str(&format!(
                ", {}, cost {}",
                text::counted(stats.events, "event"),
                head::cost(stats)
            ));
        }
        self.session(raw, one, style, "ended", &said, out)
    }

    fn session<W: Write>(
        &self,
        raw: &str,
        one: &OneSession,
        style: Style,
        word: &str,
        said: &str,
        out: &mut Out<W>,
    ) -> anyhow::Result<()> {
        if self.json {
            return out.json(raw);
        }
        let session = &one.session;
        let at = if word == "ended" {
            session.end_timestamp
        } else {
            session.init_timestamp
        };
        let id = text::clean(session.id()).into_owned();
        out.line(
            Line::new()
                .and(Style::Faint, format!("{} ", clock(at)))
                .and(style, format!("session {id} {word}{said}")),
        )
    }
}

/// The time of day in UTC, to the millisecond.
fn clock(at: Option<Timestamp>) -> String {
    match at {
        Some(at) => at.to_string()[11..23].to_owned(),
        None => " ".repeat(12),
    }
}
