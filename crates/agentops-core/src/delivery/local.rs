//! A session of this machine, read back from the lines that were written of it: the export and
//! the counts where there is no server to ask.

use std::collections::HashMap;
use std::path::Path;

use agentops_pricing::Prices;
use agentops_protocol::api::{Export, ExportedSession, Stats};
use agentops_protocol::{
    Agent, Event, EventBody, EventId, EventKind, SessionId, SessionPatch, Status, Timestamp, accept,
};
use agentops_spool::{Op, Position, Reader, Spool};

use super::item::Item;
use crate::tally::{LlmFacts, Tally};

/// The project of sessions that never left the machine.
const PROJECT: &str = "local";

/// Everything that the spool of a data directory holds of a session; `None` when it knows none
/// of that id.
pub(crate) fn export_from_disk(
    data_dir: &Path,
    sid: &SessionId,
) -> std::io::Result<Option<Export>> {
    let mut fold = Fold::new(sid);
    for directory in Spool::at(data_dir).directories()? {
        // A directory that is sent somewhere is answered for by that server.
        if directory
            .header()?
            .is_none_or(|header| header.endpoint.is_some())
        {
            continue;
        }
        let mut reader = Reader::open(directory.path());
        let mut from = Position::START;
        loop {
            let batch = reader.next_batch(from, 4_096, 8 << 20)?;
            if batch.end == from {
                break;
            }
            from = batch.end;
            for line in batch.lines.iter().filter(|line| line.sid == sid.as_str()) {
                fold.line(line.op, line.body.get());
            }
        }
    }
    Ok(fold.finish())
}

/// The same from lines in memory.
pub(crate) fn export_from_memory(items: &[Item], sid: &SessionId) -> Option<Export> {
    let mut fold = Fold::new(sid);
    for item in items.iter().filter(|item| item.sid == sid.as_str()) {
        fold.line(item.op, item.body.get());
    }
    fold.finish()
}

/// One session while its lines are read.
struct Fold {
    id: SessionId,
    /// What each says, and whether it joins what was there.
    patches: Vec<(bool, SessionPatch)>,
    agents: Vec<Agent>,
    events: Vec<Event>,
    at: HashMap<String, usize>,
}

impl Fold {
    fn new(id: &SessionId) -> Self {
        Self {
            id: id.clone(),
            patches: Vec::new(),
            agents: Vec::new(),
            events: Vec::new(),
            at: HashMap::new(),
        }
    }

    /// A line that does not parse is left out: the export shows what can be read.
    fn line(&mut self, op: Op, body: &str) {
        match op {
            Op::Session | Op::Update | Op::Loss => {
                let patch = accept::session(body.as_bytes()).ok();
                let joins = op == Op::Session && !self.patches.is_empty();
                self.patches.extend(patch.map(|patch| (joins, patch)));
            }
            Op::Agent => {
                if let Ok(agent) = accept::agent(body.as_bytes()) {
                    self.agents.retain(|known| known.id != agent.id);
                    self.agents.push(agent);
                }
            }
            Op::Event | Op::Open => {
                let body = format!("{{\"events\":[{body}]}}");
                let events =
                    accept::create_events(body.as_bytes(), &self.id, Timestamp::from_micros(0));
                for event in events.unwrap_or_default() {
                    self.event(op, event);
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, op: Op, event: Event) {
        match self.at.get(event.id.as_str()) {
            Some(&at) if op == Op::Event => self.events[at] = event,
            Some(_) => {}
            None => {
                self.at
                    .insert(event.id.as_str().to_owned(), self.events.len());
                self.events.push(event);
            }
        }
    }

    fn finish(mut self) -> Option<Export> {
        let (_, first) = self.patches.first()?;
        let start = first
            .init_timestamp
            .or_else(|| self.events.iter().map(|event| event.init_timestamp).min())?;
        let mut session = ExportedSession {
            id: self.id.clone(),
            session_id: self.id.clone(),
            project_id: PROJECT.to_owned(),
            init_timestamp: start,
            end_timestamp: None,
            end_state: agentops_protocol::EndState::Indeterminate,
            end_state_reason: None,
            tags: Vec::new(),
            host_env: None,
            video: None,
            dropped: std::collections::BTreeMap::new(),
        };
        for (joins, mut patch) in self.patches {
            if joins && let Some(tags) = &mut patch.tags {
                let known = session.tags.iter().filter(|tag| !tags.contains(tag));
                let known: Vec<String> = known.cloned().collect();
                tags.splice(0..0, known);
            }
            apply(&mut session, patch);
        }
        self.events.sort_by_key(|event| event.init_timestamp);
        if session.end_timestamp.is_some() {
            for event in self
                .events
                .iter_mut()
                .filter(|event| event.status == Status::Running)
            {
                event.status = Status::Interrupted;
            }
        }
        if self.events.iter().any(|event| event.agent_id.is_none()) {
            self.agents.push(Agent::default_of(&self.id));
        }
        let kinds: HashMap<EventId, EventKind> = self
            .events
            .iter()
            .map(|event| (event.id.clone(), event.kind()))
            .collect();
        let mut tally = Tally::default();
        for event in &mut self.events {
            event.fill_in(&self.id, |id| kinds.get(id).copied());
            event.spell_out();
            count(&mut tally, event);
        }
        let stats = stats(&session, &tally);
        let of = |kind: EventKind| {
            self.events
                .iter()
                .filter(|event| event.kind() == kind)
                .cloned()
                .collect::<Vec<_>>()
        };
        Some(Export {
            actions: of(EventKind::Action),
            llms: of(EventKind::Llm),
            tools: of(EventKind::Tool),
            errors: of(EventKind::Error),
            session,
            agents: self.agents,
            threads: Vec::new(),
            stats,
        })
    }
}

/// The rules of update_session, as the server has them.
fn apply(session: &mut ExportedSession, patch: SessionPatch) {
    if let Some(start) = patch.init_timestamp {
        session.init_timestamp = session.init_timestamp.min(start);
    }
    session.end_timestamp = patch.end_timestamp.or(session.end_timestamp);
    if let Some(state) = patch.end_state
        && state != agentops_protocol::EndState::Indeterminate
    {
        session.end_state = state;
    }
    session.end_state_reason = patch.end_state_reason.or(session.end_state_reason.take());
    session.tags = patch
        .tags
        .unwrap_or_else(|| std::mem::take(&mut session.tags));
    session.host_env = patch.host_env.or(session.host_env.take());
    session.video = patch.video.or(session.video.take());
    session.dropped = patch
        .dropped
        .unwrap_or_else(|| std::mem::take(&mut session.dropped));
}

/// Prices a call that came without a cost, and counts the event.
fn count(tally: &mut Tally, event: &mut Event) {
    let end = event
        .end_timestamp
        .unwrap_or(event.init_timestamp)
        .as_micros();
    tally.event(event.kind(), end);
    if let EventBody::Llm(llm) = &mut event.body {
        let model = llm.model.clone();
        let priced = || Prices::builtin().cost(model.as_deref()?, &llm.usage);
        llm.cost = llm.cost.or_else(priced);
        tally.llm(&LlmFacts {
            model: llm.model.clone(),
            usage: llm.usage,
            cost: llm.cost,
        });
    }
}

fn stats(session: &ExportedSession, tally: &Tally) -> Stats {
    let mut stats = tally.stats(
        session.id.as_str(),
        session.init_timestamp.as_micros(),
        session.end_timestamp.map(Timestamp::as_micros),
    );
    stats.dropped.clone_from(&session.dropped);
    stats
}
