//! What programs record: sessions written to a real spool, as the library writes them.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use agentops_protocol::{
    EndState, Event, EventBody, EventKind, Json, Session, Status, Timestamp, Usage,
};
use agentops_spool::{Header, Op, Spool, Writer};

/// The session that most tests look at.
pub(crate) const ID: &str = "6dca2baa-5fba-486e-a617-97ff5da1bcd3";
/// Another one, whose id begins alike.
pub(crate) const TWIN: &str = "6dca2baa-0000-4000-8000-000000000000";

pub(crate) fn at(millis: i64) -> Timestamp {
    let noon: Timestamp = "2024-03-14T12:00:00Z".parse().unwrap();
    Timestamp::from_micros(noon.as_micros() + millis * 1_000)
}

/// A program that records locally.
pub(crate) struct Program(Writer);

impl Program {
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_as(dir, Header::new("test", std::process::id()))
    }

    /// A program that records for a server, with a key of this fingerprint.
    pub(crate) fn start_for(dir: &Path, endpoint: &str, key_fp: &str) -> Self {
        let header = Header::new("test", std::process::id());
        let to = (Some(endpoint.to_owned()), Some(key_fp.to_owned()));
        Self::start_as(dir, header.sent_to(to.0, to.1))
    }

    fn start_as(dir: &Path, header: Header) -> Self {
        // No name twice, as in life: the store remembers what it has imported by name.
        static NAMES: AtomicU64 = AtomicU64::new(0);
        let random = || NAMES.fetch_add(1, Ordering::Relaxed);
        let writer = Spool::at(dir).create(header, 1_710_417_600_000, random);
        Self(writer.unwrap())
    }

    fn write(&mut self, op: Op, session: &str, body: &impl serde::Serialize) {
        let body = serde_json::to_vec(body).unwrap();
        self.0.append(op, session, &body).unwrap();
    }

    /// Begins a session.
    pub(crate) fn session(&mut self, id: &str, start: i64, tags: &[&str]) -> Session {
        let mut session = Session::started(id.parse().unwrap(), at(start));
        session.tags = tags.iter().map(ToString::to_string).collect();
        self.0.own(id).unwrap();
        self.write(Op::Session, id, &session);
        session
    }

    /// Records a finished event.
    pub(crate) fn event(&mut self, session: &str, event: &Event) {
        self.write(Op::Event, session, event);
    }

    /// Records an event that has not ended.
    pub(crate) fn open(&mut self, session: &str, event: &Event) {
        self.write(Op::Open, session, event);
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, mut session: Session, end: i64, state: EndState, reason: &str) {
        session.end_timestamp = Some(at(end));
        session.end_state = state;
        session.end_state_reason = Some(reason.to_owned());
        self.write(Op::Update, session.id.as_str(), &session);
        self.0.release(session.id.as_str()).unwrap();
    }

    /// Has everything on disk.
    pub(crate) fn commit(&mut self) {
        self.0.commit(false).unwrap();
    }

    /// Ends itself, everything written.
    pub(crate) fn close(mut self) {
        self.commit();
    }
}

/// A finished event.
pub(crate) fn event(id: &str, kind: EventKind, name: &str, start: i64, end: i64) -> Event {
    let mut event = Event::started(id.parse().unwrap(), kind, at(start));
    event.end_timestamp = Some(at(end));
    event.status = Status::Ok;
    let name = Some(name.to_owned());
    match &mut event.body {
        EventBody::Action(action) => action.action_type = name,
        EventBody::Llm(llm) => llm.model = name,
        EventBody::Tool(tool) => tool.name = name,
        EventBody::Error(error) => error.error_type = name,
    }
    event
}

/// A program that plans, asks a model, and fails in a tool. All its text is hostile where text
/// can be.
pub(crate) fn failing_run(dir: &Path) {
    let mut program = Program::start(dir);
    let session = program.session(ID, 0, &["research", "v2\u{1b}[2J"]);
    let mut plan = event("plan", EventKind::Action, "plan", 0, 1_900);
    plan.params = Some(
        Json::parse(r#"{"goal": "a\u001b[31m\u202eb", "n": 1.7925780329309182e+121}"#).unwrap(),
    );
    program.event(ID, &plan);
    let mut llm = event("llm", EventKind::Llm, "gpt-4", 100, 900);
    llm.parent_id = Some(plan.id.clone());
    if let EventBody::Llm(call) = &mut llm.body {
        call.usage = Usage::new(150, 80);
        call.cost = Some("0.00930".parse().unwrap());
        call.prompt = Some(Json::string("\u{9b}31m and \u{7f}"));
    }
    program.event(ID, &llm);
    let mut tool = event("tool", EventKind::Tool, "search\u{7}\u{202e}", 1_000, 1_012);
    tool.parent_id = Some(plan.id);
    tool.status = Status::Error;
    program.event(ID, &tool);
    let mut error = event("error", EventKind::Error, "SearchError", 1_011, 1_011);
    error.status = Status::Error;
    if let EventBody::Error(info) = &mut error.body {
        info.trigger_event_id = Some(tool.id);
        info.details =
            Some(Json::parse(r#"{"message":"no route\nto \u001b]0;host","chain":[]}"#).unwrap());
    }
    program.event(ID, &error);
    program.end(session, 2_000, EndState::Failure, "tool broke\u{1b}[0m");
    program.close();
}

/// A program of one short session that ended well.
pub(crate) fn quiet_run(dir: &Path, id: &str, start: i64) {
    let mut program = Program::start(dir);
    let session = program.session(id, start, &[]);
    program.event(id, &event("e", EventKind::Action, "step", start, start + 5));
    program.end(session, start + 10, EndState::Success, "done");
    program.close();
}
