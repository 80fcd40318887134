//! Recorded values: any JSON, kept as text and known to be readable again.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::limits::JSON_DEPTH;

/// A recorded JSON value, kept as the text it came in.
///
/// `serde_json` hands raw text through that it refuses to read later: nesting of any depth, a
/// lone surrogate, `1e999`. Every way to make a `Json` reads the text once in full, so whatever
/// was accepted can be exported.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

/// Why a text is no acceptable JSON value.
#[derive(Debug, thiserror::Error)]
#[error("not acceptable JSON: {0}")]
pub struct JsonError(#[from] serde_json::Error);

impl Json {
    /// Reads `text` in full and keeps it.
    ///
    /// # Errors
    /// Text that is no JSON, nests deeper than [`JSON_DEPTH`] levels, holds a lone surrogate or a number
    /// beyond `f64`.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Self::from_raw(serde_json::from_str::<Box<RawValue>>(text)?)
    }

    /// Checks raw text that has been split off a larger document.
    ///
    /// # Errors
    /// As [`Json::parse`].
    pub fn from_raw(raw: Box<RawValue>) -> Result<Self, JsonError> {
        let mut text = serde_json::Deserializer::from_str(raw.get());
        Reader(JSON_DEPTH).deserialize(&mut text)?;
        Ok(Self(raw))
    }

    /// Any serialisable value as JSON.
    ///
    /// # Errors
    /// What `serde_json` refuses to write, a map with keys that are no strings for one.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, JsonError> {
        Ok(Self(serde_json::value::to_raw_value(value)?))
    }

    /// A JSON string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self(serde_json::value::to_raw_value(text).expect("a string is always written"))
    }

    /// The text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.get() == "null"
    }

    /// The text of a JSON string; `None` for any other value.
    #[must_use]
    pub fn as_string(&self) -> Option<String> {
        if self.get().starts_with('"') {
            serde_json::from_str(self.get()).ok()
        } else {
            None
        }
    }

    /// The value as a tree.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(self.get()).expect("the text was read when it was accepted")
    }

    /// The text as a raw value.
    #[must_use]
    pub fn into_raw(self) -> Box<RawValue> {
        self.0
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl PartialEq for Json {
    /// Equal as values: the order of keys and the spelling of numbers and spaces do not count.
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get() || self.to_value() == other.to_value()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_raw(raw).map_err(serde::de::Error::custom)
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(serde_json::value::to_raw_value(&value).expect("a tree of JSON is always written"))
    }
}

/// Reads a whole value and keeps nothing; how many levels it may still nest. serde's
/// `IgnoredAny` would skip over the text unread.
#[derive(Clone, Copy)]
struct Reader(usize);

impl Reader {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.0.checked_sub(1) {
            Some(left) => Ok(Self(left)),
            None => Err(E::custom(format_args!(
                "nested deeper than {JSON_DEPTH} levels"
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        // A key is read as text too, so that a broken escape in it is found.
        while entries.next_entry_seed(Reader(0), inner)?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_later_is_refused_now() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for text in [
            deep.as_str(),
            "1e999",
            "\"\\ud800\"",
            "{\"\\udc00\":1}",
            "[1,]",
            "",
            "nan",
        ] {
            assert!(
                Json::parse(text).is_err(),
                "{}",
                &text[..text.len().min(20)]
            );
        }
    }

    #[test]
    fn the_text_is_kept_as_it_came() {
        let text = r#"{"b":1.50, "a":[null,"\u00e9"]}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
        assert_eq!(json, Json::parse(r#"{"a":[null,"é"],"b":1.5}"#).unwrap());
    }

    #[test]
    fn depth_up_to_the_limit_is_accepted_and_read_again() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        let json = Json::parse(&nested(JSON_DEPTH)).unwrap();
        // An export wraps a value in a few levels of its own and must be readable as well.
        let export = serde_json::to_string(&[[[[json]]]]).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&export).is_ok());
        assert!(Json::parse(&nested(JSON_DEPTH + 1)).is_err());
    }
}
