//! One JSON object, field by field, with the path of what is being read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Refusal;
use crate::{IdError, Json, Patch, Timestamp, Usd, limits};

/// The members of an object in the order they came, their values unread.
pub(super) struct Object<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(24));
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &RawValue>()? {
                    members.push((key, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'a> Object<'a> {
    /// Reads a request body.
    pub(super) fn of_body(body: &'a [u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(body)
            .map_err(|error| Refusal::new("body", format!("not UTF-8: {error}")))?;
        serde_json::from_str(text)
            .map_err(|error| Refusal::new("body", format!("expected a JSON object: {error}")))
    }

    /// Reads a value inside a body.
    pub(super) fn of_value(path: &str, raw: &'a RawValue) -> Result<Self, Refusal> {
        serde_json::from_str(raw.get()).map_err(|_| expected(path, "an object", raw))
    }

    /// The last member of that name that is not null.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self
            .0
            .iter()
            .rev()
            .find(|(key, raw)| key == name && raw.get() != "null");
        found.map(|(_, raw)| *raw)
    }
}

/// The refusal of a value of the wrong type.
pub(super) fn expected(path: &str, what: &str, raw: &RawValue) -> Refusal {
    let got = match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    };
    Refusal::new(path, format!("expected {what}, got {got}"))
}

/// A value that has a type of its own on the wire.
pub(super) trait Field: Sized {
    fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal>;
}

/// A field of a partial update: `null` clears.
pub(super) fn patch<T: Field>(path: &str, raw: &RawValue) -> Result<Patch<T>, Refusal> {
    if raw.get() == "null" {
        Ok(Patch::Clear)
    } else {
        T::read(path, raw).map(Patch::Set)
    }
}

/// As [`patch`], where an empty string stands for `null`: clients write `""` for no id.
pub(super) fn patch_id<T: Field>(path: &str, raw: &RawValue) -> Result<Patch<T>, Refusal> {
    if raw.get() == "\"\"" {
        Ok(Patch::Clear)
    } else {
        patch(path, raw)
    }
}

impl Field for String {
    fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal> {
        if !raw.get().starts_with('"') {
            return Err(expected(path, "a string", raw));
        }
        serde_json::from_str(raw.get()).map_err(|error| Refusal::new(path, error.to_string()))
    }
}

/// A short text that names something.
pub(super) struct Name(pub(super) String);

impl Field for Name {
    fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal> {
        let text = String::read(path, raw)?;
        if text.len() > limits::NAME_BYTES {
            let message = format!("expected at most {} bytes", limits::NAME_BYTES);
            return Err(Refusal::new(path, message));
        }
        Ok(Self(text))
    }
}

impl Field for Json {
    fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal> {
        Json::from_raw(raw.to_owned()).map_err(|error| Refusal::new(path, error.to_string()))
    }
}

impl Field for Timestamp {
    fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal> {
        if !raw.get().starts_with('"') {
            return Err(expected(
                path,
                "an RFC 3339 time like 2024-03-14T12:00:00Z",
                raw,
            ));
        }
        let text = String::read(path, raw)?;
        text.parse()
            .map_err(|error: crate::TimeError| Refusal::new(path, error.to_string()))
    }
}

/// The largest count: every JSON reader keeps whole numbers up to here, and sums of many fit.
const MOST: u64 = 1 << 53;

impl Field for u64 {
    /// Takes `3.0` as well: JavaScript clients know one kind of number only.
    fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal> {
        let number = match raw.get().parse::<u64>() {
            Ok(number) => Some(number),
            Err(_) => match serde_json::from_str::<f64>(raw.get()) {
                Ok(number) => whole(number),
                Err(_) => return Err(expected(path, "a whole number", raw)),
            },
        };
        number
            .filter(|number| *number <= MOST)
            .ok_or_else(|| Refusal::new(path, format!("expected a whole number from 0 to {MOST}")))
    }
}

/// A float that is a whole number not below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and not negative by the guard; one beyond u64 stops at its end"
)]
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

impl Field for Usd {
    fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal> {
        let text = match raw.get().as_bytes().first() {
            Some(b'"') => String::read(path, raw)?,
            Some(b'0'..=b'9' | b'-') => raw.get().to_owned(),
            _ => return Err(expected(path, "a decimal amount of US dollars", raw)),
        };
        match text.parse::<Usd>() {
            Ok(cost) if cost >= Usd::ZERO => Ok(cost),
            Ok(_) => Err(Refusal::new(path, "a cost must not be negative")),
            Err(error) => Err(Refusal::new(path, error.to_string())),
        }
    }
}

macro_rules! id_fields {
    ($($id:ty),*) => {$(
        impl Field for $id {
            fn read(path: &str, raw: &RawValue) -> Result<Self, Refusal> {
                Self::try_from(String::read(path, raw)?)
                    .map_err(|error: IdError| Refusal::new(path, error.to_string()))
            }
        }
    )*};
}
id_fields!(
    crate::SessionId,
    crate::EventId,
    crate::AgentId,
    crate::ThreadId
);
