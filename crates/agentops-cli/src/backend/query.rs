//! Which events are asked for, in the words of the API and in those of the store.

use agentops_protocol::{EventKind, Timestamp};
use agentops_store::{Cursor, EventFilter, PageSize};

use crate::exit::{Exit, Problem};

/// Which events of one session, or of all.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventQuery {
    pub(crate) kind: Option<EventKind>,
    pub(crate) name: Option<String>,
    pub(crate) failed: bool,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    pub(crate) bodies: bool,
    pub(crate) limit: u16,
    pub(crate) cursor: Option<String>,
}

impl EventQuery {
    /// A page of so many events, without what they worked on.
    pub(crate) fn page(limit: u16) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// As the API takes it behind the `?`.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("limit", self.limit.to_string())];
        let mut add = |name, value: Option<String>| {
            pairs.extend(value.map(|value| (name, value)));
        };
        let flag = |is_set: bool| is_set.then(|| "true".to_owned());
        add("kind", self.kind.map(|kind| kind.as_str().to_owned()));
        add("name", self.name.clone());
        add("failed", flag(self.failed));
        add("from", self.from.map(|at| at.to_string()));
        add("to", self.to.map(|at| at.to_string()));
        add("bodies", flag(self.bodies));
        add("cursor", self.cursor.clone());
        pairs
    }

    /// As the store takes it.
    pub(super) fn filter(&self) -> EventFilter {
        let mut filter = EventFilter::default();
        filter.kind = self.kind;
        filter.name.clone_from(&self.name);
        filter.failed = self.failed;
        filter.from = self.from;
        filter.to = self.to;
        filter.heads_only = !self.bodies;
        filter
    }

    pub(super) fn place(&self) -> Result<(PageSize, Option<Cursor>), Problem> {
        let size = PageSize::new(self.limit.into());
        let size = size.ok_or_else(|| Problem::new(Exit::Usage, "limit: expected 1 to 500"))?;
        Ok((size, self.cursor.clone().map(Cursor)))
    }
}
