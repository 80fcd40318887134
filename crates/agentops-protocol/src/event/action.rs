//! What only an action has.

use serde::ser::SerializeMap;

/// Something the agent did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Action {
    /// Its name.
    pub action_type: Option<String>,
    /// A URL, base64 PNG, or any other text.
    pub screenshot: Option<String>,
}

impl Action {
    pub(super) fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("action_type", &self.action_type)?;
        map.serialize_entry("screenshot", &self.screenshot)
    }
}
