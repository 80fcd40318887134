//! The fields of a span or an event, as values: what came last counts.

use std::fmt::Debug;

use agentops_core::llm::Squeeze;
use agentops_core::observe::debug_text;
use serde_json::Value;
use tracing::field::{Field, Visit};

/// Most bytes of a field that are looked at. What is recorded of it is less: `max_field_bytes`.
const MOST_BYTES: usize = 1 << 20;

/// Longest string that is kept of JSON which is longer than that.
const LONGEST_STRING: usize = 16 << 10;

/// Fields by name.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// Takes over all of another, which came later.
    pub(crate) fn extend(&mut self, later: Fields) {
        for (name, value) in later.0 {
            self.set(name, value);
        }
    }

    fn set(&mut self, name: &'static str, value: Value) {
        // No span has more names than its callsite has fields, so this is short.
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// A field that has a value.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, value)| value)
            .filter(|value| **value != Value::Null && **value != "")
    }

    /// The first of these that has a value.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The first of these that is a text.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name)?.as_str())
    }

    /// The first of these that is a count, as number or as text.
    pub(crate) fn count(&self, names: &[&str]) -> Option<u64> {
        names.iter().find_map(|name| count(self.get(name)?))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A count, however it is written.
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        // Some libraries have only floats.
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64)),
        _ => None,
    }
}

/// A text that holds JSON, as what it says; else the text.
pub(crate) fn parsed(value: &Value) -> Value {
    let Value::String(text) = value else {
        return value.clone();
    };
    let text = text.trim_start();
    if text.starts_with(['{', '[']) {
        serde_json::from_str(text).unwrap_or_else(|_| value.clone())
    } else {
        value.clone()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field.name(), debug_text(value, MOST_BYTES).into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), bounded(value).into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.set(field.name(), value.to_string().into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(field.name(), value.to_string().into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }
}

/// A text of bounded length; JSON stays JSON, with its long strings cut.
fn bounded(text: &str) -> String {
    if text.len() <= MOST_BYTES {
        return text.to_owned();
    }
    if text.trim_start().starts_with(['{', '[']) {
        let mut squeeze = Squeeze::new(MOST_BYTES, LONGEST_STRING);
        squeeze.push(text.as_bytes());
        if let Some(json) = squeeze
            .finish()
            .and_then(|json| String::from_utf8(json).ok())
        {
            return json;
        }
    }
    let end = (0..=MOST_BYTES).rev().find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].to_owned()
}
