//! The kinds of event, and their names.

use std::fmt;

/// The kinds of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Something the agent did.
    Action,
    /// A call of a language model.
    Llm,
    /// A call of a tool.
    Tool,
    /// Something that failed.
    Error,
}

impl EventKind {
    /// All kinds, in the order of an export's lists.
    pub const ALL: [Self; 4] = [Self::Action, Self::Llm, Self::Tool, Self::Error];

    /// The plural that goes over the wire as `event_type` and names an export's list.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "actions",
            Self::Llm => "llms",
            Self::Tool => "tools",
            Self::Error => "errors",
        }
    }

    /// The kind of a documented name, singular or plural, any case; `None` for any other text,
    /// which is an action of that type.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        let singular = name.strip_suffix(['s', 'S']).unwrap_or(name);
        Self::ALL.into_iter().find(|kind| {
            singular.eq_ignore_ascii_case(kind.as_str().strip_suffix('s').unwrap_or_default())
        })
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_every_documented_name() {
        for (name, kind) in [
            ("action", EventKind::Action),
            ("actions", EventKind::Action),
            ("llms", EventKind::Llm),
            ("LLM", EventKind::Llm),
            ("tool", EventKind::Tool),
            ("errors", EventKind::Error),
        ] {
            assert_eq!(EventKind::from_name(name), Some(kind), "{name}");
        }
        assert_eq!(EventKind::from_name("apis"), None);
        assert_eq!(EventKind::from_name(""), None);
    }
}
