//! What only an error has.

use serde::ser::SerializeMap;

use super::kind::EventKind;
use crate::{EventId, Json, Timestamp};

/// Something that failed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ErrorInfo {
    /// The event that failed.
    pub trigger_event_id: Option<EventId>,
    /// That event's kind.
    pub trigger_event_type: Option<EventKind>,
    /// The error's type; `panic` for a panic.
    pub error_type: Option<String>,
    /// A code, as text or number.
    pub code: Option<Json>,
    /// What is known of it: text, or `{"message","chain":[…],"location"}`.
    pub details: Option<Json>,
}

impl ErrorInfo {
    /// The human-readable text: `details` itself, or the `message` inside it.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let details = self.details.as_ref()?;
        details.as_string().or_else(|| {
            details
                .to_value()
                .get("message")?
                .as_str()
                .map(str::to_owned)
        })
    }

    pub(super) fn entries<M: SerializeMap>(
        &self,
        map: &mut M,
        at: Timestamp,
    ) -> Result<(), M::Error> {
        map.serialize_entry("trigger_event_id", &self.trigger_event_id)?;
        let trigger = self.trigger_event_type.map(EventKind::as_str);
        map.serialize_entry("trigger_event_type", &trigger)?;
        map.serialize_entry("error_type", &self.error_type)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("details", &self.details)?;
        map.serialize_entry("timestamp", &at)
    }
}
