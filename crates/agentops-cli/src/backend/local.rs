//! The local data directory, opened by this process.

use std::path::{Path, PathBuf};

use agentops_protocol::api::{EventList, SessionAnswer, SessionList};
use agentops_protocol::{EventId, SessionId};
use agentops_server::{ImportError, ImportReport};
use agentops_spool::Spool;
use agentops_store::{
    Batch, Cursor, Ingest as _, Mutation, PageSize, Query as _, QueryError, Revision,
    SessionFilter, SqliteStore, Write,
};
use anyhow::Context as _;

use super::query::EventQuery;
use crate::exit::{Exit, Problem};
use crate::output;
use crate::text::counted;

/// The database in a data directory.
const DATABASE: &str = "agentops.db";

/// A place in the changes of a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Place(Revision);

/// A data directory and the store in it.
pub(crate) struct Local {
    dir: PathBuf,
    store: SqliteStore,
}

/// Why a data directory was not opened.
pub(crate) enum Unopened {
    /// Another process is at it; it may be a server that is just starting.
    Busy(anyhow::Error),
    /// It cannot be used.
    Failed(anyhow::Error),
}

/// Whether nothing was ever recorded there. Looks only, and makes nothing.
pub(crate) fn is_empty(dir: &Path) -> bool {
    // What cannot be looked at is not called empty: opening it says why.
    let no_database = matches!(dir.join(DATABASE).try_exists(), Ok(false));
    no_database
        && Spool::at(dir)
            .directories()
            .is_ok_and(|directories| directories.is_empty())
}

impl Local {
    /// Opens the store and imports what lies in the spool.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, Unopened> {
        let unusable = |error: &dyn std::fmt::Display| anyhow::Error::from(unusable(&dir, error));
        let options =
            agentops_server::store_options(None).map_err(|e| Unopened::Failed(unusable(&e)))?;
        let store =
            SqliteStore::open(&dir, options).map_err(|error| Unopened::Failed(unusable(&error)))?;
        match agentops_server::import_once(&store, &dir) {
            Ok(report) => tell(&report),
            Err(error @ ImportError::Locked) => return Err(Unopened::Busy(unusable(&error))),
            Err(error) => return Err(Unopened::Failed(unusable(&error))),
        }
        Ok(Self { dir, store })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// One page of all sessions in it: they belong to whoever owns the directory.
    pub(crate) fn list(&self, limit: u16, cursor: Option<&str>) -> anyhow::Result<SessionList> {
        let size = PageSize::new(limit.into()).context("limit: expected 1 to 500")?;
        let cursor = cursor.map(|cursor| Cursor(cursor.to_owned()));
        let page = self
            .store
            .sessions(None, &SessionFilter::default(), size, cursor.as_ref());
        let page = page.map_err(|error| self.unreadable(error))?;
        Ok(SessionList {
            sessions: page.rows.into_iter().map(Into::into).collect(),
            next_cursor: page.next.map(|Cursor(next)| next),
        })
    }

    /// The export object of the session of exactly this id.
    pub(crate) fn export(&self, id: &str) -> anyhow::Result<Option<String>> {
        self.read(id, |id| self.store.export(None, id))
    }

    /// The session's page as one file.
    pub(crate) fn page(&self, id: &str) -> anyhow::Result<Option<String>> {
        let Ok(id) = id.parse::<SessionId>() else {
            return Ok(None);
        };
        let now = agentops_server::system_clock()();
        agentops_server::session_html(&self.store, None, &id, now).map_err(|error| {
            let message = format!("data directory {}: {error}", self.dir.display());
            Problem::new(Exit::DataDir, message).into()
        })
    }

    /// The session and its counts.
    pub(crate) fn session(&self, id: &str) -> anyhow::Result<Option<String>> {
        self.read(id, |id| {
            let row = self.store.session(None, id)?;
            Ok(row.map(|row| SessionAnswer {
                session: row.session,
                stats: row.stats,
            }))
        })
    }

    /// The counts of a session.
    pub(crate) fn stats(&self, id: &str) -> anyhow::Result<Option<String>> {
        self.read(id, |id| self.store.stats(None, id))
    }

    /// A page of the events of a session.
    pub(crate) fn events(&self, id: &str, query: &EventQuery) -> anyhow::Result<Option<String>> {
        let (filter, (size, cursor)) = (query.filter(), query.place()?);
        self.read(id, |id| {
            let page = self
                .store
                .events(None, id, &filter, size, cursor.as_ref())?;
            Ok(page.map(|page| page.into_list(id)))
        })
    }

    /// One event, whole.
    pub(crate) fn event(&self, session: &str, id: &str) -> anyhow::Result<Option<String>> {
        let Ok(event) = id.parse::<EventId>() else {
            return Ok(None);
        };
        self.read(session, |session| self.store.event(None, session, &event))
    }

    /// A page of the events of all sessions.
    pub(crate) fn found(&self, query: &EventQuery) -> anyhow::Result<String> {
        let (filter, (size, cursor)) = (query.filter(), query.place()?);
        let page = self.store.found(None, &filter, size, cursor.as_ref());
        to_json(&EventList::from(
            page.map_err(|error| self.unreadable(error))?,
        ))
    }

    /// Takes a session away; whether there was one.
    pub(crate) fn delete(&self, id: &str) -> anyhow::Result<bool> {
        let Ok(session) = id.parse::<SessionId>() else {
            return Ok(false);
        };
        let row = self.store.session(None, &session);
        let Some(row) = row.map_err(|error| self.unreadable(error))? else {
            return Ok(false);
        };
        let project = row.session.project_id.parse();
        let write = Write {
            project: project.context("a stored project cannot be read")?,
            session,
            received: agentops_server::system_clock()(),
            mutation: Mutation::Delete,
        };
        let batch = Batch {
            writes: vec![write],
            idempotency_key: None,
            cursor: None,
        };
        let stored = self
            .store
            .submit(batch)
            .and_then(agentops_store::Pending::wait);
        stored.context("cannot take the session away")?;
        Ok(true)
    }

    /// Brings in what programs recorded since; `None` when another process has the import.
    pub(crate) fn import(&self) -> anyhow::Result<Option<()>> {
        match agentops_server::import_once(&self.store, &self.dir) {
            Ok(_) => Ok(Some(())),
            Err(ImportError::Locked) => Ok(None),
            Err(error) => Err(unusable(&self.dir, &error).into()),
        }
    }

    /// Which sessions changed after a place, and the next place.
    pub(crate) fn changes(
        &self,
        after: Option<&Place>,
    ) -> anyhow::Result<(Vec<Option<String>>, Place)> {
        let changes = self.store.changes(None, after.map(|place| &place.0));
        let changes = changes.map_err(|error| self.unreadable(error))?;
        let changed = changes.changes.into_iter();
        let sessions = changed.map(|change| change.session.map(Into::into));
        Ok((sessions.collect(), Place(changes.next)))
    }

    /// What `read` has of the session of exactly this id, as JSON.
    fn read<T: serde::Serialize>(
        &self,
        id: &str,
        read: impl FnOnce(&SessionId) -> Result<Option<T>, QueryError>,
    ) -> anyhow::Result<Option<String>> {
        // What is no id names no session.
        let Ok(id) = id.parse::<SessionId>() else {
            return Ok(None);
        };
        let found = read(&id).map_err(|error| self.unreadable(error))?;
        found.as_ref().map(to_json).transpose()
    }

    fn unreadable(&self, error: QueryError) -> Problem {
        match error {
            error @ QueryError::Cursor => Problem::new(Exit::Usage, error.to_string()),
            error => {
                let message = format!("data directory {}: {error}", self.dir.display());
                Problem::new(Exit::DataDir, message)
            }
        }
    }
}

fn unusable(dir: &Path, error: &dyn std::fmt::Display) -> Problem {
    let message = format!("data directory {} cannot be used: {error}", dir.display());
    Problem::new(Exit::DataDir, message)
}

/// JSON of what a store answers, as a server writes it.
pub(super) fn to_json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    serde_json::to_string(value).context("cannot write the answer")
}

/// Says what of the spool is missing in the store, if anything.
fn tell(report: &ImportReport) {
    let lost = report.refused + report.damaged;
    if lost > 0 {
        let lines = counted(lost, "recorded line");
        output::note(&format!("{lines} could not be read and cannot be shown"));
    }
    if report.failed > 0 {
        let folders = counted(report.failed, "spool folder");
        output::note(&format!(
            "{folders} could not be imported; check the permissions"
        ));
    }
}
