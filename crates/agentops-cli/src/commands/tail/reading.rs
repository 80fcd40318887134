//! What happened since the last look, read from the lists.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Write;

use anyhow::Context as _;

use super::lines::{Came, Lines};
use crate::backend::{Backend, EventQuery};
use crate::output::{self, Out};
use crate::view::{Event, EventPage, OneSession};

/// Events of one page.
const PAGE: u16 = 500;
/// Pages that are read for one look; what came before them is not shown.
const PAGES: usize = 20;
/// Sessions that are looked through for those that run.
const SESSIONS: u16 = 100;
/// Events that are remembered, so that none is shown twice.
const REMEMBERED: usize = 20_000;
/// Calls that run and whose ends are looked for.
const RUNNING: usize = 1_000;

/// An event by its session and its id.
type Key = (String, String);

/// What has been read so far.
pub(super) struct Reading {
    /// The one session that is followed; `None`: all.
    id: Option<String>,
    lines: Lines,
    known: HashSet<Key>,
    /// The same, the oldest first.
    order: VecDeque<Key>,
    /// Calls that had not ended when they were read.
    running: VecDeque<Key>,
    /// Sessions that were told of, and whether they had ended.
    sessions: HashMap<String, bool>,
}

impl Reading {
    pub(super) fn new(id: Option<String>, lines: Lines) -> Self {
        Self {
            id,
            lines,
            known: HashSet::new(),
            order: VecDeque::new(),
            running: VecDeque::new(),
            sessions: HashMap::new(),
        }
    }

    /// Whether the session that is followed has ended.
    pub(super) fn is_over(&self) -> bool {
        let ended = |id| self.sessions.get(id).copied().unwrap_or(false);
        self.id.as_ref().is_some_and(ended)
    }

    /// Begins with the `last` newest events that are there.
    pub(super) fn begin<W: Write>(
        &mut self,
        backend: &Backend,
        last: u16,
        out: &mut Out<W>,
    ) -> anyhow::Result<()> {
        let last = usize::from(last);
        // Where what is new begins, be it a single event.
        let newest = page(&backend.found(&EventQuery::page(PAGE.min(last.max(1) as u16)))?)?;
        let Some(id) = self.id.clone() else {
            // Those that run: their ends will be told.
            for session in backend.list(SESSIONS, None)?.sessions.iter().rev() {
                if session.end_timestamp.is_none() {
                    self.session(backend, &session.session_id, out)?;
                }
            }
            for came in newest.0.into_iter().rev().skip_while(|_| last == 0) {
                self.came(&came, out)?;
            }
            return Ok(());
        };
        for came in newest.0 {
            let key = key(&came.event);
            if key.0 != id {
                self.remember(key);
            }
        }
        self.session(backend, &id, out)?;
        let mut tail: VecDeque<Came> = VecDeque::new();
        let mut query = EventQuery::page(PAGE);
        while let Some(text) = backend.events(&id, &query)? {
            let (events, next) = page(&text)?;
            for came in events {
                self.lines.place(&came.event);
                self.remember(key(&came.event));
                self.watch(&came.event);
                tail.push_back(came);
                if tail.len() > last {
                    tail.pop_front();
                }
            }
            query.cursor = next;
            if query.cursor.is_none() {
                break;
            }
        }
        for came in tail {
            self.lines.event(&came, false, out)?;
        }
        self.end(backend, &id, out)
    }

    /// Shows what happened in these sessions; in all of them: `None`.
    pub(super) fn catch_up<W: Write>(
        &mut self,
        backend: &Backend,
        changed: Option<&[String]>,
        out: &mut Out<W>,
    ) -> anyhow::Result<()> {
        let changed: Vec<String> = match (&self.id, changed) {
            (Some(id), Some(changed)) if !changed.contains(id) => return Ok(()),
            (Some(id), _) => vec![id.clone()],
            (None, Some(changed)) => changed.to_vec(),
            (None, None) => {
                let going = self.sessions.iter().filter(|(_, ended)| !**ended);
                going.map(|(id, _)| id.clone()).collect()
            }
        };
        // Whether they have ended is asked first: then all that led to it is there to be read.
        let mut ended = Vec::new();
        for id in changed {
            if self.session(backend, &id, out)? {
                ended.push(id);
            }
        }
        self.new_events(backend, out)?;
        self.ends(backend, out)?;
        for id in ended {
            self.end(backend, &id, out)?;
        }
        Ok(())
    }

    /// Tells of a session that begins; whether it has ended and that was not told yet.
    fn session<W: Write>(
        &mut self,
        backend: &Backend,
        id: &str,
        out: &mut Out<W>,
    ) -> anyhow::Result<bool> {
        let Some(text) = backend.session(id)? else {
            self.sessions.insert(id.to_owned(), true);
            return Ok(false);
        };
        let one = read_session(&text)?;
        let was_known = self.sessions.contains_key(id);
        if !was_known {
            self.sessions.insert(id.to_owned(), false);
            self.lines.begins(&text, &one, out)?;
        }
        Ok(one.session.end_timestamp.is_some() && !self.sessions[id])
    }

    /// Tells of a session's end, if it has one that was not told.
    fn end<W: Write>(
        &mut self,
        backend: &Backend,
        id: &str,
        out: &mut Out<W>,
    ) -> anyhow::Result<()> {
        let Some(text) = backend.session(id)? else {
            return Ok(());
        };
        let one = read_session(&text)?;
        if one.session.end_timestamp.is_some() && self.sessions.get(id) != Some(&true) {
            self.sessions.insert(id.to_owned(), true);
            self.lines.ends(&text, &one, out)?;
        }
        Ok(())
    }

    /// Shows the events that arrived since.
    fn new_events<W: Write>(&mut self, backend: &Backend, out: &mut Out<W>) -> anyhow::Result<()> {
        let mut new: Vec<Came> = Vec::new();
        let mut query = EventQuery::page(PAGE);
        let mut pages = 0;
        'pages: loop {
            let (events, next) = page(&backend.found(&query)?)?;
            for came in events {
                if self.known.contains(&key(&came.event)) {
                    break 'pages;
                }
                new.push(came);
            }
            pages += 1;
            query.cursor = next;
            if query.cursor.is_none() {
                break;
            }
            if pages == PAGES {
                output::note("more came at once than is shown here; the oldest of it is left out");
                break;
            }
        }
        for came in new.into_iter().rev() {
            self.came(&came, out)?;
        }
        Ok(())
    }

    fn came<W: Write>(&mut self, came: &Came, out: &mut Out<W>) -> anyhow::Result<()> {
        let key = key(&came.event);
        let is_wanted = self.id.as_ref().is_none_or(|id| *id == key.0);
        self.remember(key);
        if !is_wanted {
            return Ok(());
        }
        self.lines.place(&came.event);
        self.watch(&came.event);
        self.lines.event(came, self.id.is_none(), out)
    }

    /// Shows the calls that have ended since they were shown as running.
    fn ends<W: Write>(&mut self, backend: &Backend, out: &mut Out<W>) -> anyhow::Result<()> {
        for _ in 0..self.running.len() {
            let Some((session, id)) = self.running.pop_front() else {
                break;
            };
            // Gone with its session, perhaps.
            let Some(raw) = backend.event(&session, &id)? else {
                continue;
            };
            let mut event = Event::read(&raw)?;
            event.session_id = Some(session.clone());
            if is_running(&event) {
                self.running.push_back((session, id));
                continue;
            }
            self.lines
                .event(&Came { raw, event }, self.id.is_none(), out)?;
        }
        Ok(())
    }

    fn watch(&mut self, event: &Event) {
        if is_running(event) {
            self.running.push_back(key(event));
            if self.running.len() > RUNNING {
                self.running.pop_front();
            }
        }
    }

    fn remember(&mut self, key: Key) {
        if self.known.insert(key.clone()) {
            self.order.push_back(key);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }
}

fn is_running(event: &Event) -> bool {
    event.end_timestamp.is_none() && event.trouble() == Some("running")
}

fn key(event: &Event) -> Key {
    let text = |id: &Option<String>| id.clone().unwrap_or_default();
    (text(&event.session_id), text(&event.id))
}

fn read_session(text: &str) -> anyhow::Result<OneSession> {
    serde_json::from_str(text).context("the session cannot be read")
}

/// A page of events, and where the next one begins.
fn page(text: &str) -> anyhow::Result<(Vec<Came>, Option<String>)> {
    let page = EventPage::read(text)?;
    let events = page.events()?.into_iter().zip(&page.events);
    let came = events.map(|(event, raw)| Came {
        raw: raw.get().to_owned(),
        event,
    });
    Ok((came.collect(), page.next_cursor))
}
