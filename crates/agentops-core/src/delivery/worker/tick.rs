//! What one tick does: commands, buffers, changes of sessions, commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use agentops_spool::Op;

use super::client::ClientState;
use super::inbox::{Command, Inbox, Until};
use super::live::{Held, Live, Lookup, too_late};
use crate::delivery::book::Progress;
use crate::delivery::host;
use crate::delivery::join::Join;
use crate::recording::clock::Anchor;
use crate::recording::{CallId, Slot, buffers, record};
use crate::state::{SessionState, Tags};
use crate::tally::Loss;

/// Events that are held in memory before they are written: a thread in a tight loop makes many in a tick.
const JOINED_AT_ONCE: usize = 256;

/// The worker's memory.
pub(super) struct Worker {
    inbox: &'static Inbox,
    pub(super) clients: HashMap<u32, ClientState>,
    pub(super) sessions: HashMap<u32, Live>,
    join: Join,
    /// What is to be done in the next tick.
    deferred: Vec<Command>,
    /// Sessions with events that the last commit has not confirmed.
    pub(super) unconfirmed: HashSet<u32>,
    /// Sessions that have ended and may still have open calls.
    ending: Vec<u32>,
}

impl Worker {
    pub(super) fn new(inbox: &'static Inbox) -> Self {
        Self {
            inbox,
            clients: HashMap::new(),
            sessions: HashMap::new(),
            join: Join::default(),
            deferred: Vec::new(),
            unconfirmed: HashSet::new(),
            ending: Vec::new(),
        }
    }

    /// Whether somebody waits for an answer by a deadline, or a record for its other half.
    pub(super) fn has_deadlines(&self) -> bool {
        self.join.waits()
            || self
                .clients
                .values()
                .any(|client| client.has_waiters() || client.closing)
    }

    /// Whether everything that was taken is written.
    pub(super) fn is_committed(&self) -> bool {
        self.clients.values().all(ClientState::is_committed)
    }

    /// One round; whether there was anything.
    pub(super) fn tick(&mut self) -> bool {
        let mut asked = std::mem::take(&mut self.deferred);
        asked.append(&mut self.inbox.take());
        // A session is told of once however often it changes, so a change that was asked for
        // before now may become its end after the buffers are taken. That end waits too.
        let ended = ends(&asked);
        let recorded = buffers::take();
        // What was recorded belongs to sessions that were opened before it was, and those are
        // here by now. Changes that came meanwhile may come after something that was recorded
        // too late for this tick: they wait for the next one, so that an end stays behind
        // everything before it.
        let came = self.inbox.take();
        let busy = !asked.is_empty() || !came.is_empty() || recorded;
        let later = self.begin(asked);
        self.deferred = self.begin(came);
        self.drain();
        let mut early = Vec::new();
        for command in later {
            match command {
                Command::Changed(session) => {
                    if !self.changed(&session, ended.contains(&session.slot.index())) {
                        early.push(Command::Changed(session));
                    }
                }
                other => self.command(other),
            }
        }
        self.deferred.splice(0..0, early);
        for client in self.clients.values_mut() {
            client.commit();
            client.expire();
        }
        self.rotated();
        self.confirm();
        self.retire();
        busy
    }

    /// Makes clients, sessions and agents, so that events find them; hands the rest back.
    fn begin(&mut self, commands: Vec<Command>) -> Vec<Command> {
        let mut rest = Vec::new();
        for command in commands {
            match command {
                Command::Client {
                    id,
                    settings,
                    data_dir,
                    failures,
                } => {
                    let client = ClientState::start(id, settings, data_dir, failures, self.inbox);
                    self.clients.insert(id, client);
                    self.share_memory();
                }
                Command::Open { client, session } => self.open(client, session),
                Command::Changed(session) => {
                    self.agents(&session);
                    rest.push(Command::Changed(session));
                }
                other => rest.push(other),
            }
        }
        rest
    }

    /// Counts what had to make room for newer events.
    fn rotated(&mut self) {
        for client in self
            .clients
            .values_mut()
            .filter(|client| !client.rotated.is_empty())
        {
            for sid in std::mem::take(&mut client.rotated) {
                let mut sessions = self.sessions.values();
                if let Some(live) = sessions.find(|live| live.state.id.as_str() == sid) {
                    live.state.lose(Loss::DiskFull, 1);
                }
            }
        }
    }

    /// Moves the watermark of sessions whose events are written.
    fn confirm(&mut self) {
        let (clients, sessions) = (&self.clients, &self.sessions);
        self.unconfirmed.retain(|index| {
            let Some(live) = sessions.get(index) else {
                return false;
            };
            let written = clients
                .get(&live.client)
                .is_some_and(ClientState::is_committed);
            if written {
                let events = live.state.facts().tally.events();
                live.state.spooled.store(events, Ordering::Release);
            }
            !written
        });
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Flush {
                client,
                session,
                until,
                deadline,
                answer,
            } => {
                if until == Until::AtExit {
                    self.interrupt();
                }
                if let Some(client) = self.clients.get_mut(&client) {
                    client.flush(session, until, deadline, answer, self.inbox);
                }
            }
            Command::Fetch {
                client,
                what,
                answer,
            } => {
                if let Some(client) = self.clients.get_mut(&client) {
                    client.fetch(what, answer);
                }
            }
            Command::Delivered { client, progress } => self.delivered(client, progress),
            Command::Recovered { client } => {
                if let Some(client) = self.clients.get_mut(&client) {
                    client.recovered();
                }
            }
            Command::Close { client } => {
                if let Some(client) = self.clients.get_mut(&client) {
                    client.closing = true;
                }
            }
            // Handled by the tick itself.
            Command::Client { .. } | Command::Open { .. } | Command::Changed(_) => {}
        }
    }

    /// Bounds what the threads may hold, and what one value may take.
    fn share_memory(&self) {
        let settings = || self.clients.values().map(|client| &client.settings);
        let memory = settings()
            .map(|settings| settings.memory_limit)
            .min()
            .unwrap_or(64 << 20);
        let field = settings()
            .map(|settings| settings.max_field_bytes)
            .max()
            .unwrap_or(64 << 10);
        buffers::set_memory_limit(memory);
        buffers::set_thread_limit(memory);
        crate::recording::cut::set_max_field(field);
    }

    fn open(&mut self, client_id: u32, session: Arc<SessionState>) {
        let Some(client) = self.clients.get_mut(&client_id) else {
            return;
        };
        if let Some(delivery) = &client.delivery {
            delivery.standing.know(&session);
        }
        session.facts().host_env = Some(host::environment(client.settings.env_data_opt_out));
        let sid = session.id.as_str().to_owned();
        let held = session.held.then(Held::default);
        if !session.joined && held.is_none() {
            client.own(&sid);
        }
        let body = serde_json::to_vec(&session.wire_at_start()).unwrap_or_default();
        let index = session.slot.index();
        self.sessions.insert(
            index,
            Live {
                state: session,
                client: client_id,
                held,
            },
        );
        self.write(index, Op::Session, &body);
    }

    /// Turns what was taken into lines.
    fn drain(&mut self) {
        let anchor = Anchor::take();
        let mut joined = Vec::new();
        buffers::read(&mut |bytes| {
            for record in record::read(bytes) {
                let names = Lookup(&self.sessions);
                self.join.feed(&record, &anchor, &names, &mut joined);
                if joined.len() >= JOINED_AT_ONCE {
                    self.events(&mut joined);
                }
            }
        });
        let mut opened = Vec::new();
        let names = Lookup(&self.sessions);
        self.join.settle(&names, &mut joined, |id, session, json| {
            opened.push((id, session, json));
        });
        self.say_running(opened);
        self.events(&mut joined);
        let sessions = &self.sessions;
        buffers::losses(&mut |slot, count| match sessions.get(&slot.index()) {
            Some(live) => live.state.lose(Loss::MemoryFull, count),
            None => too_late(slot, count, Loss::MemoryFull),
        });
    }

    /// Frees what is delivered, but not what a dead program's open calls are known by: it is written once more.
    fn delivered(&mut self, id: u32, progress: Progress) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        if let Some(before) = client.note(progress) {
            let sessions = &self.sessions;
            let is_of = |slot: Slot| {
                let live = sessions.get(&slot.index());
                live.is_some_and(|live| live.client == id)
            };
            let outgoing = self.join.outgoing(before, is_of, &Lookup(sessions));
            self.say_running(outgoing);
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.commit();
            client.delivered();
        }
    }

    /// Writes that calls run.
    fn say_running(&mut self, calls: Vec<(CallId, Slot, Vec<u8>)>) {
        for (id, session, json) in calls {
            let live = self.sessions.get(&session.index());
            let client = live.and_then(|live| self.clients.get(&live.client));
            let Some(segment) = client.map(ClientState::segment) else {
                continue;
            };
            if self.line(session, Op::Open, json) {
                self.join.told(id, segment);
            }
        }
    }

    /// Writes what is still open as interrupted: the process is about to end.
    fn interrupt(&mut self) {
        for (session, json) in self.join.interrupted(&Lookup(&self.sessions)) {
            self.line(session, Op::Event, json);
        }
    }

    /// Agents that are new in a session.
    fn agents(&mut self, session: &Arc<SessionState>) {
        let agents = std::mem::take(&mut session.facts().agents);
        for agent in agents {
            let body = serde_json::to_vec(&agent).unwrap_or_default();
            self.write(session.slot.index(), Op::Agent, &body);
        }
    }

    /// Tags, video, end: whatever is new of a session. `false` when it has an end whose turn has
    /// not come: records from before it may still be in the buffers.
    fn changed(&mut self, session: &Arc<SessionState>, may_end: bool) -> bool {
        session.unqueue();
        // One may have come since the tick began, and nobody will tell of it again.
        self.agents(session);
        let index = session.slot.index();
        let (changed, tags, end) = {
            let mut facts = session.facts();
            if facts.end.is_some() && !may_end {
                return false;
            }
            let changed = std::mem::take(&mut facts.changed);
            let tags = std::mem::take(&mut facts.changed_tags);
            (changed, tags, facts.end.clone())
        };
        if let Some(end) = &end {
            self.decide_held(index, end.state);
        }
        let live = self.sessions.get(&index);
        let client = live.and_then(|live| self.clients.get(&live.client));
        let joins = session.joined || client.is_some_and(ClientState::adds_tags);
        if tags == Tags::Added && joins {
            // Who joins adds its tags to those that others gave it.
            let body = serde_json::to_vec(&session.wire_at_start()).unwrap_or_default();
            self.write(index, Op::Session, &body);
        }
        if changed {
            let replaces = tags == Tags::Set || tags == Tags::Added && !joins;
            self.write(index, Op::Update, &session.update(replaces));
        }
        if end.is_some()
            && let Some(live) = self.sessions.get(&index)
            && let Some(client) = self.clients.get_mut(&live.client)
        {
            client.release(session.id.as_str());
            self.ending.push(index);
        }
        true
    }

    /// Forgets sessions that have ended with all their calls, and clients that are done.
    fn retire(&mut self) {
        let (join, sessions) = (&self.join, &mut self.sessions);
        self.ending.retain(|index| {
            let over = join.open_in(Slot(*index)) == 0;
            if over && let Some(live) = sessions.remove(index) {
                live.state.forget_agents();
            }
            !over
        });
        let sessions = &self.sessions;
        if !self.clients.values().any(|client| client.closing) {
            return;
        }
        self.clients.retain(|id, client| {
            let used = || sessions.values().any(|live| live.client == *id);
            !client.closing || used() || !client.is_done()
        });
    }
}

/// The sessions of these commands that have ended by now.
fn ends(commands: &[Command]) -> Vec<u32> {
    let ended = |command: &Command| match command {
        Command::Changed(session) if session.is_ended() => Some(session.slot.index()),
        _ => None,
    };
    commands.iter().filter_map(ended).collect()
}
