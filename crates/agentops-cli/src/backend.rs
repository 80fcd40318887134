//! Where sessions are read from: a server, or the local data directory.
//!
//! A data directory belongs to one process at a time. While a server has it open it is read
//! through that server; otherwise the command imports what programs left in the spool and opens
//! the store itself. Either way the answers have the same shape.

mod local;
mod query;
mod remote;
mod stream;

use std::path::{Path, PathBuf};

use agentops_protocol::api::{EventList, SessionList};
use anyhow::Context as _;

pub(crate) use self::local::Place;
use self::local::{Local, Unopened};
pub(crate) use self::query::EventQuery;
pub(crate) use self::remote::{Probe, Remote, install_crypto, is_loopback};
pub(crate) use self::stream::{Told, follow};
use crate::args::Source;
use crate::env;
use crate::exit::{Exit, Problem};
use crate::text::counted;

/// Sessions that are looked through for one whose id begins as given.
const LOOKED_THROUGH: usize = 10_000;
/// Rows of one page of that search.
const PAGE: u16 = 500;
/// Ids that are named when several fit.
const NAMED: usize = 5;

/// A place that answers.
pub(crate) enum Backend {
    /// A server.
    Server(Remote),
    /// The data directory itself, opened.
    Directory(Box<Local>),
    /// A data directory in which nothing has been recorded, or none at all.
    Empty(PathBuf),
}

impl Backend {
    /// Finds out where to read and opens it.
    pub(crate) fn open(source: &Source) -> anyhow::Result<Self> {
        let key = || source.api_key.clone().or_else(|| env::get(env::API_KEY));
        if let Some(endpoint) = &source.endpoint {
            return Ok(Self::Server(Remote::new(endpoint, key())?));
        }
        if let (None, Some(endpoint)) = (&source.data_dir, env::get(env::ENDPOINT)) {
            let remote = Remote::new(&endpoint, key());
            return remote.map(Self::Server).context(env::ENDPOINT);
        }
        let dir = data_dir(source.data_dir.as_deref())?;
        if let Some(server) = Self::serving(&dir, source)? {
            return Ok(server);
        }
        if local::is_empty(&dir) {
            return Ok(Self::Empty(dir));
        }
        match Local::open(dir.clone()) {
            Ok(local) => Ok(Self::Directory(Box::new(local))),
            Err(Unopened::Failed(error)) => Err(error),
            // A server has started since; then it answers by now.
            Err(Unopened::Busy(error)) => Self::serving(&dir, source)?.ok_or(error),
        }
    }

    /// The server that has the directory open, if one has.
    fn serving(dir: &Path, source: &Source) -> anyhow::Result<Option<Self>> {
        let place = agentops_server::running_server(dir).map_err(|error| {
            let message = format!("data directory {} cannot be read: {error}", dir.display());
            Problem::new(Exit::DataDir, message)
        })?;
        let Some(place) = place else {
            return Ok(None);
        };
        // The key of the environment may be another service's; on this machine none is needed.
        let from_env = || env::get(env::API_KEY).filter(|_| !is_loopback(&place.url));
        let key = source.api_key.clone().or_else(from_env);
        Remote::new(&place.url, key).map(|server| Some(Self::Server(server)))
    }

    /// One page of sessions, newest start first.
    pub(crate) fn list(&self, limit: u16, cursor: Option<&str>) -> anyhow::Result<SessionList> {
        match self {
            Self::Server(server) => server.list(limit, cursor),
            Self::Directory(local) => local.list(limit, cursor),
            Self::Empty(_) => Ok(SessionList {
                sessions: Vec::new(),
                next_cursor: None,
            }),
        }
    }

    /// What `read` has of the session that `id` names, in full or by an unmistakable beginning.
    pub(crate) fn of_session<T>(
        &self,
        id: &str,
        read: impl Fn(&str) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        if let Some(found) = read(id)? {
            return Ok(found);
        }
        let full = self.find(id)?;
        // It may have been removed between the two questions.
        read(&full)?.ok_or_else(|| self.no_session(id).into())
    }

    /// The export object of the session that `id` names, in full or by an unmistakable beginning.
    pub(crate) fn export(&self, id: &str) -> anyhow::Result<String> {
        self.of_session(id, |id| self.export_exactly(id))
    }

    /// The page of the session that `id` names, as one self-contained file.
    pub(crate) fn page(&self, id: &str) -> anyhow::Result<String> {
        self.of_session(id, |id| match self {
            Self::Server(server) => server.page(id),
            Self::Directory(local) => local.page(id),
            Self::Empty(_) => Ok(None),
        })
    }

    /// The export object of the session of exactly this id.
    pub(crate) fn export_exactly(&self, id: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Server(server) => server.export(id),
            Self::Directory(local) => local.export(id),
            Self::Empty(_) => Ok(None),
        }
    }

    /// The session and its counts, as `{"session","stats"}`. `None` also where a server has only
    /// exports.
    pub(crate) fn session(&self, id: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Server(server) => server.of_session(id, &[]),
            Self::Directory(local) => local.session(id),
            Self::Empty(_) => Ok(None),
        }
    }

    /// The counts of the session of exactly this id.
    pub(crate) fn stats(&self, id: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Server(server) => server.of_session(id, &["stats"]),
            Self::Directory(local) => local.stats(id),
            Self::Empty(_) => Ok(None),
        }
    }

    /// A page of the events of a session, in the order they began.
    pub(crate) fn events(&self, id: &str, query: &EventQuery) -> anyhow::Result<Option<String>> {
        match self {
            Self::Server(server) => server.events(id, query),
            Self::Directory(local) => local.events(id, query),
            Self::Empty(_) => Ok(None),
        }
    }

    /// One event, whole.
    pub(crate) fn event(&self, session: &str, id: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Server(server) => server.of_session(session, &["events", id]),
            Self::Directory(local) => local.event(session, id),
            Self::Empty(_) => Ok(None),
        }
    }

    /// A page of the events of all sessions, the newest arrival first.
    pub(crate) fn found(&self, query: &EventQuery) -> anyhow::Result<String> {
        match self {
            Self::Server(server) => server.found(query),
            Self::Directory(local) => local.found(query),
            Self::Empty(_) => local::to_json(&EventList {
                events: Vec::new(),
                next_cursor: None,
            }),
        }
    }

    /// Takes the session of exactly this id away; whether there was one.
    pub(crate) fn delete(&self, id: &str) -> anyhow::Result<bool> {
        match self {
            Self::Server(server) => server.delete(id),
            Self::Directory(local) => local.delete(id),
            Self::Empty(_) => Ok(false),
        }
    }

    /// The one session whose id begins with `beginning`.
    fn find(&self, beginning: &str) -> anyhow::Result<String> {
        let mut fitting: Vec<String> = Vec::new();
        let mut seen = 0;
        let mut cursor = None;
        loop {
            let page = self.list(PAGE, cursor.as_deref())?;
            seen += page.sessions.len();
            let ids = page.sessions.into_iter().map(|session| session.session_id);
            fitting.extend(ids.filter(|id| !beginning.is_empty() && id.starts_with(beginning)));
            cursor = page.next_cursor;
            if cursor.is_none() || seen >= LOOKED_THROUGH {
                break;
            }
        }
        match fitting.as_slice() {
            [id] => Ok(id.clone()),
            [] => Err(self.no_session(beginning).into()),
            several => {
                let fit = counted(several.len() as u64, "session");
                let ids = several[..several.len().min(NAMED)].join(", ");
                let message = format!("{fit} begin with {beginning:?}, give more of the id: {ids}");
                Err(Problem::new(Exit::Ambiguous, message).into())
            }
        }
    }

    pub(crate) fn no_session(&self, id: &str) -> Problem {
        let place = self.place();
        let message =
            format!("no session {id:?} in {place}; `agentops sessions list` shows what is there");
        Problem::new(Exit::NoSession, message)
    }

    /// What is read, for people.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Server(server) => server.url().to_owned(),
            Self::Directory(local) => local.dir().display().to_string(),
            Self::Empty(dir) => dir.display().to_string(),
        }
    }
}

/// The data directory: the one given, else that of the environment, else the platform's. The same
/// rule as the library's, so that what a program records is found.
pub(crate) fn data_dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let found = given.map(Path::to_owned).or_else(agentops_core::data_dir);
    let Some(dir) = found else {
        let variable = env::DATA_DIR;
        let message = format!("there is no home directory; give --data-dir or set {variable}");
        return Err(Problem::new(Exit::DataDir, message).into());
    };
    // In full, so that what is printed means the same wherever it is read. An empty one fails.
    std::path::absolute(&dir).map_err(|error| {
        let message = format!("data directory {} cannot be used: {error}", dir.display());
        Problem::new(Exit::DataDir, message).into()
    })
}
