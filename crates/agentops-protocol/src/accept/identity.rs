//! Ids for events that come without one: 0.3.18's errors, the documentation's samples.
//!
//! The id follows from the session, the content and the ordinal among equals of the request, so
//! a retry of the request repeats it and stores nothing twice.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{EventId, SessionId};

/// The namespace of derived ids; a random UUID, never to change.
const NAMESPACE: Uuid = Uuid::from_u128(0x7d1c_3f0e_52a9_4b6e_9a41_0c8e_66d2_f3b7);

/// Derives ids within one request.
pub(super) struct Derived<'a> {
    session: Uuid,
    seen: HashMap<&'a str, u32>,
}

impl<'a> Derived<'a> {
    pub(super) fn new(session: &SessionId) -> Self {
        Self {
            session: Uuid::new_v5(&NAMESPACE, session.as_str().as_bytes()),
            seen: HashMap::new(),
        }
    }

    /// The id of an event with this text.
    pub(super) fn id(&mut self, content: &'a str) -> EventId {
        let ordinal = self.seen.entry(content).or_insert(0);
        let among_equals = Uuid::new_v5(&self.session, &ordinal.to_be_bytes());
        *ordinal += 1;
        Uuid::new_v5(&among_equals, content.as_bytes()).into()
    }
}
