//! Ids: any non-empty string up to [`limits::ID_BYTES`], UUIDs recommended.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits;

/// Why a string is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The string is empty.
    #[error("an id must not be empty; use a UUID or any other unique string")]
    Empty,
    /// The string is longer than [`limits::ID_BYTES`].
    #[error("an id has at most {max} bytes, this one has {0}; use a UUID", max = limits::ID_BYTES)]
    TooLong(usize),
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// Parsing fails for an empty string and for one over 128 bytes.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as it goes over the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                match text.len() {
                    0 => Err(IdError::Empty),
                    n if n > limits::ID_BYTES => Err(IdError::TooLong(n)),
                    _ => Ok(Self(text)),
                }
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id.to_string())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    };
}

id! {
    /// A session; unique within its project.
    SessionId
}
id! {
    /// An event; unique within its session.
    EventId
}
id! {
    /// An agent; unique within its session.
    AgentId
}
id! {
    /// A thread of LLM calls; unique within its session.
    ThreadId
}
id! {
    /// A project; given by the server.
    ProjectId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_non_empty_string_up_to_128_bytes_is_an_id() {
        assert_eq!(
            "agent-123".parse::<AgentId>().unwrap().as_str(),
            "agent-123"
        );
        assert_eq!("".parse::<EventId>(), Err(IdError::Empty));
        assert!("x".repeat(128).parse::<SessionId>().is_ok());
        assert_eq!(
            "x".repeat(129).parse::<SessionId>(),
            Err(IdError::TooLong(129))
        );
    }

    #[test]
    fn an_invalid_id_is_refused_when_read_from_json() {
        assert!(serde_json::from_str::<EventId>("\"\"").is_err());
        let id: EventId = serde_json::from_str("\"event-id-123\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"event-id-123\"");
    }
}
