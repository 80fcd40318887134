//! Ids of events in the database.
//!
//! A UUID in its canonical spelling is a BLOB of 16 bytes, any other id is a TEXT: SQLite keeps
//! the two apart, so every id comes back letter by letter.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use uuid::Uuid;

use super::fault::Fault;

/// An id as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Ident<'a> {
    /// A UUID as `Uuid`'s `Display` writes it.
    Uuid([u8; 16]),
    /// Any other text.
    Text(&'a str),
}

impl<'a> Ident<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let mut canonical = [0; uuid::fmt::Hyphenated::LENGTH];
        match Uuid::try_parse(text) {
            Ok(id) if id.hyphenated().encode_lower(&mut canonical) == text => {
                Self::Uuid(id.into_bytes())
            }
            _ => Self::Text(text),
        }
    }
}

impl ToSql for Ident<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Uuid(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The text of a stored id; `None` for NULL.
pub(crate) fn text_of(value: ValueRef<'_>) -> Result<Option<String>, Fault> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => {
            let id = Uuid::from_slice(bytes).map_err(|_| Fault::Damaged("id"))?;
            Ok(Some(id.to_string()))
        }
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| Fault::Damaged("id"))?;
            Ok(Some(text.to_owned()))
        }
        ValueRef::Integer(_) | ValueRef::Real(_) => Err(Fault::Damaged("id")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_becomes_bytes() {
        let bytes = |text| matches!(Ident::of(text), Ident::Uuid(_));
        assert!(bytes("3951ab3c-c346-44f5-ba44-7ce3f548e86e"));
        for text in [
            "3951AB3C-c346-44f5-ba44-7ce3f548e86e",
            "3951ab3cc34644f5ba447ce3f548e86e",
            "{3951ab3c-c346-44f5-ba44-7ce3f548e86e}",
            "event-id-1234567",
            "sixteen bytes ok",
        ] {
            assert!(!bytes(text), "{text}");
        }
    }
}
