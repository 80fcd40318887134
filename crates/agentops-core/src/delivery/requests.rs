//! Lines of the spool become requests, session by session, in order. Pure.

use agentops_spool::Op;
use serde_json::value::RawValue;

use super::item::Item;

/// Most bytes of events in one request; a single larger event goes alone.
const REQUEST_BYTES: usize = 4 << 20;

/// One request of a session.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) call: Call,
    /// What it carries; more than one only for events.
    pub(crate) items: Vec<Item>,
}

/// Which call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    CreateSession,
    UpdateSession,
    CreateEvents,
    UpdateEvents,
    CreateAgent,
}

impl Call {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::CreateSession => "/v2/create_session",
            Self::UpdateSession => "/v2/update_session",
            Self::CreateEvents => "/v2/create_events",
            Self::UpdateEvents => "/v2/update_events",
            Self::CreateAgent => "/v2/create_agent",
        }
    }

    fn of(op: Op) -> Self {
        match op {
            Op::Session => Self::CreateSession,
            Op::Agent => Self::CreateAgent,
            Op::Event | Op::Open => Self::CreateEvents,
            _ => Self::UpdateSession,
        }
    }
}

impl Step {
    /// A request of its own.
    pub(crate) fn new(call: Call, items: Vec<Item>) -> Self {
        Self { call, items }
    }

    /// The numbers of its lines.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.items.iter().map(|item| item.n)
    }

    /// A name for what it carries, the same at every try: which lines of which writer.
    pub(crate) fn batch_id(&self, source: &str) -> String {
        let (first, last) = match (self.items.first(), self.items.last()) {
            (Some(first), Some(last)) => (first.n, last.n),
            _ => (0, 0),
        };
        format!("{source}-{first}-{last}-{}", self.items.len())
    }

    /// The request's body.
    pub(crate) fn body(&self) -> Vec<u8> {
        let bodies = self.items.iter().map(|item| item.body.get());
        match self.call {
            Call::CreateSession | Call::UpdateSession => wrapped("{\"session\":", bodies, "}"),
            Call::CreateEvents | Call::UpdateEvents => wrapped("{\"events\":[", bodies, "]}"),
            Call::CreateAgent => wrapped("", bodies, ""),
        }
    }

    /// The two halves of a request for more than one event.
    pub(crate) fn halves(mut self) -> (Self, Self) {
        let second = self.items.split_off(self.items.len() / 2);
        (
            Self::new(self.call, self.items),
            Self::new(self.call, second),
        )
    }
}

fn wrapped<'a>(open: &str, bodies: impl Iterator<Item = &'a str>, close: &str) -> Vec<u8> {
    let mut text = open.as_bytes().to_vec();
    for (index, body) in bodies.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(body.as_bytes());
    }
    text.extend_from_slice(close.as_bytes());
    text
}

/// The requests of each session, sessions in the order of their first line.
pub(crate) fn steps(items: Vec<Item>, max_events: usize) -> Vec<(String, Vec<Step>)> {
    let mut sessions: Vec<(String, Vec<Step>)> = Vec::new();
    let mut at = std::collections::HashMap::new();
    let mut bytes: Vec<usize> = Vec::new();
    for item in items {
        let index = *at.entry(item.sid.clone()).or_insert_with(|| {
            sessions.push((item.sid.clone(), Vec::new()));
            bytes.push(0);
            sessions.len() - 1
        });
        let steps = &mut sessions[index].1;
        let call = Call::of(item.op);
        let size = item.body.get().len();
        match steps.last_mut() {
            Some(last)
                if call == Call::CreateEvents
                    && last.call == call
                    && last.items.len() < max_events
                    && bytes[index] + size <= REQUEST_BYTES =>
            {
                bytes[index] += size;
                last.items.push(item);
            }
            _ => {
                bytes[index] = size;
                steps.push(Step::new(call, vec![item]));
            }
        }
    }
    sessions
}

/// The `id` of an event's body.
pub(crate) fn event_id(body: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: Option<String>,
    }
    serde_json::from_str::<Id>(body.get()).ok()?.id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(op: Op, sid: &str, body: &str) -> Item {
        Item {
            n: 1,
            op,
            sid: sid.to_owned(),
            body: RawValue::from_string(body.to_owned()).unwrap(),
            at: agentops_spool::Position::START,
        }
    }

    #[test]
    fn neighbouring_events_of_a_session_share_a_request_and_order_is_kept() {
        let items = vec![
            item(Op::Session, "a", "{}"),
            item(Op::Event, "a", "1"),
            item(Op::Event, "b", "2"),
            item(Op::Event, "a", "3"),
            item(Op::Event, "a", "4"),
            item(Op::Update, "a", "{}"),
            item(Op::Event, "a", "5"),
        ];
        let text: Vec<_> = steps(items, 2)
            .into_iter()
            .flat_map(|(sid, steps)| {
                steps.into_iter().map(move |step| {
                    format!(
                        "{sid} {} {}",
                        step.call.path(),
                        String::from_utf8(step.body()).unwrap()
                    )
                })
            })
            .collect();
        assert_eq!(
            text,
            [
                "a /v2/create_session {\"session\":{}}",
                "a /v2/create_events {\"events\":[1,3]}",
                "a /v2/create_events {\"events\":[4]}",
                "a /v2/update_session {\"session\":{}}",
                "a /v2/create_events {\"events\":[5]}",
                "b /v2/create_events {\"events\":[2]}",
            ]
        );
    }
}
