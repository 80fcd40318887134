//! A session as a tree in the terminal: who called whom, how long, how many tokens, what failed.

use std::collections::{HashMap, HashSet};
use std::io::{Result, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::screen::{Look, Screen, printable};

/// Names longer than this are cut.
const NAME_WIDTH: usize = 40;

/// Arguments longer than this are cut.
const ARGUMENT_WIDTH: usize = 24;

/// Error texts longer than this are cut.
const ERROR_WIDTH: usize = 72;

/// Nested deeper than this, calls are shown at this level.
const MOST_LEVELS: usize = 12;

/// Writes the tree of an exported session.
pub(crate) fn write<W: Write>(screen: &mut Screen<W>, export: &Value) -> Result<()> {
    let tree = Tree::of(export);
    let rows = tree.rows();
    let width = rows.iter().map(Row::width).max().unwrap_or(0);
    for row in &rows {
        row.write(screen, width)?;
    }
    Ok(())
}

/// How long something took, short enough to compare at a glance.
pub(crate) fn short_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.2} s"),
        s => format!("{:.0} m {:02.0} s", (s / 60.0).floor(), s % 60.0),
    }
}

/// One event of the session.
struct Node<'a> {
    id: &'a str,
    parent: Option<&'a str>,
    kind: &'static str,
    name: &'a str,
    argument: Option<&'a str>,
    began: &'a str,
    duration: Option<Duration>,
    tokens: Option<(u64, u64)>,
    cost: Option<String>,
    status: &'a str,
    error: Option<String>,
}

struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    children: HashMap<&'a str, Vec<usize>>,
    tops: Vec<usize>,
}

impl<'a> Tree<'a> {
    fn of(export: &'a Value) -> Self {
        let mut nodes = nodes(export);
        nodes.sort_by_key(|node| node.began);
        let known: HashSet<&str> = nodes.iter().map(|node| node.id).collect();
        let mut children: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut tops = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            match node.parent.filter(|parent| known.contains(parent)) {
                Some(parent) => children.entry(parent).or_default().push(at),
                None => tops.push(at),
            }
        }
        Self {
            nodes,
            children,
            tops,
        }
    }

    /// The rows from top to bottom. Events that are each other's parents hang on nothing; they
    /// are left out rather than followed for ever.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        let mut waiting: Vec<(usize, usize, String, bool)> = self
            .tops
            .iter()
            .rev()
            .map(|&at| (at, 0, String::new(), true))
            .collect();
        while let Some((at, level, indent, is_last)) = waiting.pop() {
            let node = &self.nodes[at];
            let (branch, below) = match (level, is_last) {
                (0, _) => ("", ""),
                (_, true) => ("└─ ", "   "),
                (_, false) => ("├─ ", "│  "),
            };
            rows.push(Row {
                branch: format!("{indent}{branch}"),
                node,
            });
            let indent = if level < MOST_LEVELS {
                format!("{indent}{below}")
            } else {
                indent
            };
            let children = self.children.get(node.id).map_or(&[][..], Vec::as_slice);
            let last = children.len().saturating_sub(1);
            for (place, &child) in children.iter().enumerate().rev() {
                waiting.push((child, level + 1, indent.clone(), place == last));
            }
        }
        rows
    }
}

/// The events of an export. An error that an event of the session triggered is shown on that event's row.
fn nodes(export: &Value) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    for (list, kind) in [("actions", "action"), ("llms", "llm"), ("tools", "tool")] {
        nodes.extend(
            list_of(export, list)
                .iter()
                .filter_map(|event| node(event, kind)),
        );
    }
    for error in list_of(export, "errors") {
        let trigger = error["trigger_event_id"].as_str();
        match nodes.iter_mut().find(|node| Some(node.id) == trigger) {
            Some(node) => node.error = Some(error_text(error)),
            None => nodes.extend(node(error, "error")),
        }
    }
    nodes
}

fn list_of<'a>(export: &'a Value, list: &str) -> &'a [Value] {
    export[list].as_array().map_or(&[], Vec::as_slice)
}

fn node<'a>(event: &'a Value, kind: &'static str) -> Option<Node<'a>> {
    let text = |key: &str| event[key].as_str();
    let name = match kind {
        "action" => text("action_type"),
        "llm" => text("model"),
        "tool" => text("name"),
        _ => text("error_type"),
    };
    let tokens = (
        event["prompt_tokens"].as_u64(),
        event["completion_tokens"].as_u64(),
    );
    let cost = match &event["cost"] {
        Value::Null if kind == "llm" => Some("cost unknown".to_owned()),
        Value::Number(cost) => Some(format!("${cost}")),
        Value::String(cost) => Some(format!("${}", printable(cost, 16))),
        _ => None,
    };
    Some(Node {
        id: text("id")?,
        parent: text("parent_id"),
        kind,
        name: name.unwrap_or("(no name)"),
        argument: first_text(&event["params"]),
        began: text("init_timestamp")
            .or(text("timestamp"))
            .unwrap_or_default(),
        duration: duration(text("init_timestamp"), text("end_timestamp")),
        tokens: tokens.0.zip(tokens.1),
        cost,
        status: text("status").unwrap_or("ok"),
        error: (kind == "error").then(|| error_text(event)),
    })
}

/// The first argument that is a text: it tells calls of the same name apart.
fn first_text(params: &Value) -> Option<&str> {
    params.as_object()?.values().find_map(Value::as_str)
}

fn duration(start: Option<&str>, end: Option<&str>) -> Option<Duration> {
    let start: Timestamp = start?.parse().ok()?;
    let end: Timestamp = end?.parse().ok()?;
    Duration::try_from(end.duration_since(start)).ok()
}

/// Type and message of an error, for one line.
fn error_text(error: &Value) -> String {
    let details = &error["details"];
    let message = details["message"]
        .as_str()
        .or(details.as_str())
        .unwrap_or_default();
    let kind = error["error_type"].as_str().unwrap_or("error");
    // The last part of a path such as `my_crate::tools::ToolError` is the name people know it by.
    let kind = kind.rsplit("::").next().unwrap_or(kind);
    printable(&format!("{kind}: {message}"), ERROR_WIDTH)
}

struct Row<'a> {
    branch: String,
    node: &'a Node<'a>,
}

impl Row<'_> {
    fn name(&self) -> String {
        printable(self.node.name, NAME_WIDTH)
    }

    fn argument(&self) -> String {
        self.node.argument.map_or_else(String::new, |text| {
            format!(" {}", printable(text, ARGUMENT_WIDTH))
        })
    }

    fn width(&self) -> usize {
        [&self.branch, &self.name(), &self.argument()]
            .iter()
            .map(|text| text.chars().count())
            .sum()
    }

    fn write<W: Write>(&self, screen: &mut Screen<W>, width: usize) -> Result<()> {
        let node = self.node;
        let argument = self.argument();
        let failed = node.error.is_some() || node.status != "ok";
        screen.put(Look::Faint, format_args!("  {}", self.branch))?;
        screen.put(if failed { Look::Bad } else { Look::Strong }, self.name())?;
        screen.put(Look::Faint, &argument)?;
        let took = node
            .duration
            .map_or_else(|| node.status.to_owned(), short_duration);
        let gap = width - self.width();
        screen.put(
            Look::Plain,
            format_args!("{:gap$}  {:<6} {:>9}", "", node.kind, printable(&took, 12)),
        )?;
        if let Some((prompt, completion)) = node.tokens {
            screen.put(
                Look::Plain,
                format_args!("   {prompt} → {completion} tokens"),
            )?;
        }
        if let Some(cost) = &node.cost {
            screen.put(Look::Faint, format_args!("   {cost}"))?;
        }
        match &node.error {
            Some(error) => screen.put(Look::Bad, format_args!("   ✗ {error}"))?,
            None if failed => screen.put(
                Look::Bad,
                format_args!("   ✗ {}", printable(node.status, 16)),
            )?,
            None => {}
        }
        screen.line(Look::Plain, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn drawn(export: &Value) -> String {
        let mut bytes = Vec::new();
        write(&mut Screen::plain(&mut bytes), export).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn event(id: &str, parent: Option<&str>, start: u32, more: Value) -> Value {
        let mut event = json!({
            "id": id, "parent_id": parent, "status": "ok",
            "init_timestamp": format!("2026-01-01T00:00:0{start}.000000+00:00"),
            "end_timestamp": "2026-01-01T00:00:09.500000+00:00",
        });
        for (key, value) in more.as_object().unwrap() {
            event[key] = value.clone();
        }
        event
    }

    #[test]
    fn calls_hang_under_their_callers_in_the_order_of_their_start() {
        let export = json!({
            "actions": [
                event("b", Some("a"), 3, json!({"action_type": "plan"})),
                event("a", None, 1, json!({"action_type": "answer"})),
            ],
            "llms": [event("c", Some("b"), 4, json!({
                "model": "m", "prompt_tokens": 5, "completion_tokens": 6, "cost": null}))],
            "tools": [event("d", Some("a"), 2, json!({"name": "read", "status": "error",
                "params": {"lines": 2, "name": "a.md"}}))],
            "errors": [event("e", Some("d"), 2, json!({
                "trigger_event_id": "d", "error_type": "crate::ToolError",
                "details": {"message": "no\nfile"}}))],
        });
        let expected = "  answer        action    8.50 s
  ├─ read a.md  tool      7.50 s   ✗ ToolError: no file
  └─ plan       action    6.50 s
     └─ m       llm       5.50 s   5 → 6 tokens   cost unknown
";
        assert_eq!(drawn(&export), expected);
    }

    #[test]
    fn recorded_text_cannot_reach_the_terminal_as_control() {
        let evil = "\x1b]0;owned\x07";
        let export = json!({
            "actions": [event(evil, None, 1, json!({"action_type": evil, "status": evil, "params": {"a": evil}}))],
            "llms": [event("l", None, 1, json!({"model": evil, "cost": evil}))],
            "tools": [event("t", None, 1, json!({"name": evil, "end_timestamp": null, "status": evil}))],
            "errors": [event("x", None, 1, json!({"error_type": evil, "details": evil}))],
        });
        let drawn = drawn(&export);
        assert!(
            !drawn.chars().any(|c| c.is_control() && c != '\n'),
            "{drawn:?}"
        );
    }

    #[test]
    fn circles_and_strangers_do_not_hang_it() {
        let export = json!({"actions": [
            event("a", Some("b"), 1, json!({"action_type": "a"})),
            event("b", Some("a"), 1, json!({"action_type": "b"})),
            event("c", Some("gone"), 1, json!({"action_type": "c"})),
            {"no": "id"},
        ]});
        assert_eq!(drawn(&export).lines().count(), 1);
        assert_eq!(drawn(&json!(null)), "");
    }

    #[test]
    fn durations_are_short() {
        for (micros, expected) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_500, "1.5 ms"),
            (2_340_000, "2.34 s"),
            (61_000_000, "1 m 01 s"),
        ] {
            assert_eq!(short_duration(Duration::from_micros(micros)), expected);
        }
    }
}
