//! The shapes that schemas are put together from.

use serde_json::{Map, Value, json};

/// The schema of this name.
pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// An object of exactly these members, all of them there.
pub(super) fn exact(members: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "properties": properties(members),
        "required": names,
        "additionalProperties": false,
    })
}

/// An object of which these members are read; others are ignored.
pub(super) fn open(members: &[(&str, Value)], required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties(members), "required": required})
}

fn properties(members: &[(&str, Value)]) -> Value {
    let members = members.iter();
    let named: Map<String, Value> = members
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    named.into()
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn maybe_text() -> Value {
    json!({"type": ["string", "null"]})
}

pub(super) fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

pub(super) fn maybe_count() -> Value {
    json!({"type": ["integer", "null"], "minimum": 0})
}

pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(super) fn maybe_time() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

/// An exact decimal number of dollars.
pub(super) fn dollars() -> Value {
    json!({"type": "string", "pattern": "^-?[0-9]+\\.[0-9]+$"})
}

pub(super) fn maybe_dollars() -> Value {
    json!({"type": ["string", "null"], "pattern": "^-?[0-9]+\\.[0-9]+$"})
}

pub(super) fn word(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

pub(super) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// Any JSON value.
pub(super) fn any() -> Value {
    json!({})
}

pub(super) fn counts() -> Value {
    json!({"type": "object", "additionalProperties": count()})
}

pub(super) fn id() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 128})
}

pub(super) fn end_state() -> Value {
    word(&["Success", "Fail", "Indeterminate"])
}
