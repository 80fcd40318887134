//! Reference model of the traits for the tests: lists and maps, nothing clever. What it answers
//! is what every backend must answer. Counts are made anew at each question.

use std::collections::HashMap;
use std::sync::Mutex;

use agentops_protocol::api::{Export, ExportedSession, Stats};
use agentops_protocol::{
    Agent, Event, EventBody, EventId, EventKind, ProjectId, SessionId, Status, Thread, Timestamp,
    Usd,
};
use tokio::sync::oneshot;

use crate::facts::{Facts, HostEnv};
use crate::model::stats_of;
use crate::page::Place;
use crate::stub::{self, Given};
use crate::{
    Batch, Cursor, EventFilter, EventPage, EventRow, ImportCursor, Ingest, IngestError, Mutation,
    PageSize, Pending, PriceOf, Query, QueryError, Receipt, SessionFilter, SessionPage, SessionRow,
    Write, exported,
};

struct Entry {
    /// As told; a found cost is not in it.
    event: Event,
    stub: Option<Given>,
}

struct Session {
    project: ProjectId,
    id: SessionId,
    facts: Facts,
    /// In order of arrival.
    events: Vec<Entry>,
    agents: Vec<Agent>,
    threads: Vec<Thread>,
    logs: String,
}

#[derive(Default)]
struct State {
    sessions: Vec<Session>,
    answered: HashMap<(usize, String), Option<Usd>>,
    cursors: HashMap<String, ImportCursor>,
    revision: u64,
}

/// The model.
pub(crate) struct MemoryStore {
    price: PriceOf,
    state: Mutex<State>,
}

impl MemoryStore {
    pub(crate) fn new(price: PriceOf) -> Self {
        Self {
            price,
            state: Mutex::default(),
        }
    }

    fn priced(&self, event: &Event) -> Event {
        let mut event = event.clone();
        if let EventBody::Llm(llm) = &mut event.body
            && llm.cost.is_none()
            && llm.usage.total().is_some()
        {
            llm.cost = llm
                .model
                .as_deref()
                .and_then(|model| (self.price)(model, &llm.usage));
        }
        event
    }

    /// Priced, in order, with the default agent and the triggers' kinds.
    fn shown(&self, session: &Session) -> Vec<Event> {
        let mut events: Vec<Event> = session
            .events
            .iter()
            .map(|entry| self.priced(&entry.event))
            .collect();
        events.sort_by_key(|event| event.init_timestamp);
        let kinds: HashMap<EventId, EventKind> = events
            .iter()
            .map(|event| (event.id.clone(), event.kind()))
            .collect();
        for event in &mut events {
            exported::finish(event, &session.id, |id| kinds.get(id).copied());
        }
        events
    }

    fn count(&self, session: &Session) -> Stats {
        let events = self.shown(session);
        let last = events.iter().map(happened_last).max();
        let mut stats = stats_of(session.id.as_str(), &session.facts, last);
        for event in &events {
            stats.events += 1;
            match &event.body {
                EventBody::Action(_) => stats.actions += 1,
                EventBody::Tool(_) => stats.tools += 1,
                EventBody::Error(_) => stats.errors += 1,
                EventBody::Llm(llm) => {
                    stats.llms += 1;
                    stats.prompt_tokens += llm.usage.prompt.unwrap_or(0);
                    stats.completion_tokens += llm.usage.completion.unwrap_or(0);
                    stats.cached_read_tokens += llm.usage.cached_read.unwrap_or(0);
                    stats.cached_write_tokens += llm.usage.cached_write.unwrap_or(0);
                    stats.reasoning_tokens += llm.usage.reasoning.unwrap_or(0);
                    stats.cost_known = stats.cost_known + llm.cost.unwrap_or_default();
                    stats.unpriced += u64::from(llm.cost.is_none());
                    if let Some(model) = &llm.model {
                        let model = stats.models.entry(model.clone()).or_default();
                        if model.calls == 0 {
                            model.cost = Some(Usd::ZERO);
                        }
                        model.calls += 1;
                        model.prompt_tokens += llm.usage.prompt.unwrap_or(0);
                        model.completion_tokens += llm.usage.completion.unwrap_or(0);
                        model.cost = model.cost.zip(llm.cost).map(|(sum, cost)| sum + cost);
                    }
                }
            }
        }
        stats.cost = (stats.unpriced == 0).then_some(stats.cost_known);
        stats
    }

    fn row(&self, session: &Session) -> SessionRow {
        let events = self.shown(session);
        let named = || {
            events
                .iter()
                .take(200)
                .filter(|event| event.name().is_some())
        };
        let action = named().find(|event| event.kind() == EventKind::Action);
        let first = action.or_else(|| named().next());
        SessionRow {
            session: described(session, false),
            stats: self.count(session),
            first_name: first.and_then(Event::name).map(str::to_owned),
        }
    }

    fn apply(&self, batch: Batch) -> Receipt {
        let mut state = self.state.lock().unwrap();
        let state = &mut *state;
        if let Some(cursor) = batch.cursor {
            state.cursors.insert(cursor.directory.clone(), cursor);
        }
        let Some(last) = batch.writes.last() else {
            return Receipt::new(state.revision, None, false);
        };
        let last = (last.project.clone(), last.session.clone());
        if let (Some(key), Some(index)) = (&batch.idempotency_key, place(state, &last.0, &last.1))
            && let Some(cost) = state.answered.get(&(index, key.clone()))
        {
            return Receipt::new(state.revision, *cost, true);
        }
        for write in batch.writes {
            self.write(state, write);
        }
        state.revision += 1;
        let index = place(state, &last.0, &last.1).expect("a write makes its session");
        let cost = self.count(&state.sessions[index]).cost;
        if let Some(key) = batch.idempotency_key {
            state.answered.insert((index, key), cost);
        }
        Receipt::new(state.revision, cost, false)
    }

    fn write(&self, state: &mut State, write: Write) {
        let index = place(state, &write.project, &write.session).unwrap_or_else(|| {
            state.sessions.push(Session {
                project: write.project.clone(),
                id: write.session.clone(),
                facts: Facts::begun(write.received),
                events: Vec::new(),
                agents: Vec::new(),
                threads: Vec::new(),
                logs: String::new(),
            });
            state.sessions.len() - 1
        });
        let session = &mut state.sessions[index];
        match write.mutation {
            Mutation::CreateSession(patch) => session.facts.join(patch, write.received),
            Mutation::UpdateSession(patch) => session.facts.update(patch, write.received),
            Mutation::Recover { reason } => {
                let last = session
                    .events
                    .iter()
                    .map(|entry| happened_last(&entry.event))
                    .max();
                session.facts.recover(reason, last);
                for entry in &mut session.events {
                    if entry.event.status == Status::Running {
                        entry.event.status = Status::Interrupted;
                    }
                }
            }
            Mutation::CreateEvents(events) => {
                for event in events {
                    create(session, event);
                }
            }
            Mutation::UpdateEvents(patches) => {
                for patch in patches {
                    update(session, patch, write.received);
                }
            }
            Mutation::UpsertAgent(agent) => {
                match session.agents.iter_mut().find(|known| known.id == agent.id) {
                    None => session.agents.push(agent),
                    Some(known) => {
                        known.name = agent.name.or(known.name.take());
                        known.logs = agent.logs.or(known.logs.take());
                    }
                }
            }
            Mutation::UpsertThread(thread) => {
                match session
                    .threads
                    .iter_mut()
                    .find(|known| known.id == thread.id)
                {
                    None => session.threads.push(thread),
                    Some(known) => known.agent_id = thread.agent_id.or(known.agent_id.take()),
                }
            }
            Mutation::AppendLogs(text) => session.logs.push_str(&text),
        }
    }

    fn read<T>(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        read: impl FnOnce(&Session) -> T,
    ) -> Option<T> {
        let state = self.state.lock().unwrap();
        let found = state
            .sessions
            .iter()
            .filter(|session| session.id == *id && project.is_none_or(|p| session.project == *p));
        found.max_by_key(|session| session.facts.start).map(read)
    }
}

fn place(state: &State, project: &ProjectId, id: &SessionId) -> Option<usize> {
    state
        .sessions
        .iter()
        .position(|known| known.project == *project && known.id == *id)
}

fn happened_last(event: &Event) -> Timestamp {
    event
        .end_timestamp
        .map_or(event.init_timestamp, |end| end.max(event.init_timestamp))
}

fn create(session: &mut Session, event: Event) {
    match session
        .events
        .iter_mut()
        .find(|entry| entry.event.id == event.id)
    {
        None => session.events.push(Entry { event, stub: None }),
        Some(entry) => {
            if let Some(given) = entry.stub.take() {
                entry.event = stub::fill(&entry.event, given, event);
            }
        }
    }
}

fn update(session: &mut Session, mut patch: agentops_protocol::EventPatch, received: Timestamp) {
    let id = patch.id.take().expect("an update has an id");
    match session.events.iter_mut().find(|entry| entry.event.id == id) {
        None => {
            let (event, given) = stub::begin(id, patch, received);
            session.events.push(Entry {
                event,
                stub: Some(given),
            });
        }
        Some(Entry {
            event,
            stub: Some(given),
        }) => stub::update(event, given, patch),
        Some(Entry { event, stub: None }) => patch.apply(event),
    }
}

fn described(session: &Session, with_env: bool) -> ExportedSession {
    let facts = &session.facts;
    ExportedSession {
        id: session.id.clone(),
        session_id: session.id.clone(),
        project_id: session.project.to_string(),
        init_timestamp: facts.start,
        end_timestamp: facts.end,
        end_state: facts.state,
        end_state_reason: facts.reason.clone(),
        tags: facts.tags.clone(),
        host_env: match &facts.host_env {
            HostEnv::New(env) if with_env => Some(env.clone()),
            _ => None,
        },
        video: facts.video.clone(),
        dropped: facts.dropped.clone(),
    }
}

impl Ingest for MemoryStore {
    fn submit(&self, batch: Batch) -> Result<Pending, IngestError> {
        let (answer, pending) = oneshot::channel();
        let _ = answer.send(Ok(self.apply(batch)));
        Ok(Pending::new(pending))
    }

    fn import_cursor(&self, directory: &str) -> Result<Option<ImportCursor>, IngestError> {
        Ok(self.state.lock().unwrap().cursors.get(directory).cloned())
    }
}

impl Query for MemoryStore {
    fn sessions(
        &self,
        project: Option<&ProjectId>,
        filter: &SessionFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<SessionPage, QueryError> {
        let from = cursor
            .map(|cursor| Place::of_sessions(cursor).ok_or(QueryError::Cursor))
            .transpose()?;
        let state = self.state.lock().unwrap();
        let mut found: Vec<(Place, &Session)> = state
            .sessions
            .iter()
            .enumerate()
            .map(|(order, session)| {
                let start = session.facts.start.as_micros();
                (
                    Place {
                        start,
                        order: order as i64,
                        index: 0,
                    },
                    session,
                )
            })
            .filter(|(place, session)| {
                let (facts, start) = (&session.facts, session.facts.start);
                project.is_none_or(|project| session.project == *project)
                    && filter
                        .tag
                        .as_ref()
                        .is_none_or(|tag| facts.tags.contains(tag))
                    && filter.end_state.is_none_or(|state| facts.state == state)
                    && filter.from.is_none_or(|from| start >= from)
                    && filter.to.is_none_or(|to| start < to)
                    && (!filter.with_errors || self.count(session).errors > 0)
                    && from.is_none_or(|from| (place.start, place.order) < (from.start, from.order))
            })
            .collect();
        found.sort_by_key(|(place, _)| std::cmp::Reverse((place.start, place.order)));
        let rows: Vec<SessionRow> = found
            .iter()
            .take(size.get())
            .map(|(_, session)| self.row(session))
            .collect();
        let more = found.len() > rows.len();
        let next = more.then(|| found[rows.len() - 1].0.session_cursor());
        Ok(SessionPage { rows, next })
    }

    fn session(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<SessionRow>, QueryError> {
        Ok(self.read(project, id, |session| {
            let mut row = self.row(session);
            row.session = described(session, true);
            row
        }))
    }

    fn stats(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Stats>, QueryError> {
        Ok(self.read(project, id, |session| self.count(session)))
    }

    fn export(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Export>, QueryError> {
        Ok(self.read(project, id, |session| {
            let mut agents = session.agents.clone();
            if session
                .events
                .iter()
                .any(|entry| entry.event.agent_id.is_none())
            {
                agents.push(exported::default_agent(&session.id));
            }
            let mut events = self.shown(session);
            events.iter_mut().for_each(exported::spell_out);
            let of = |kind| {
                events
                    .iter()
                    .filter(|event| event.kind() == kind)
                    .cloned()
                    .collect()
            };
            Export {
                session: described(session, true),
                actions: of(EventKind::Action),
                llms: of(EventKind::Llm),
                tools: of(EventKind::Tool),
                errors: of(EventKind::Error),
                agents,
                threads: session.threads.clone(),
                stats: self.count(session),
            }
        }))
    }

    fn events(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<Option<EventPage>, QueryError> {
        let from = cursor
            .map(|cursor| Place::of_events(cursor).ok_or(QueryError::Cursor))
            .transpose()?
            .unwrap_or_default();
        Ok(self.read(project, id, |session| {
            let mut rows: Vec<EventRow> = (0..)
                .zip(self.shown(session))
                .map(|(index, event)| EventRow { event, index })
                .filter(|row| row.index >= from.index)
                .filter(|row| filter.kind.is_none_or(|kind| row.event.kind() == kind))
                .take(size.get() + 1)
                .collect();
            let next = (rows.len() > size.get()).then(|| {
                let index = rows.pop().expect("one more than the page").index;
                Place {
                    index,
                    ..Place::default()
                }
                .event_cursor()
            });
            EventPage { rows, next }
        }))
    }

    fn logs(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<String>, QueryError> {
        Ok(self.read(project, id, |session| session.logs.clone()))
    }
}
