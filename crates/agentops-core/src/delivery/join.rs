//! Start records and end records become events.
//!
//! A call whose end is here is one `event` line. A call still open at the end of a tick is one
//! `open` line, once, so that it is on disk with its arguments if the process dies; its `event`
//! line later says everything again.
//!
//! A call that moved between threads may end in a buffer that is taken before the one it started
//! in: such an end waits one tick for its start.

use std::collections::HashMap;

use agentops_protocol::{EventKind, Timestamp};
use serde::Deserialize;

use crate::recording::clock::Anchor;
use crate::recording::record::Record;
use crate::recording::{AgentSlot, CallId, Kind, Outcome, Slot};
use crate::tally::LlmFacts;

/// Members at the head of a start's fields that replace its own time.
pub(crate) const OWN_START: &[u8] = b"\"init_timestamp\":";
/// Members at the head of an end's fields that replace its own time.
pub(crate) const OWN_END: &[u8] = b"\"end_timestamp\":";

/// Most ends that wait for their starts.
const MAX_ORPHANS: usize = 65_536;

/// Joins the records of all threads.
#[derive(Default)]
pub(crate) struct Join {
    open: HashMap<u64, Open>,
    /// Calls that started since the last tick.
    fresh: Vec<u64>,
    /// Open calls by session.
    counts: HashMap<u32, usize>,
    orphans: Vec<Orphan>,
}

/// A call that has not ended.
struct Open {
    session: Slot,
    parent: CallId,
    agent: AgentSlot,
    kind: Kind,
    name: String,
    start_us: i64,
    fields: Vec<u8>,
    /// The segment of the spool that says that it runs.
    told_in: Option<u32>,
}

struct Orphan {
    id: CallId,
    end: End,
    ticks: u8,
}

struct End {
    at_us: i64,
    outcome: Outcome,
    fields: Vec<u8>,
    error: Vec<u8>,
}

/// What is known of a call when it is written.
#[derive(Clone, Copy)]
enum State {
    Running,
    Interrupted,
    Ended(i64, Outcome),
}

/// One event that is complete, with what counts of it.
pub(crate) struct Joined {
    pub(crate) session: Slot,
    pub(crate) kind: EventKind,
    pub(crate) end_us: i64,
    /// When it began and its id: what began first is written first, and of one microsecond what
    /// its thread began first. Readers break ties by the order of arrival, and a call belongs
    /// before those inside it.
    pub(crate) order: (i64, u64),
    /// The canonical event.
    pub(crate) json: Vec<u8>,
}

/// What joins look up while they write.
pub(crate) trait Names {
    /// The id of an agent of this process.
    fn agent(&self, agent: AgentSlot) -> Option<String>;
    /// The event of another process that is the parent of a session's outermost calls.
    fn outer_parent(&self, session: Slot) -> Option<String>;
}

impl Join {
    /// Takes one record; events that are complete now go to `out`.
    pub(crate) fn feed(
        &mut self,
        record: &Record<'_>,
        anchor: &Anchor,
        names: &dyn Names,
        out: &mut Vec<Joined>,
    ) {
        match *record {
            Record::Start {
                id,
                parent,
                session,
                agent,
                kind,
                name,
                at,
                fields,
            } => {
                let open = Open {
                    session,
                    parent,
                    agent,
                    kind,
                    name: name.to_owned(),
                    start_us: anchor.wall_us(at),
                    fields: fields.to_vec(),
                    told_in: None,
                };
                *self.counts.entry(session.index()).or_insert(0) += 1;
                self.open.insert(id.0, open);
                self.fresh.push(id.0);
            }
            Record::End {
                id,
                at,
                outcome,
                fields,
                error,
                ..
            } => {
                let end_us = anchor.wall_us(at);
                match self.remove(id) {
                    Some(open) => open.close(id, end_us, outcome, fields, error, names, out),
                    None if self.orphans.len() < MAX_ORPHANS => {
                        let (fields, error) = (fields.to_vec(), error.to_vec());
                        let end = End {
                            at_us: end_us,
                            outcome,
                            fields,
                            error,
                        };
                        self.orphans.push(Orphan { id, end, ticks: 0 });
                    }
                    // Its start was of a session that is long forgotten.
                    None => {}
                }
            }
        }
    }

    /// After all records of a tick: late starts meet their ends; what is open and not written
    /// yet is handed to `open` as an event that runs.
    pub(crate) fn settle(
        &mut self,
        names: &dyn Names,
        out: &mut Vec<Joined>,
        mut open: impl FnMut(CallId, Slot, Vec<u8>),
    ) {
        for mut orphan in std::mem::take(&mut self.orphans) {
            let found = self.remove(orphan.id);
            let end = &orphan.end;
            match found {
                Some(open) => {
                    open.close(
                        orphan.id,
                        end.at_us,
                        end.outcome,
                        &end.fields,
                        &end.error,
                        names,
                        out,
                    );
                }
                None if orphan.ticks < 2 => {
                    orphan.ticks += 1;
                    self.orphans.push(orphan);
                }
                None => {}
            }
        }
        for id in self.fresh.drain(..) {
            if let Some(call) = self.open.get(&id) {
                open(
                    CallId(id),
                    call.session,
                    call.event(CallId(id), State::Running, &[], names),
                );
            }
        }
    }

    /// The open calls, as what they are when the process ends now: interrupted. Should one end
    /// all the same, its own event says so later.
    pub(crate) fn interrupted(&self, names: &dyn Names) -> Vec<(Slot, Vec<u8>)> {
        let event = |(id, call): (&u64, &Open)| {
            let json = call.event(CallId(*id), State::Interrupted, &[], names);
            (call.session, json)
        };
        self.open.iter().map(event).collect()
    }

    /// The line that says that a call runs is in this segment.
    pub(crate) fn told(&mut self, id: CallId, segment: u32) {
        if let Some(open) = self.open.get_mut(&id.0) {
            open.told_in = Some(segment);
        }
    }

    /// The open calls of some sessions whose lines are in segments before this one, which are about to go: as they
    /// are written once more.
    pub(crate) fn outgoing(
        &self,
        before: u32,
        is_of: impl Fn(Slot) -> bool,
        names: &dyn Names,
    ) -> Vec<(CallId, Slot, Vec<u8>)> {
        let outgoing = self.open.iter().filter(|(_, call)| {
            call.told_in.is_some_and(|segment| segment < before) && is_of(call.session)
        });
        outgoing
            .map(|(id, call)| {
                let id = CallId(*id);
                (id, call.session, call.event(id, State::Running, &[], names))
            })
            .collect()
    }

    /// Whether something waits for the next tick.
    pub(crate) fn waits(&self) -> bool {
        !self.orphans.is_empty()
    }

    /// How many calls of a session are open.
    pub(crate) fn open_in(&self, session: Slot) -> usize {
        self.counts.get(&session.index()).copied().unwrap_or(0)
    }

    fn remove(&mut self, id: CallId) -> Option<Open> {
        let open = self.open.remove(&id.0)?;
        let index = open.session.index();
        if let Some(count) = self.counts.get_mut(&index) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&index);
            }
        }
        Some(open)
    }
}

impl Open {
    #[expect(clippy::too_many_arguments, reason = "the parts of one end record")]
    fn close(
        self,
        id: CallId,
        end_us: i64,
        outcome: Outcome,
        fields: &[u8],
        error: &[u8],
        names: &dyn Names,
        out: &mut Vec<Joined>,
    ) {
        let json = self.event(id, State::Ended(end_us, outcome), fields, names);
        let kind = event_kind(self.kind);
        out.push(Joined {
            session: self.session,
            kind,
            end_us,
            order: (self.start_us, id.0),
            json,
        });
        if !error.is_empty() {
            let json = self.error_event(id, end_us, error, names);
            out.push(Joined {
                session: self.session,
                kind: EventKind::Error,
                end_us,
                order: (end_us, id.error_of().0),
                json,
            });
        }
    }

    /// The canonical event of this call.
    fn event(&self, id: CallId, state: State, end_fields: &[u8], names: &dyn Names) -> Vec<u8> {
        let mut json = Vec::with_capacity(256 + self.fields.len() + end_fields.len());
        self.head(&mut json, id, event_kind(self.kind), names);
        if !self.fields.starts_with(OWN_START) {
            member(
                &mut json,
                "init_timestamp",
                &Timestamp::from_micros(self.start_us).to_string(),
            );
        }
        let status = match state {
            State::Running => "running",
            State::Interrupted => "interrupted",
            State::Ended(..) if self.kind == Kind::Error => "error",
            State::Ended(_, Outcome::Ok) => "ok",
            State::Ended(_, Outcome::Error) => "error",
            State::Ended(_, Outcome::Panicked) => "panicked",
            State::Ended(_, Outcome::Cancelled) => "cancelled",
        };
        if let State::Ended(end_us, _) = state
            && !end_fields.starts_with(OWN_END)
        {
            member(
                &mut json,
                "end_timestamp",
                &Timestamp::from_micros(end_us).to_string(),
            );
        }
        member(&mut json, "status", status);
        let key = self.kind.name_key();
        // An end that names the event says everything again.
        let told_whole = end_fields.starts_with(key.as_bytes());
        let start_fields: &[u8] = if told_whole {
            &[]
        } else {
            quoted_member(&mut json, key, &self.name);
            &self.fields
        };
        for fields in [start_fields, end_fields] {
            if !fields.is_empty() {
                json.push(b',');
                json.extend_from_slice(fields);
            }
        }
        json.push(b'}');
        json
    }

    /// The error event of a call that failed or panicked.
    fn error_event(&self, id: CallId, at_us: i64, error: &[u8], names: &dyn Names) -> Vec<u8> {
        let mut json = Vec::with_capacity(256 + error.len());
        let at = Timestamp::from_micros(at_us).to_string();
        json.extend_from_slice(b"{\"id\":\"");
        json.extend_from_slice(id.error_of().uuid().to_string().as_bytes());
        json.extend_from_slice(b"\",\"event_type\":\"errors\"");
        // It happened inside the call that failed.
        member(&mut json, "parent_id", &id.uuid().to_string());
        if let Some(agent) = names.agent(self.agent) {
            member(&mut json, "agent_id", &agent);
        }
        member(&mut json, "init_timestamp", &at);
        member(&mut json, "end_timestamp", &at);
        member(&mut json, "timestamp", &at);
        member(&mut json, "status", "error");
        member(&mut json, "trigger_event_id", &id.uuid().to_string());
        member(
            &mut json,
            "trigger_event_type",
            event_kind(self.kind).as_str(),
        );
        let inner = error
            .strip_prefix(b"{")
            .and_then(|rest| rest.strip_suffix(b"}"));
        if let Some(inner) = inner.filter(|inner| !inner.is_empty()) {
            json.push(b',');
            json.extend_from_slice(inner);
        }
        json.push(b'}');
        json
    }

    fn head(&self, json: &mut Vec<u8>, id: CallId, kind: EventKind, names: &dyn Names) {
        json.extend_from_slice(b"{\"id\":\"");
        json.extend_from_slice(id.uuid().to_string().as_bytes());
        json.extend_from_slice(b"\",\"event_type\":\"");
        json.extend_from_slice(kind.as_str().as_bytes());
        json.push(b'"');
        if !self.parent.is_none() {
            member(json, "parent_id", &self.parent.uuid().to_string());
        } else if let Some(parent) = names.outer_parent(self.session) {
            member(json, "parent_id", &parent);
        }
        if let Some(agent) = names.agent(self.agent) {
            member(json, "agent_id", &agent);
        }
    }
}

fn event_kind(kind: Kind) -> EventKind {
    match kind {
        Kind::Action => EventKind::Action,
        Kind::Llm => EventKind::Llm,
        Kind::Tool => EventKind::Tool,
        Kind::Error => EventKind::Error,
    }
}

/// Appends `,"name":"value"`.
fn member(json: &mut Vec<u8>, name: &str, value: &str) {
    json.extend_from_slice(b",\"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
    serde_json::to_writer(json, value).expect("a string is always written");
}

/// The same for a name that is given as it stands in JSON, with its colon.
fn quoted_member(json: &mut Vec<u8>, key: &str, value: &str) {
    json.push(b',');
    json.extend_from_slice(key.as_bytes());
    serde_json::to_writer(json, value).expect("a string is always written");
}

/// What counts of an LLM event, read from its canonical form.
pub(crate) fn llm_facts(json: &[u8]) -> LlmFacts {
    #[derive(Deserialize)]
    struct Wire {
        model: Option<String>,
        prompt_tokens: Option<u64>,
        completion_tokens: Option<u64>,
        cached_read_tokens: Option<u64>,
        cached_write_tokens: Option<u64>,
        reasoning_tokens: Option<u64>,
        cost: Option<agentops_protocol::Usd>,
    }
    let Ok(wire) = serde_json::from_slice::<Wire>(json) else {
        return LlmFacts::default();
    };
    let mut usage = agentops_protocol::Usage::default();
    usage.prompt = wire.prompt_tokens;
    usage.completion = wire.completion_tokens;
    usage.cached_read = wire.cached_read_tokens;
    usage.cached_write = wire.cached_write_tokens;
    usage.reasoning = wire.reasoning_tokens;
    LlmFacts {
        model: wire.model,
        usage,
        cost: wire.cost,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    struct Nobody;

    impl Names for Nobody {
        fn agent(&self, agent: AgentSlot) -> Option<String> {
            (agent.0 == 7).then(|| "agent-7".to_owned())
        }

        fn outer_parent(&self, session: Slot) -> Option<String> {
            (session.index() == 9).then(|| "outer".to_owned())
        }
    }

    fn start(id: u64, parent: u64, session: u32, kind: Kind) -> Record<'static> {
        Record::Start {
            id: CallId(id),
            parent: CallId(parent),
            session: Slot(session),
            agent: AgentSlot(7),
            kind,
            name: "na\"me",
            at: 1_000,
            fields: b"\"params\":{\"a\":1}",
        }
    }

    fn end(id: u64, outcome: Outcome, error: &'static [u8]) -> Record<'static> {
        let fields = b"\"returns\":[2]";
        let session = Slot(1);
        Record::End {
            id: CallId(id),
            session,
            at: 3_000_000,
            outcome,
            fields,
            error,
        }
    }

    /// Feeds each list as one tick: events and opens, parsed.
    fn ticks(ticks: &[&[Record<'_>]]) -> (Vec<Value>, Vec<Value>) {
        let (mut join, anchor) = (Join::default(), Anchor::take());
        let (mut events, mut opens) = (Vec::new(), Vec::new());
        for records in ticks {
            for record in *records {
                join.feed(record, &anchor, &Nobody, &mut events);
            }
            join.settle(&Nobody, &mut events, |_, _, json| opens.push(json));
        }
        let parse = |json: &Vec<u8>| serde_json::from_slice(json).expect("valid JSON");
        (
            events.iter().map(|event| parse(&event.json)).collect(),
            opens.iter().map(parse).collect(),
        )
    }

    #[test]
    fn a_call_of_one_tick_is_one_event() {
        let (events, opens) = ticks(&[&[start(2, 4, 1, Kind::Tool), end(2, Outcome::Ok, b"")]]);
        assert!(opens.is_empty());
        let event = &events[0];
        assert_eq!(events.len(), 1);
        assert_eq!(event["id"], CallId(2).uuid().to_string());
        assert_eq!(event["parent_id"], CallId(4).uuid().to_string());
        assert_eq!(event["agent_id"], "agent-7");
        assert_eq!(
            (&event["name"], &event["status"]),
            (&"na\"me".into(), &"ok".into())
        );
        assert_eq!(event["params"]["a"], 1);
        assert_eq!(event["returns"][0], 2);
    }

    #[test]
    fn an_open_call_is_told_once_and_its_event_says_all_again() {
        let (events, opens) = ticks(&[
            &[start(2, 0, 9, Kind::Action)],
            &[],
            &[end(2, Outcome::Cancelled, b"")],
        ]);
        assert_eq!(opens.len(), 1);
        assert_eq!(
            (&opens[0]["status"], &opens[0]["params"]["a"]),
            (&"running".into(), &1.into())
        );
        assert_eq!(
            opens[0]["parent_id"], "outer",
            "a joined session hangs below its parent's call"
        );
        assert!(opens[0].get("end_timestamp").is_none());
        assert_eq!(
            (&events[0]["status"], &events[0]["params"]["a"]),
            (&"cancelled".into(), &1.into())
        );
        assert_eq!(events[0]["init_timestamp"], opens[0]["init_timestamp"]);
    }

    #[test]
    fn an_end_that_was_taken_before_its_start_waits_for_it() {
        let (events, _) = ticks(&[&[end(2, Outcome::Ok, b"")], &[start(2, 0, 1, Kind::Tool)]]);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["status"], "ok");
    }

    #[test]
    fn a_failed_call_has_an_error_event_linked_to_it() {
        let error = br#"{"error_type":"E","details":{"message":"no","chain":[],"location":null}}"#;
        let (events, _) = ticks(&[&[start(2, 0, 1, Kind::Tool), end(2, Outcome::Error, error)]]);
        let (call, error) = (&events[0], &events[1]);
        assert_eq!(
            (&call["status"], &error["event_type"]),
            (&"error".into(), &"errors".into())
        );
        assert_eq!(error["trigger_event_id"], call["id"]);
        assert_eq!(error["trigger_event_type"], "tools");
        assert_eq!(error["details"]["message"], "no");
        assert_ne!(error["id"], call["id"]);
        assert_eq!(error["timestamp"], call["end_timestamp"]);
    }

    #[test]
    fn open_calls_of_a_session_are_counted() {
        let (mut join, anchor, mut out) = (Join::default(), Anchor::take(), Vec::new());
        for record in [start(2, 0, 1, Kind::Tool), start(4, 2, 1, Kind::Tool)] {
            join.feed(&record, &anchor, &Nobody, &mut out);
        }
        assert_eq!(join.open_in(Slot(1)), 2);
        join.feed(&end(4, Outcome::Ok, b""), &anchor, &Nobody, &mut out);
        join.feed(&end(2, Outcome::Ok, b""), &anchor, &Nobody, &mut out);
        assert_eq!((join.open_in(Slot(1)), out.len()), (0, 2));
    }
}
