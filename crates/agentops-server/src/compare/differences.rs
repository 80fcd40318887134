//! What differs in two events that answer to each other, and where.

use agentops_protocol::{ErrorInfo, Event, EventBody, Json, Llm};
use serde_json::Value;

use super::rows::{Difference, Part};
use super::values::{chat, tree};

/// Places that are told of one pair, and of all pairs together.
const IN_A_PAIR: usize = 12;
const IN_ALL: usize = 20_000;
/// Characters of a value or a path that are told.
const VALUE_CHARS: usize = 300;
/// Characters of a long value that are told before the first one that differs.
const BEFORE_CHARS: usize = 40;

/// How many places may still be told.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(IN_ALL)
    }
}

/// Reads a value of an event.
type Get = fn(&Event) -> Option<&Json>;
/// Makes of it what is compared.
type Read = fn(Option<&Json>) -> Option<Value>;

/// The values that are compared, with what they are to a reader.
const VALUES: [(Part, &str, Get, Read); 6] = [
    (
        Part::Arguments,
        "params",
        |event| event.params.as_ref(),
        tree,
    ),
    (
        Part::Arguments,
        "prompt",
        |event| llm(event)?.prompt.as_ref(),
        chat,
    ),
    (
        Part::Result,
        "returns",
        |event| event.returns.as_ref(),
        tree,
    ),
    (
        Part::Result,
        "completion",
        |event| llm(event)?.completion.as_ref(),
        chat,
    ),
    (
        Part::Result,
        "code",
        |event| error(event)?.code.as_ref(),
        tree,
    ),
    (
        Part::Result,
        "details",
        |event| error(event)?.details.as_ref(),
        tree,
    ),
];

fn llm(event: &Event) -> Option<&Llm> {
    match &event.body {
        EventBody::Llm(llm) => Some(llm),
        _ => None,
    }
}

fn error(event: &Event) -> Option<&ErrorInfo> {
    match &event.body {
        EventBody::Error(error) => Some(error),
        _ => None,
    }
}

/// What differs in two events, and the first places where.
pub(super) fn of(a: &Event, b: &Event, budget: &mut Budget) -> (Vec<Part>, Vec<Difference>) {
    let room = budget.0.min(IN_A_PAIR);
    let mut found = Found {
        parts: Vec::new(),
        differences: Vec::new(),
        room,
    };
    let model = |event| llm(event).and_then(|llm| llm.model.as_deref());
    found.text(Part::Model, "model", model(a), model(b));
    found.text(
        Part::Outcome,
        "status",
        Some(a.status.as_str()),
        Some(b.status.as_str()),
    );
    for (part, name, get, read) in VALUES {
        let (a, b) = (get(a), get(b));
        // Read only where the text differs; most of it does not.
        if a.map(Json::get) != b.map(Json::get) {
            found.value(part, name, read(a), read(b));
        }
    }
    budget.0 -= room - found.room;
    (found.parts, found.differences)
}

struct Found {
    parts: Vec<Part>,
    differences: Vec<Difference>,
    room: usize,
}

impl Found {
    fn text(&mut self, part: Part, name: &str, a: Option<&str>, b: Option<&str>) {
        if a != b {
            let [a, b] = [a, b].map(|text| text.map(Value::from));
            self.differ(part);
            self.tell(part, name, a.as_ref(), b.as_ref());
        }
    }

    fn value(&mut self, part: Part, name: &str, a: Option<Value>, b: Option<Value>) {
        if a != b {
            self.differ(part);
            self.inside(part, name, a.as_ref(), b.as_ref());
        }
    }

    fn differ(&mut self, part: Part) {
        if !self.parts.contains(&part) {
            self.parts.push(part);
        }
    }

    /// Tells the places below `path`, at most as deep as a recorded value may nest.
    fn inside(&mut self, part: Part, path: &str, a: Option<&Value>, b: Option<&Value>) {
        if self.room == 0 || a == b {
            return;
        }
        match (a, b) {
            (Some(Value::Object(left)), Some(Value::Object(right))) => {
                for (key, value) in left {
                    self.inside(part, &under(path, key), Some(value), right.get(key));
                }
                for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                    self.inside(part, &under(path, key), None, Some(value));
                }
            }
            (Some(Value::Array(left)), Some(Value::Array(right))) => {
                for at in 0..left.len().max(right.len()) {
                    let path = under(path, &at.to_string());
                    self.inside(part, &path, left.get(at), right.get(at));
                }
            }
            (a, b) => self.tell(part, path, a, b),
        }
    }

    fn tell(&mut self, part: Part, path: &str, a: Option<&Value>, b: Option<&Value>) {
        let Some(room) = self.room.checked_sub(1) else {
            return;
        };
        self.room = room;
        let [a, b] = match (a, b) {
            (Some(Value::String(a)), Some(Value::String(b))) => {
                let from = first_difference(a, b).saturating_sub(BEFORE_CHARS);
                [a, b].map(|text| Some(Value::from(excerpt(text, from)).to_string()))
            }
            values => <[_; 2]>::from(values)
                .map(|value| value.map(|value| excerpt(&value.to_string(), 0))),
        };
        let path = excerpt(path, 0);
        self.differences.push(Difference { part, path, a, b });
    }
}

fn under(path: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    format!("{}/{name}", excerpt(path, 0))
}

/// The number of characters that two texts have in common at their beginning.
fn first_difference(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// What is told of a text, from the character `from` on.
fn excerpt(text: &str, from: usize) -> String {
    let from = if text.len() <= VALUE_CHARS { 0 } else { from };
    let mut chars = text.chars().skip(from);
    let mut told = String::from(if from > 0 { "…" } else { "" });
    told.extend(chars.by_ref().take(VALUE_CHARS));
    if chars.next().is_some() {
        told.push('…');
    }
    told
}
