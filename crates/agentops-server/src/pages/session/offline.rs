//! A session as one file: it holds everything, loads nothing, and opens anywhere.
//!
//! The same list, panels, style and scripts as the page's; its content policy names the one
//! script by its hash, so what was recorded runs no more here than there.

use std::collections::HashMap;

use agentops_protocol::{AgentId, Event, ProjectId, SessionId, Timestamp};
use agentops_store::{Cursor, EventFilter, EventPage, EventRow, SessionRow};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::head::{Head, Tab};
use super::panel::{Panel, befell, view};
use super::timeline::{EventLine, lines};
use super::{MOST_EVENTS, all, outline};
use crate::app::Storage;
use crate::error::ApiError;
use crate::pages::assets::{bundle, content};

#[derive(Template)]
#[template(path = "offline.html")]
struct OfflinePage {
    head: Head,
    policy: String,
    style: String,
    script: String,
    outline: String,
    events: Vec<(EventLine, Panel)>,
    logs: Option<String>,
    made: String,
}

/// The page of a session of a project (of any project: `None`) as one self-contained file;
/// `None` when there is no such session.
///
/// # Errors
/// A storage that cannot be read, in words for people.
pub fn session_html(
    store: &dyn Storage,
    project: Option<&ProjectId>,
    id: &SessionId,
    now: Timestamp,
) -> Result<Option<String>, String> {
    read(store, project, id, now).map_err(|error| error.message().to_owned())
}

pub(crate) fn read(
    store: &dyn Storage,
    project: Option<&ProjectId>,
    id: &SessionId,
    now: Timestamp,
) -> Result<Option<String>, ApiError> {
    let Some(row) = store.session(project, id)? else {
        return Ok(None);
    };
    let project: ProjectId = row
        .session
        .project_id
        .parse()
        .map_err(|_| ApiError::internal(&"a project's id cannot be read"))?;
    let rows = all(store, &project, id, &EventFilter::default(), MOST_EVENTS)?;
    let agents = store.agents(Some(&project), id)?.unwrap_or_default();
    let agents: HashMap<AgentId, String> = agents
        .into_iter()
        .filter_map(|agent| Some((agent.id, agent.name?)))
        .collect();
    let outline = outline::of(&row, &rows, &agents, now)?;
    let logs = store.logs(Some(&project), id)?;
    let page = OfflinePage {
        head: Head::of(&row, Tab::Timeline),
        policy: String::new(),
        style: content("style.css").to_owned() + content("session.css"),
        script: bundle(),
        // Data, not a script; only the end of its element must not be in it.
        outline: String::from_utf8_lossy(&outline).replace('<', "\\u003c"),
        events: events(&row, rows),
        logs: logs.filter(|logs| !logs.is_empty()),
        made: now.to_string(),
    };
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let page = OfflinePage {
        policy: format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'",
            hash(&page.style),
            hash(&page.script),
        ),
        ..page
    };
    let text = page.render().map_err(|error| ApiError::internal(&error))?;
    Ok(Some(text))
}

fn events(row: &SessionRow, rows: Vec<EventRow>) -> Vec<(EventLine, Panel)> {
    let page = EventPage {
        rows,
        next: None::<Cursor>,
    };
    let lines = lines(row, &page, "");
    let by_id: HashMap<&str, &Event> = page
        .rows
        .iter()
        .map(|row| (row.event.id.as_str(), &row.event))
        .collect();
    let mut errors: HashMap<&str, Vec<&Event>> = HashMap::new();
    for row in &page.rows {
        if let agentops_protocol::EventBody::Error(error) = &row.event.body
            && let Some(id) = &error.trigger_event_id
        {
            errors.entry(id.as_str()).or_default().push(&row.event);
        }
    }
    let placed = crate::pages::tree::tree(&page.rows).into_iter();
    let panels = placed.map(|placed| {
        let event = &placed.row.event;
        let trigger = match &event.body {
            agentops_protocol::EventBody::Error(error) => error.trigger_event_id.as_ref(),
            _ => None,
        };
        let trigger = trigger.and_then(|id| by_id.get(id.as_str()).copied());
        let befallen = errors.get(event.id.as_str()).map_or(&[][..], Vec::as_slice);
        debug_assert!(befallen.iter().all(|error| befell(error, event)));
        view(event.clone(), &row.session, trigger, befallen)
    });
    lines.into_iter().zip(panels).collect()
}
