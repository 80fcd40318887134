//! Reference model of the traits for the tests: lists and maps, nothing clever. What it answers
//! is what every backend must answer. Counts are made anew at each question.

use std::collections::HashMap;
use std::sync::Mutex;

use agentops_protocol::api::{Export, ExportedSession, Stats};
use agentops_protocol::{
    Agent, EndState, Event, EventBody, EventId, EventKind, ProjectId, SessionId, Status, Thread,
    Timestamp, Usd,
};
use tokio::sync::oneshot;

use crate::facts::{Facts, HostEnv};
use crate::model::stats_of;
use crate::page::Place;
use crate::stub::{self, Given};
use crate::{
    Batch, Changes, Cursor, EventFilter, EventPage, EventRow, EventSums, FoundEvent, FoundPage,
    Image, ImageName, ImportCursor, Ingest, IngestError, Mutation, NamedSums, Overview, PageSize,
    Pending, PriceOf, Query, QueryError, Receipt, Revision, SessionFilter, SessionPage, SessionRow,
    SessionSort, TokenCount, Write, exported, overview, page, words,
};

struct Entry {
    /// As told; a found cost is not in it.
    event: Event,
    stub: Option<Given>,
    /// Tokens that were counted here, until the event changes.
    count: Option<TokenCount>,
    /// Among the events of all sessions.
    arrived: i64,
}

struct Session {
    /// Never used again, whatever is deleted.
    number: i64,
    project: ProjectId,
    readers: Vec<ProjectId>,
    id: SessionId,
    facts: Facts,
    /// In order of arrival.
    events: Vec<Entry>,
    agents: Vec<Agent>,
    threads: Vec<Thread>,
    logs: String,
    images: Vec<Image>,
}

#[derive(Default)]
struct State {
    sessions: Vec<Session>,
    begun: i64,
    arrived: i64,
    answered: HashMap<(i64, String), Option<Usd>>,
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
            .map(|entry| self.priced(&estimated(entry)))
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

    fn fits(&self, session: &Session, filter: &SessionFilter) -> bool {
        let (facts, stats) = (&session.facts, self.count(session));
        let text = |part: &String| {
            has(session.id.as_str(), part)
                || facts.reason.as_deref().is_some_and(|text| has(text, part))
                || facts.tags.iter().any(|tag| has(tag, part))
        };
        let agent = |wanted: &String| {
            let is_it =
                |agent: &Agent| agent.id.as_str() == wanted || agent.name.as_ref() == Some(wanted);
            session.agents.iter().any(is_it)
        };
        filter.text.as_ref().is_none_or(text)
            && filter
                .tag
                .as_ref()
                .is_none_or(|tag| facts.tags.contains(tag))
            && filter.end_state.is_none_or(|state| facts.state == state)
            && filter
                .running
                .is_none_or(|runs| facts.end.is_none() == runs)
            && filter.from.is_none_or(|from| facts.start >= from)
            && filter.to.is_none_or(|to| facts.start < to)
            && (!filter.with_errors || stats.errors > 0)
            && filter.agent.as_ref().is_none_or(agent)
            && filter
                .model
                .as_ref()
                .is_none_or(|model| stats.models.contains_key(model))
            && within(&self.micros(session), &filter.micros)
            && within(&stats.cost_known, &filter.cost)
    }

    fn micros(&self, session: &Session) -> u64 {
        let last = session
            .events
            .iter()
            .map(|entry| happened_last(&entry.event))
            .max();
        session.facts.duration_micros(last)
    }

    fn place(&self, session: &Session, sort: SessionSort) -> Place {
        let stats = self.count(session);
        let start = match sort {
            SessionSort::Start => session.facts.start.as_micros(),
            SessionSort::Duration => self.micros(session).cast_signed(),
            SessionSort::Cost => stats.cost_known.as_picos(),
            SessionSort::Errors => stats.errors.cast_signed(),
            SessionSort::Tokens => (stats.prompt_tokens + stats.completion_tokens).cast_signed(),
        };
        Place {
            start,
            order: session.number,
            index: 0,
        }
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
        let number = |state: &State| {
            let index = place(state, &last.0, &last.1)?;
            Some((index, state.sessions[index].number))
        };
        if let (Some(key), Some((_, number))) = (&batch.idempotency_key, number(state))
            && let Some(cost) = state.answered.get(&(number, key.clone()))
        {
            return Receipt::new(state.revision, *cost, true);
        }
        for write in batch.writes {
            self.write(state, write);
        }
        state.revision += 1;
        let Some((index, number)) = number(state) else {
            return Receipt::new(state.revision, None, false);
        };
        let cost = self.count(&state.sessions[index]).cost;
        if let Some(key) = batch.idempotency_key {
            state.answered.insert((number, key), cost);
        }
        Receipt::new(state.revision, cost, false)
    }

    fn write(&self, state: &mut State, write: Write) {
        let known = place(state, &write.project, &write.session);
        if known.is_none()
            && matches!(
                write.mutation,
                Mutation::Delete
                    | Mutation::Interrupt(_)
                    | Mutation::Reprice
                    | Mutation::CountTokens(_)
            )
        {
            return;
        }
        let index = known.unwrap_or_else(|| {
            state.begun += 1;
            state.sessions.push(Session {
                number: state.begun,
                readers: Vec::new(),
                project: write.project.clone(),
                id: write.session.clone(),
                facts: Facts::begun(write.received),
                events: Vec::new(),
                agents: Vec::new(),
                threads: Vec::new(),
                logs: String::new(),
                images: Vec::new(),
            });
            state.sessions.len() - 1
        });
        if matches!(write.mutation, Mutation::Delete) {
            state.sessions.remove(index);
            return;
        }
        let session = &mut state.sessions[index];
        match write.mutation {
            // The model prices what it is asked for.
            Mutation::Delete | Mutation::Reprice => {}
            Mutation::Interrupt(events) => {
                for entry in &mut session.events {
                    if entry.event.status == Status::Running && events.contains(&entry.event.id) {
                        entry.event.status = Status::Interrupted;
                    }
                }
            }
            Mutation::Share(reader) => {
                if reader != session.project && !session.readers.contains(&reader) {
                    session.readers.push(reader);
                }
            }
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
                    create(session, &mut state.arrived, event);
                }
            }
            Mutation::UpdateEvents(patches) => {
                for patch in patches {
                    update(session, &mut state.arrived, patch, write.received);
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
            Mutation::CountTokens(counts) => {
                for count in counts {
                    let mut entries = session.events.iter_mut();
                    let entry = entries.find(|entry| entry.event.id == count.event);
                    if let Some(entry) = entry.filter(|entry| waits(entry)) {
                        entry.count = Some(count);
                    }
                }
            }
            Mutation::KeepImages(images) => session.images.extend(images),
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
            .filter(|session| session.id == *id && sees(project, session));
        let own = |session: &Session| project.is_some_and(|p| session.project == *p);
        found
            .max_by_key(|session| (own(session), session.facts.start))
            .map(read)
    }
}

/// With the tokens that were counted here.
fn estimated(entry: &Entry) -> Event {
    let mut event = entry.event.clone();
    if let (EventBody::Llm(llm), Some(count)) = (&mut event.body, &entry.count) {
        let before = llm.usage;
        llm.usage.prompt = llm.usage.prompt.or(count.prompt);
        llm.usage.completion = llm.usage.completion.or(count.completion);
        llm.tokens_estimated = llm.usage != before;
    }
    event
}

fn waits(entry: &Entry) -> bool {
    let EventBody::Llm(llm) = &entry.event.body else {
        return false;
    };
    entry.count.is_none()
        && entry.event.end_timestamp.is_some()
        && entry.event.status != Status::Running
        && (llm.usage.prompt.is_none() && llm.prompt.is_some()
            || llm.usage.completion.is_none() && llm.completion.is_some())
}

fn sees(project: Option<&ProjectId>, session: &Session) -> bool {
    project.is_none_or(|project| session.project == *project || session.readers.contains(project))
}

fn has(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase()
        .contains(&part.to_ascii_lowercase())
}

fn within<T: PartialOrd>(value: &T, (from, to): &(Option<T>, Option<T>)) -> bool {
    from.as_ref().is_none_or(|from| value >= from) && to.as_ref().is_none_or(|to| value <= to)
}

fn fits_event(event: &Event, filter: &EventFilter) -> bool {
    let start = event.init_timestamp;
    filter.kind.is_none_or(|kind| event.kind() == kind)
        && filter
            .name
            .as_deref()
            .is_none_or(|name| event.name() == Some(name))
        && (!filter.failed || page::is_failure(&event.status))
        && filter.from.is_none_or(|from| start >= from)
        && filter.to.is_none_or(|to| start < to)
}

fn cut(mut event: Event, filter: &EventFilter) -> Event {
    if filter.heads_only
        && event.kind() != EventKind::Error
        && !matches!(event.status, Status::Unknown(_))
    {
        (event.params, event.returns, event.logs) = (None, None, None);
        match &mut event.body {
            EventBody::Action(action) => action.screenshot = None,
            EventBody::Llm(llm) => {
                (llm.prompt, llm.completion, llm.thread_id) = (None, None, None);
                llm.time_to_first_token_us = None;
            }
            EventBody::Tool(_) | EventBody::Error(_) => {}
        }
    }
    event
}

fn count_session(overview: &mut Overview, facts: &Facts, cost: Usd) {
    let fail = u64::from(facts.state == EndState::Failure);
    overview.sessions.total += 1;
    overview.sessions.running += u64::from(facts.end.is_none());
    overview.sessions.success += u64::from(facts.state == EndState::Success);
    overview.sessions.fail += fail;
    let day = facts.start.as_micros().div_euclid(overview::DAY);
    let day = overview.days.entry(day).or_default();
    day.sessions += 1;
    day.fail += fail;
    if let Some(reason) = facts.reason.as_ref().filter(|_| fail > 0) {
        let reason: String = reason.chars().take(200).collect();
        match overview.reasons.iter_mut().find(|known| known.0 == reason) {
            Some(known) => known.1 += 1,
            None => overview.reasons.push((reason, 1)),
        }
    }
    for tag in &facts.tags {
        let tags = &mut overview.tags;
        let at = tags.iter().position(|known| known.tag == *tag);
        let at = at.unwrap_or_else(|| {
            tags.push(overview::TagSums::default());
            tags.len() - 1
        });
        tags[at].tag.clone_from(tag);
        tags[at].sessions += 1;
        tags[at].fail += fail;
        tags[at].cost = tags[at].cost + cost;
    }
}

fn count_event(
    overview: &mut Overview,
    named: &mut [HashMap<Option<String>, NamedSums>; 4],
    event: &Event,
) {
    let mut sums = EventSums {
        events: 1,
        failed: u64::from(page::is_failure(&event.status)),
        ..EventSums::default()
    };
    if let EventBody::Llm(llm) = &event.body {
        sums.prompt_tokens = llm.usage.prompt.unwrap_or(0);
        sums.completion_tokens = llm.usage.completion.unwrap_or(0);
        sums.cost = llm.cost.unwrap_or_default();
        sums.unpriced = u64::from(llm.cost.is_none());
    }
    overview.total.add(&sums);
    let day = event.init_timestamp.as_micros().div_euclid(overview::DAY);
    let day = overview.days.entry(day).or_default();
    day.sums.add(&sums);
    day.errors += u64::from(event.kind() == EventKind::Error);
    let kind = EventKind::ALL.iter().position(|kind| *kind == event.kind());
    let name = event.name().map(str::to_owned);
    let one = named[kind.unwrap()].entry(name.clone()).or_default();
    one.name = name;
    one.sums.add(&sums);
    if let Some(micros) = event.duration_micros() {
        one.latencies.add(crate::latency::bucket(micros), 1);
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

fn next(arrived: &mut i64) -> i64 {
    *arrived += 1;
    *arrived
}

fn create(session: &mut Session, arrived: &mut i64, event: Event) {
    match session
        .events
        .iter_mut()
        .find(|entry| entry.event.id == event.id)
    {
        None => session.events.push(Entry {
            event,
            stub: None,
            count: None,
            arrived: next(arrived),
        }),
        Some(entry) => {
            if let Some(given) = entry.stub.take() {
                entry.event = stub::fill(&entry.event, given, event);
                entry.count = None;
            }
        }
    }
}

fn update(
    session: &mut Session,
    arrived: &mut i64,
    mut patch: agentops_protocol::EventPatch,
    received: Timestamp,
) {
    let id = patch.id.take().expect("an update has an id");
    match session.events.iter_mut().find(|entry| entry.event.id == id) {
        None => {
            let (event, given) = stub::begin(id, patch, received);
            session.events.push(Entry {
                event,
                stub: Some(given),
                count: None,
                arrived: next(arrived),
            });
        }
        Some(Entry {
            event, stub, count, ..
        }) => {
            *count = None;
            match stub {
                Some(given) => stub::update(event, given, patch),
                None => patch.apply(event),
            }
        }
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

    fn is_alive(&self) -> bool {
        true
    }

    fn import_cursor(&self, directory: &str) -> Result<Option<ImportCursor>, IngestError> {
        Ok(self.state.lock().unwrap().cursors.get(directory).cloned())
    }

    fn keep_import_cursors(&self, directories: &[String]) -> Result<(), IngestError> {
        let mut state = self.state.lock().unwrap();
        state
            .cursors
            .retain(|directory, _| directories.contains(directory));
        Ok(())
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
        let order = filter.order;
        let from = cursor
            .map(|cursor| Place::of_sessions(cursor, order).ok_or(QueryError::Cursor))
            .transpose()?;
        let state = self.state.lock().unwrap();
        let mut found: Vec<(Place, &Session)> = state
            .sessions
            .iter()
            .filter(|session| sees(project, session) && self.fits(session, filter))
            .map(|session| (self.place(session, order.by), session))
            .filter(|(place, _)| {
                let after = |from: Place| {
                    let (place, from) = ((place.start, place.order), (from.start, from.order));
                    if order.ascending {
                        place > from
                    } else {
                        place < from
                    }
                };
                from.is_none_or(after)
            })
            .collect();
        found.sort_by_key(|(place, _)| (place.start, place.order));
        if !order.ascending {
            found.reverse();
        }
        let rows: Vec<SessionRow> = found
            .iter()
            .take(size.get())
            .map(|(_, session)| self.row(session))
            .collect();
        let more = found.len() > rows.len();
        let next = more.then(|| found[rows.len() - 1].0.session_cursor(order));
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
                .filter(|row| fits_event(&row.event, filter))
                .map(|row| EventRow {
                    event: cut(row.event, filter),
                    ..row
                })
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

    fn event(
        &self,
        project: Option<&ProjectId>,
        session: &SessionId,
        id: &EventId,
    ) -> Result<Option<Event>, QueryError> {
        let found = self.read(project, session, |session| {
            let mut events = self.shown(session).into_iter();
            events.find(|event| event.id == *id)
        });
        Ok(found.flatten())
    }

    fn found(
        &self,
        project: Option<&ProjectId>,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError> {
        let from = cursor
            .map(|cursor| Place::of_found(cursor).ok_or(QueryError::Cursor))
            .transpose()?;
        let state = self.state.lock().unwrap();
        let mut found = Vec::new();
        for session in state
            .sessions
            .iter()
            .filter(|session| sees(project, session))
        {
            let arrived: HashMap<_, _> = session
                .events
                .iter()
                .map(|entry| (entry.event.id.clone(), entry.arrived))
                .collect();
            for event in self.shown(session) {
                let order = arrived[&event.id];
                if fits_event(&event, filter) && from.is_none_or(|from| order < from.order) {
                    let event = cut(event, filter);
                    let (id, project) = (session.id.clone(), session.project.clone());
                    found.push((
                        order,
                        FoundEvent {
                            session: id,
                            project,
                            event,
                        },
                    ));
                }
            }
        }
        found.sort_by_key(|(order, _)| std::cmp::Reverse(*order));
        let more = found.len() > size.get();
        found.truncate(size.get());
        let last = found.last().filter(|_| more);
        Ok(FoundPage {
            next: last.map(|(order, _)| {
                let order = *order;
                Place {
                    order,
                    ..Place::default()
                }
                .found_cursor()
            }),
            rows: found.into_iter().map(|(_, event)| event).collect(),
        })
    }

    fn search(
        &self,
        project: Option<&ProjectId>,
        question: &str,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError> {
        let wanted = words::words(question);
        let whole = EventFilter {
            heads_only: false,
            ..filter.clone()
        };
        // Without pages: the model is small.
        let mut page = self.found(project, &whole, PageSize::MAX, cursor)?;
        page.rows.retain(|row| {
            let has = words::words(&words::text_of(&row.event));
            !wanted.is_empty() && wanted.iter().all(|word| has.contains(word))
        });
        page.rows.truncate(size.get());
        for row in &mut page.rows {
            row.event = cut(row.event.clone(), filter);
        }
        Ok(page)
    }

    fn overview(
        &self,
        project: Option<&ProjectId>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Overview, QueryError> {
        let state = self.state.lock().unwrap();
        let mut overview = Overview::default();
        let mut named: [HashMap<Option<String>, NamedSums>; 4] = Default::default();
        let own = |session: &&Session| project.is_none_or(|project| session.project == *project);
        for session in state.sessions.iter().filter(own) {
            if session.facts.start >= from && session.facts.start < to {
                count_session(
                    &mut overview,
                    &session.facts,
                    self.count(session).cost_known,
                );
            }
            for event in self.shown(session) {
                let hour = |at: Timestamp| at.as_micros().div_euclid(3_600_000_000);
                let last = Timestamp::from_micros(to.as_micros() - 1);
                let start = event.init_timestamp;
                if hour(start) >= hour(from) && hour(start) <= hour(last) {
                    count_event(&mut overview, &mut named, &event);
                }
            }
        }
        let order = |rows: &mut Vec<(String, u64)>| {
            rows.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
            rows.truncate(overview::ROWS);
        };
        order(&mut overview.reasons);
        overview
            .tags
            .sort_by(|a, b| (b.sessions, &a.tag).cmp(&(a.sessions, &b.tag)));
        overview.tags.truncate(overview::ROWS);
        let [actions, llms, tools, errors] =
            named.map(|named| overview::most(named.into_values().collect()));
        (overview.actions, overview.models) = (actions, llms);
        (overview.tools, overview.errors) = (tools, errors);
        Ok(overview)
    }

    fn changes(&self, _: Option<&ProjectId>, _: Option<&Revision>) -> Result<Changes, QueryError> {
        // The model keeps no history; that of SQLite has tests of its own.
        let number = self.state.lock().unwrap().revision;
        let epoch = "model".to_owned();
        Ok(Changes {
            changes: Vec::new(),
            next: Revision { epoch, number },
            reset: false,
        })
    }

    fn uncounted(
        &self,
        of: Option<(&ProjectId, &SessionId)>,
        most: usize,
    ) -> Result<Vec<FoundEvent>, QueryError> {
        let state = self.state.lock().unwrap();
        let sessions = state.sessions.iter().filter(|session| {
            of.is_none_or(|(project, id)| session.id == *id && sees(Some(project), session))
        });
        let found = sessions.flat_map(|session| {
            let waiting = session.events.iter().filter(|entry| waits(entry));
            waiting.map(|entry| FoundEvent {
                session: session.id.clone(),
                project: session.project.clone(),
                event: entry.event.clone(),
            })
        });
        Ok(found.take(most).collect())
    }

    fn image(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        name: &ImageName,
    ) -> Result<Option<Image>, QueryError> {
        let find = |session: &Session| {
            let mut images = session.images.iter();
            images.find(|image| image.name() == *name).cloned()
        };
        Ok(self.read(project, id, find).flatten())
    }

    fn logs(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<String>, QueryError> {
        Ok(self.read(project, id, |session| session.logs.clone()))
    }

    fn agents(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Vec<Agent>>, QueryError> {
        Ok(self.read(project, id, |session| session.agents.clone()))
    }
}
