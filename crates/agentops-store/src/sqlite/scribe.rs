//! Carries batches out inside a transaction that somebody else begins and commits.

use agentops_protocol::{Event, EventBody, EventId, EventPatch, SessionId, Timestamp};
use rusqlite::Connection;

use super::agents;
use super::bodies::{self, Prompt};
use super::fault::Fault;
use super::idents::Ident;
use super::images;
use super::messages::{MessageReader, MessageWriter};
use super::names::Names;
use super::pack::{Packer, Unpacker};
use super::removal;
use super::requests;
use super::rollups::Rollups;
use super::rows::{self, Columns};
use super::sessions;
use super::stats::Tally;
use super::told;
use crate::facts::Facts;
use crate::stub::{self, Given};
use crate::{Batch, Mutation, PriceOf, Receipt, TokenCount, Write};

/// The writer's knowledge: caches, compressor, prices.
pub(crate) struct Scribe {
    price: PriceOf,
    names: Names,
    messages: MessageWriter,
    packer: Packer,
    unpacker: Unpacker,
    rollups: Rollups,
    body: Vec<u8>,
}

/// A session while a batch changes it.
struct Open {
    project: i64,
    seq: i64,
    id: SessionId,
    facts: Facts,
    saved: Facts,
    tally: Tally,
    counted: bool,
    touched: bool,
}

/// The ids of an event's names.
struct Named {
    name: Option<i64>,
    model: Option<i64>,
}

impl Scribe {
    pub(crate) fn new(connection: &Connection, price: PriceOf) -> Result<Self, Fault> {
        Ok(Self {
            price,
            names: Names::default(),
            messages: MessageWriter::default(),
            packer: Packer::newest(connection)?,
            unpacker: Unpacker::default(),
            rollups: Rollups::default(),
            body: Vec::new(),
        })
    }

    /// Packs with the newest dictionary from now on, if that is `dict` and new.
    pub(crate) fn renew(&mut self, connection: &Connection, dict: i64) -> Result<(), Fault> {
        if dict > self.packer.dict() {
            self.packer = Packer::newest(connection)?;
        }
        Ok(())
    }

    /// Forgets what may have been rolled back.
    pub(crate) fn forget(&mut self) {
        self.names.forget();
        self.messages.forget();
        self.rollups.forget();
    }

    /// Carries a batch out. After an error the caller rolls it back and calls
    /// [`Scribe::forget`].
    pub(crate) fn apply(
        &mut self,
        connection: &Connection,
        batch: Batch,
    ) -> Result<Receipt, Fault> {
        if let Some(cursor) = &batch.cursor {
            requests::save_cursor(connection, cursor)?;
        }
        let last = batch
            .writes
            .last()
            .map(|w| (w.project.clone(), w.session.clone(), w.received));
        let Some((project, session, received)) = last else {
            return Ok(Receipt::new(requests::revision(connection)?, None, false));
        };
        let project = self.names.project(connection, &project)?;
        let key = batch.idempotency_key.as_deref().map(requests::short);
        if let Some(key) = &key
            && let Some(cost) = requests::answered(connection, project, &session, key)?
        {
            return Ok(Receipt::new(requests::revision(connection)?, cost, true));
        }
        let mut sessions = Vec::new();
        let mut changed = None;
        for write in batch.writes {
            let Some(index) = self.open(connection, &mut sessions, &write)? else {
                continue;
            };
            let Write {
                received, mutation, ..
            } = write;
            if matches!(mutation, Mutation::Delete) {
                changed = Some(delete(connection, &sessions.remove(index))?);
            } else {
                self.mutate(connection, &mut sessions[index], received, mutation)?;
            }
        }
        for open in &mut sessions {
            changed = self.close(connection, open)?.or(changed);
        }
        self.rollups.write(connection)?;
        let answered = sessions
            .iter()
            .find(|open| open.project == project && open.id == session);
        let cost = answered.and_then(|open| open.tally.sums.known_cost());
        if let (Some(key), Some(open)) = (key, answered) {
            requests::save(connection, open.seq, &key, cost, received)?;
        }
        let revision = match changed {
            Some(revision) => revision,
            None => requests::revision(connection)?,
        };
        Ok(Receipt::new(revision, cost, false))
    }

    /// Finds the session of a write among those the batch opened, else in the database, else
    /// makes it; but what is to be taken away or ended is not made for that.
    fn open(
        &mut self,
        connection: &Connection,
        sessions: &mut Vec<Open>,
        write: &Write,
    ) -> Result<Option<usize>, Fault> {
        let project = self.names.project(connection, &write.project)?;
        let is_it = |open: &Open| open.project == project && open.id == write.session;
        // Writes of one session follow each other as a rule.
        if let Some(index) = sessions.iter().rposition(is_it) {
            return Ok(Some(index));
        }
        let id = write.session.clone();
        let open = match sessions::find(connection, project, id.as_str())? {
            Some(stored) => Open {
                project,
                seq: stored.seq,
                id,
                saved: stored.facts.clone(),
                facts: stored.facts,
                tally: Tally {
                    sums: stored.sums,
                    ..Tally::default()
                },
                counted: false,
                touched: false,
            },
            None if matches!(
                write.mutation,
                Mutation::Delete
                    | Mutation::Interrupt(_)
                    | Mutation::Reprice
                    | Mutation::CountTokens(_)
            ) =>
            {
                return Ok(None);
            }
            None => {
                let facts = Facts::begun(write.received);
                Open {
                    project,
                    seq: sessions::insert(connection, project, id.as_str(), &facts)?,
                    id,
                    saved: facts.clone(),
                    facts,
                    tally: Tally::default(),
                    counted: false,
                    touched: true,
                }
            }
        };
        sessions.push(open);
        Ok(Some(sessions.len() - 1))
    }

    /// Writes what changed of a session; the revision, if anything did.
    fn close(&mut self, connection: &Connection, open: &mut Open) -> Result<Option<u64>, Fault> {
        if open.facts != open.saved {
            sessions::save_facts(connection, &mut self.packer, open.seq, &open.facts)?;
            open.touched = true;
        }
        if open.counted {
            sessions::save_counts(connection, open.seq, &mut open.tally)?;
            open.touched = true;
        }
        if !open.touched {
            return Ok(None);
        }
        requests::note_change(connection, open.seq).map(Some)
    }

    fn mutate(
        &mut self,
        connection: &Connection,
        open: &mut Open,
        received: Timestamp,
        mutation: Mutation,
    ) -> Result<(), Fault> {
        match mutation {
            Mutation::CreateSession(patch) => open.facts.join(patch, received),
            Mutation::UpdateSession(patch) => open.facts.update(patch, received),
            Mutation::Recover { reason } => {
                sessions::refresh_last(connection, open.seq, &mut open.tally)?;
                open.facts.recover(reason, open.tally.sums.last);
                open.touched |= rows::interrupt(connection, open.seq)?;
            }
            Mutation::Interrupt(events) => {
                for id in &events {
                    open.touched |= rows::interrupt_one(connection, open.seq, id)?;
                }
            }
            Mutation::Share(reader) => {
                let reader = self.names.project(connection, &reader)?;
                if reader != open.project {
                    open.touched |= sessions::share(connection, open.seq, reader)?;
                }
            }
            Mutation::Reprice => self.reprice(connection, open)?,
            // Taken out of the list of open sessions by the caller.
            Mutation::Delete => {}
            Mutation::CreateEvents(events) => {
                for event in events {
                    self.create(connection, open, event)?;
                }
            }
            Mutation::UpdateEvents(patches) => {
                for patch in patches {
                    self.update(connection, open, patch, received)?;
                }
            }
            Mutation::UpsertAgent(agent) => {
                agents::upsert(connection, open.seq, &agent)?;
                open.touched = true;
            }
            Mutation::UpsertThread(thread) => {
                agents::upsert_thread(connection, open.seq, &thread)?;
                open.touched = true;
            }
            Mutation::CountTokens(counts) => {
                for count in &counts {
                    self.estimate(connection, open, count)?;
                }
            }
            Mutation::KeepImages(images) => {
                for image in &images {
                    images::keep(connection, open.seq, image)?;
                }
            }
            Mutation::AppendLogs(text) => {
                let packed = self.packer.pack(text.as_bytes())?;
                connection
                    .prepare_cached("INSERT INTO logs (session, dict, body) VALUES (?1, ?2, ?3)")?
                    .execute((open.seq, packed.dict, packed.bytes))?;
                open.touched = true;
            }
        }
        Ok(())
    }

    fn create(
        &mut self,
        connection: &Connection,
        open: &mut Open,
        event: Event,
    ) -> Result<(), Fault> {
        let id = event.id.clone();
        let Some(event) = self.add(connection, open, event, None)? else {
            return Ok(());
        };
        // The id is known. Only a stub has anything to learn from this.
        let stub: Option<u32> = connection
            .prepare_cached("SELECT stub FROM events WHERE session = ?1 AND id = ?2")?
            .query_row((open.seq, Ident::of(id.as_str())), |row| row.get(0))?;
        let Some(given) = stub.map(Given) else {
            return Ok(());
        };
        let old = self
            .load(connection, open.seq, &id)?
            .ok_or(Fault::Damaged("event"))?;
        let filled = stub::fill(&old.given_only(), given, event);
        rows::note_unsearched(connection, open.seq, &id)?;
        self.put(connection, open, &old, filled, None)
    }

    fn update(
        &mut self,
        connection: &Connection,
        open: &mut Open,
        mut patch: EventPatch,
        received: Timestamp,
    ) -> Result<(), Fault> {
        // The reader of requests refuses an update without an id.
        let Some(id) = patch.id.take() else {
            return Err(Fault::Damaged("update without an id"));
        };
        let Some(old) = self.load(connection, open.seq, &id)? else {
            let (event, given) = stub::begin(id, patch, received);
            return self.add(connection, open, event, Some(given)).map(drop);
        };
        let mut event = old.given_only();
        let mut stub = old.stub;
        match &mut stub {
            Some(given) => stub::update(&mut event, given, patch),
            None => patch.apply(&mut event),
        }
        rows::note_unsearched(connection, open.seq, &event.id)?;
        self.put(connection, open, &old, event, stub)
    }

    /// Fills in tokens that were counted here, unless the call has changed since.
    fn estimate(
        &mut self,
        connection: &Connection,
        open: &mut Open,
        count: &TokenCount,
    ) -> Result<(), Fault> {
        let Some(old) = self.load(connection, open.seq, &count.event)? else {
            return Ok(());
        };
        if old.estimated != Some(told::WAITS) {
            return Ok(());
        }
        let mut event = old.given_only();
        let estimated = told::estimate(&mut event, count);
        self.put(connection, open, &old, event, old.stub)?;
        rows::set_estimated(connection, open.seq, &count.event, estimated)
    }

    /// Finds the costs of all calls anew that came without one.
    fn reprice(&mut self, connection: &Connection, open: &mut Open) -> Result<(), Fault> {
        for id in rows::priced_here(connection, open.seq)? {
            let Some(old) = self.load(connection, open.seq, &id)? else {
                continue;
            };
            let (mut event, before) = (old.event.clone(), old.counted().cost);
            told::unprice(&mut event);
            let mut priced = event.clone();
            self.price(&mut priced);
            if rows::counted(&priced, None).cost != before {
                self.put(connection, open, &old, event, old.stub)?;
                if let Some(estimated) = old.estimated {
                    rows::set_estimated(connection, open.seq, &id, estimated)?;
                }
            }
        }
        Ok(())
    }

    fn load(
        &mut self,
        connection: &Connection,
        session: i64,
        id: &EventId,
    ) -> Result<Option<rows::Stored>, Fault> {
        let sql = format!("{}WHERE e.session = ?1 AND e.id = ?2", rows::SELECT);
        let mut select = connection.prepare_cached(&sql)?;
        let mut found = select.query((session, Ident::of(id.as_str())))?;
        let Some(row) = found.next()? else {
            return Ok(None);
        };
        let mut messages = MessageReader::default();
        rows::read(row, connection, &mut self.unpacker, &mut messages).map(Some)
    }

    /// Adds an event; gives it back when its id is there already.
    fn add(
        &mut self,
        connection: &Connection,
        open: &mut Open,
        mut event: Event,
        stub: Option<Given>,
    ) -> Result<Option<Event>, Fault> {
        let priced = self.price(&mut event);
        let (names, added) =
            self.write(connection, open.seq, &event, stub, !priced, rows::insert)?;
        if !added {
            if priced {
                told::unprice(&mut event);
            }
            return Ok(Some(event));
        }
        self.count(open, None, &event, names);
        Ok(None)
    }

    /// Writes `event` over `old`.
    fn put(
        &mut self,
        connection: &Connection,
        open: &mut Open,
        old: &rows::Stored,
        mut event: Event,
        stub: Option<Given>,
    ) -> Result<(), Fault> {
        let priced = self.price(&mut event);
        let (names, ()) = self.write(connection, open.seq, &event, stub, !priced, rows::update)?;
        self.count(open, Some(old), &event, names);
        Ok(())
    }

    /// Finds the cost of a call that came without one; whether it did come without.
    fn price(&self, event: &mut Event) -> bool {
        match &mut event.body {
            EventBody::Llm(llm) if llm.cost.is_none() => {
                llm.cost = told::price_of(&self.price, llm);
                true
            }
            _ => false,
        }
    }

    fn write<T>(
        &mut self,
        connection: &Connection,
        session: i64,
        event: &Event,
        stub: Option<Given>,
        cost_given: bool,
        write: impl FnOnce(&Connection, &Event, &Columns<'_>) -> Result<T, Fault>,
    ) -> Result<(Named, T), Fault> {
        let (name, model, prompt) = match &event.body {
            EventBody::Llm(llm) => (None, llm.model.as_deref(), llm.prompt.as_ref()),
            _ => (event.name(), None, None),
        };
        let name = self.names.id(connection, name)?;
        let model = self.names.id(connection, model)?;
        let agent = event.agent_id.as_ref().map(AsRef::as_ref);
        let agent = self.names.id(connection, agent)?;
        let pieces = match prompt {
            Some(prompt) => {
                self.messages
                    .cut(connection, &mut self.packer, session, prompt.get())?
            }
            None => None,
        };
        let prompt = pieces.map_or(Prompt::Whole, Prompt::Pieces);
        bodies::write(event, &prompt, &mut self.body);
        let columns = Columns {
            session,
            agent,
            name,
            model,
            stub,
            cost_given: cost_given && matches!(event.body, EventBody::Llm(_)),
            body: self.packer.pack(&self.body)?,
        };
        let written = write(connection, event, &columns)?;
        Ok((Named { name, model }, written))
    }

    /// Counts `event` instead of `old`.
    fn count(
        &mut self,
        open: &mut Open,
        old: Option<&rows::Stored>,
        event: &Event,
        Named { name, model }: Named,
    ) {
        let new = rows::counted(event, model);
        let before = old.map(rows::Stored::counted);
        open.tally.replace(before.as_ref(), &new);
        open.counted = true;
        if let (Some(old), Some(before)) = (old, &before) {
            let name = old.model.or(old.name);
            self.rollups
                .count(open.project, name, before, &old.event.status, -1);
        }
        self.rollups
            .count(open.project, model.or(name), &new, &event.status, 1);
    }
}

/// Takes a session out of sight; the revision.
fn delete(connection: &Connection, open: &Open) -> Result<u64, Fault> {
    removal::doom(connection, open.seq, open.project)?;
    requests::note_change(connection, open.seq)
}
