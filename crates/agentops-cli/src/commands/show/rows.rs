//! One row an event: its place in the tree, its kind, when it ran, what it used.
//!
//! ```text
//! name with guides        kind   bar            duration  tokens, cost, trouble
//! plan                    action ████████████     1.90 s
//! ├─ gpt-4                llm     ████            800 ms  150+80 tok $0.00930
//! └─ search               tool          █          12 ms  error
//!    └─ SearchError       error  no route to host
//! ```

use std::ops::Range;

use agentops_protocol::{EventKind, Forest, Node, Timestamp};

use crate::output::{Line, Style};
use crate::text;
use crate::view::{Event, Session};

/// Columns of the kind and of the duration.
const KIND: usize = 6;
const DURATION: usize = 9;
/// Columns of the shortest bar that says something, and of the longest.
const SHORTEST_BAR: usize = 8;
const LONGEST_BAR: usize = 60;
/// Columns of a name at least, where there are as many.
const NARROWEST_NAME: usize = 12;
/// Columns that tokens and a cost usually take.
const DETAIL: usize = 21;
/// Columns that one level of the tree takes.
const LEVEL: usize = 3;

/// The rows of a session's events.
pub(crate) struct Rows<'a> {
    events: &'a [Event],
    nodes: Vec<Node>,
    limit: usize,
    layout: Layout,
    /// When the first event began and the last one ended, in microseconds.
    span: Range<i64>,
}

/// Columns, all of which together are the terminal's.
struct Layout {
    name: usize,
    /// Of the name, what guides may take.
    guides: usize,
    bar: usize,
    detail: usize,
    /// What an error's message may take.
    message: usize,
}

impl Layout {
    /// Columns for names of at most `longest` columns.
    fn new(width: usize, longest: usize) -> Self {
        let most = width * 2 / 5;
        let name = longest.clamp(NARROWEST_NAME.min(most), most);
        let left = width.saturating_sub(name + 1 + KIND + 1 + DURATION + 1);
        // Tokens and a cost come first: a bar only says where, they say what.
        let bar = (left * 2 / 5)
            .min(left.saturating_sub(DETAIL))
            .min(LONGEST_BAR);
        let bar = if bar < SHORTEST_BAR { 0 } else { bar };
        let gap = usize::from(bar > 0);
        Self {
            name,
            guides: most / 2,
            bar,
            detail: left.saturating_sub(bar + gap),
            message: width.saturating_sub(name + 1 + KIND + 1),
        }
    }
}

impl<'a> Rows<'a> {
    /// At most `limit` rows for a terminal of `width` columns.
    pub(crate) fn new(session: &Session, events: &'a [Event], limit: usize, width: usize) -> Self {
        let starts = events.iter().map(|event| event.init_timestamp);
        let ends = events.iter().map(|event| event.end_timestamp);
        let start = starts.clone().chain([session.init_timestamp]);
        let start = start.flatten().min();
        let end = starts.chain(ends).chain([session.end_timestamp]);
        let end = end.flatten().max();
        let micros = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_micros);
        let links = events
            .iter()
            .map(|event| (event.id.as_deref(), event.above()));
        let nodes: Vec<Node> = Forest::grow(links).walk().collect();
        let columns = |node: &Node| {
            let label = text::clean(events[node.index].label());
            node.depth.min(width) * LEVEL + text::width(&label)
        };
        let longest = nodes.iter().take(limit).map(columns).max();
        Self {
            events,
            nodes,
            limit,
            layout: Layout::new(width, longest.unwrap_or(0)),
            span: micros(start)..micros(end),
        }
    }

    /// The rows.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line> {
        // For each level above the current row: whether nothing more comes below there.
        let mut closed: Vec<bool> = Vec::new();
        self.nodes.iter().take(self.limit).map(move |node| {
            closed.truncate(node.depth);
            closed.push(node.last);
            self.line(node, &closed)
        })
    }

    fn line(&self, node: &Node, closed: &[bool]) -> Line {
        let event = &self.events[node.index];
        let layout = &self.layout;
        let guides = guides(closed, layout.guides);
        let left = layout.name.saturating_sub(text::width(&guides));
        let name = text::pad(&text::clean(event.label()), left);
        let color = if event.is_bad() {
            Style::Bad
        } else {
            Style::Plain
        };
        let kind = format!(" {} ", text::pad(event.kind_word(), KIND));
        let line = Line::new()
            .and(Style::Faint, guides)
            .and(color, name)
            .and(Style::Faint, kind);
        if event.kind == EventKind::Error {
            let message = event.message().unwrap_or_default();
            let message = text::clean(&message);
            return line.and(Style::Bad, text::cut(&message, layout.message));
        }
        let line = match layout.bar {
            0 => line,
            columns => line
                .and(Style::Accent, self.bar(event, columns))
                .and(Style::Plain, " "),
        };
        line.and(Style::Plain, text::right(&event.took(), DURATION))
            .and(color, detail(event, layout.detail))
    }

    /// When the event ran, within the session: at least one column.
    fn bar(&self, event: &Event, columns: usize) -> String {
        let start = event
            .init_timestamp
            .map_or(self.span.start, Timestamp::as_micros);
        let end = event
            .end_timestamp
            .map_or(self.span.end, Timestamp::as_micros);
        let whole = (i128::from(self.span.end) - i128::from(self.span.start)).max(1);
        let column = |at: i64| {
            let part = (i128::from(at) - i128::from(self.span.start)).clamp(0, whole);
            usize::try_from(part * columns as i128 / whole)
                .unwrap_or(columns)
                .min(columns)
        };
        let first = column(start).min(columns - 1);
        let after = column(end).clamp(first + 1, columns);
        let filling = if event.end_timestamp.is_some() {
            "█"
        } else {
            "░"
        };
        let (before, filled) = (" ".repeat(first), filling.repeat(after - first));
        format!("{before}{filled}{}", " ".repeat(columns - after))
    }
}

/// The lines that lead from the parents to a row. Too deep for them, the depth as a number.
fn guides(closed: &[bool], columns: usize) -> String {
    let Some((last, above)) = closed.split_last() else {
        return String::new();
    };
    if above.is_empty() {
        return String::new();
    }
    let end = if *last { "└─ " } else { "├─ " };
    if above.len() * LEVEL > columns {
        let depth = format!("{}⋯", above.len());
        return format!("{depth}{end}");
    }
    // The tops stand beside each other without a line of their own.
    let between = above[1..]
        .iter()
        .map(|closed| if *closed { "   " } else { "│  " });
    format!("{}{end}", between.collect::<String>())
}

/// What an event used and what went wrong, cut to what is left of the row.
fn detail(event: &Event, columns: usize) -> String {
    let detail = event.detail();
    match detail.is_empty() || columns == 0 {
        true => String::new(),
        false => format!(" {}", text::cut(&detail, columns)),
    }
}
