//! Reading. Every answer is a consistent view of one revision.

use agentops_protocol::api::{Export, Stats};
use agentops_protocol::{Agent, Event, EventId, ProjectId, SessionId, Timestamp};

use crate::{
    Changes, Cursor, EventFilter, EventPage, FoundEvent, FoundPage, Image, ImageName, Overview,
    PageSize, Revision, SessionFilter, SessionPage, SessionRow,
};

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The cursor is none that this store made.
    #[error("the cursor is not one of this list; begin again without it")]
    Cursor,
    /// The storage failed.
    #[error("the storage cannot be read: {0}")]
    Storage(String),
}

/// Reads sessions and events. Blocking: call it from a thread that may wait.
///
/// A project sees its own sessions and those shared with it; of two of one id, its own.
///
/// Two things are added to events when they are read, so that the order of arrival does not
/// matter: one that names no agent shows the id of the session's default agent, and an error that
/// does not tell the kind of its trigger shows the kind of the event of that id.
pub trait Query: Send + Sync {
    /// The sessions that a project sees (all: `None`), in the order the filter tells.
    ///
    /// # Errors
    /// A cursor of another list; a failing storage.
    fn sessions(
        &self,
        project: Option<&ProjectId>,
        filter: &SessionFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<SessionPage, QueryError>;

    /// One session; `None` when the project has none of that id. `project` `None`: the session of
    /// that id in any project, the newest if there are several (the owner of the data directory).
    ///
    /// # Errors
    /// A failing storage.
    fn session(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<SessionRow>, QueryError>;

    /// The counts of a session.
    ///
    /// # Errors
    /// A failing storage.
    fn stats(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Stats>, QueryError>;

    /// Everything of a session. Prompts and completions are in the export's form,
    /// `{"type":"chatml","messages":…}` or `{"type":"string","string":"…"}`; the default agent is
    /// among the agents where an event belongs to it.
    ///
    /// # Errors
    /// A failing storage.
    fn export(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Export>, QueryError>;

    /// The events of a session, in the order they began; `None` when there is no such session.
    ///
    /// # Errors
    /// A cursor of another list; a failing storage.
    fn events(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<Option<EventPage>, QueryError>;

    /// One event of a session, whole; `None` when there is no such session or event.
    ///
    /// # Errors
    /// A failing storage.
    fn event(
        &self,
        project: Option<&ProjectId>,
        session: &SessionId,
        id: &EventId,
    ) -> Result<Option<Event>, QueryError>;

    /// The events of all sessions that a project sees (of all projects: `None`), the newest
    /// arrival first.
    ///
    /// # Errors
    /// A cursor of another list; a failing storage.
    fn found(
        &self,
        project: Option<&ProjectId>,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError>;

    /// The events of all sessions that a project sees which have all words of a question in
    /// them, the newest arrival first. What was just stored may be found a little later, and only
    /// by a store that keeps a search.
    ///
    /// # Errors
    /// A cursor of another list; a failing storage.
    fn search(
        &self,
        project: Option<&ProjectId>,
        question: &str,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError>;

    /// Calls that have ended and of which a count of tokens is missing, whole: of a session that a
    /// project sees, or of all sessions.
    ///
    /// # Errors
    /// A failing storage.
    fn uncounted(
        &self,
        of: Option<(&ProjectId, &SessionId)>,
        most: usize,
    ) -> Result<Vec<FoundEvent>, QueryError>;

    /// An image that events of a session show; `None` when there is no such session or image.
    ///
    /// # Errors
    /// A failing storage.
    fn image(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        name: &ImageName,
    ) -> Result<Option<Image>, QueryError>;

    /// The text appended by update_logs; empty when there is none, `None` when there is no such
    /// session.
    ///
    /// # Errors
    /// A failing storage.
    fn logs(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<String>, QueryError>;

    /// The agents of a session that were made, in order of arrival; the default agent, which
    /// follows from the session's id, is not among them. `None` when there is no such session.
    ///
    /// # Errors
    /// A failing storage.
    fn agents(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Vec<Agent>>, QueryError>;

    /// Sums over what began in a stretch of time, of a project's own sessions (of all projects:
    /// `None`). Events are counted by whole hours of UTC.
    ///
    /// # Errors
    /// A failing storage.
    fn overview(
        &self,
        project: Option<&ProjectId>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Overview, QueryError>;

    /// Which sessions that a project sees changed after a revision; without one, only where to
    /// begin.
    ///
    /// # Errors
    /// A failing storage.
    fn changes(
        &self,
        project: Option<&ProjectId>,
        after: Option<&Revision>,
    ) -> Result<Changes, QueryError>;
}
