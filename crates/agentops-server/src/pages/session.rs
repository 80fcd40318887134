//! One session: its facts above, and below one of its tabs.
//!
//! Every tab is a whole page of its own, made here; scripts only add what a page without them
//! cannot do: the zoomable timeline, and news while the session runs.

mod agents;
mod conversation;
mod errors;
mod graphs;
mod handlers;
mod head;
mod offline;
mod outline;
mod panel;
mod raw;
mod timeline;

use agentops_protocol::{ProjectId, SessionId};
use agentops_store::{Cursor, EventFilter, EventRow, PageSize};

pub(crate) use handlers::{delete_session, event_panel, session, session_file, session_outline};
pub use offline::session_html;

use self::head::Head;
use super::shell::{Place, Shell};
use crate::app::Storage;
use crate::error::ApiError;

/// Most events that one page looks at; the export has them all.
const MOST_EVENTS: usize = 200_000;

/// What is asked for of one session.
struct Asked<'a> {
    store: &'a dyn Storage,
    project: &'a ProjectId,
    id: &'a SessionId,
    head: Head,
    /// Where a page begins.
    cursor: Option<Cursor>,
    /// The event that is looked at.
    event: Option<String>,
    /// Whether a script asks, which draws the events itself.
    is_script: bool,
}

impl Asked<'_> {
    fn shell(&self) -> Result<Shell, ApiError> {
        Shell::of(self.store, self.project, Place::Nowhere)
    }

    /// All events that fit, without what was recorded at length.
    fn heads(&self) -> Result<Vec<EventRow>, ApiError> {
        let mut filter = EventFilter::default();
        filter.heads_only = true;
        all(self.store, self.project, self.id, &filter, MOST_EVENTS)
    }
}

/// Events of a session, as many as `most`.
fn all(
    store: &dyn Storage,
    project: &ProjectId,
    id: &SessionId,
    filter: &EventFilter,
    most: usize,
) -> Result<Vec<EventRow>, ApiError> {
    let mut rows = Vec::new();
    let mut cursor = None;
    while rows.len() < most {
        let page = store.events(Some(project), id, filter, PageSize::MAX, cursor.as_ref())?;
        let page = page.ok_or_else(ApiError::no_session)?;
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    rows.truncate(most);
    Ok(rows)
}
