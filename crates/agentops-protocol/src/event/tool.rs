//! What only a tool call has.

use serde::ser::SerializeMap;

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tool {
    /// The tool's name.
    pub name: Option<String>,
}

impl Tool {
    pub(super) fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("name", &self.name)
    }
}
