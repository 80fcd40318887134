//! The local data directory, opened by this process.

use std::path::{Path, PathBuf};

use agentops_protocol::SessionId;
use agentops_protocol::api::SessionList;
use agentops_server::{ImportError, ImportReport};
use agentops_spool::Spool;
use agentops_store::{Cursor, PageSize, Query as _, QueryError, SessionFilter, SqliteStore};
use anyhow::Context as _;

use crate::exit::{Exit, Problem};
use crate::output;
use crate::text::counted;

/// The database in a data directory.
const DATABASE: &str = "agentops.db";

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
        let unusable = |error: &dyn std::fmt::Display| {
            let message = format!("data directory {} cannot be used: {error}", dir.display());
            anyhow::Error::from(Problem::new(Exit::DataDir, message))
        };
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
        // What is no id names no session.
        let Ok(id) = id.parse::<SessionId>() else {
            return Ok(None);
        };
        let export = self
            .store
            .export(None, &id)
            .map_err(|error| self.unreadable(error))?;
        let Some(export) = export else {
            return Ok(None);
        };
        serde_json::to_string(&export)
            .map(Some)
            .context("cannot write the export")
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
