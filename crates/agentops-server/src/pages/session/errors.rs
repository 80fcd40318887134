//! What went wrong in a session, in the order it did.

use std::collections::HashMap;

use agentops_protocol::{Event, EventBody, EventId, EventKind};
use agentops_store::{Cursor, EventFilter, PageSize};
use askama::Template;

use super::Asked;
use super::head::Head;
use super::panel::{Panel, view};
use crate::error::ApiError;
use crate::links::segment;
use crate::pages::Page;
use crate::pages::shell::Shell;

/// Errors on one page.
const ERRORS: u64 = 100;

#[derive(Template)]
#[template(path = "errors.html")]
struct ErrorsPage {
    shell: Shell,
    head: Head,
    errors: Vec<Panel>,
    next: Option<String>,
    first: Option<String>,
}

pub(super) fn page(asked: Asked<'_>) -> Result<Page, ApiError> {
    let mut filter = EventFilter::default();
    filter.kind = Some(EventKind::Error);
    let size = PageSize::new(ERRORS).unwrap_or(PageSize::DEFAULT);
    let (store, project) = (asked.store, Some(asked.project));
    let cursor = asked.cursor.as_ref();
    let page = store.events(project, asked.id, &filter, size, cursor)?;
    let page = page.ok_or_else(ApiError::no_session)?;
    let row = store.session(project, asked.id)?;
    let session = row.ok_or_else(ApiError::no_session)?.session;
    let mut triggers: HashMap<EventId, Option<Event>> = HashMap::new();
    let mut errors = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        let trigger = match &row.event.body {
            EventBody::Error(error) => error.trigger_event_id.clone(),
            _ => None,
        };
        if let Some(id) = &trigger
            && !triggers.contains_key(id)
        {
            let event = store.event(project, asked.id, id)?;
            triggers.insert(id.clone(), event);
        }
        let trigger = trigger.and_then(|id| triggers.get(&id)?.as_ref());
        errors.push(view(row.event, &session, trigger, &[]));
    }
    let path = &asked.head.path;
    let page = ErrorsPage {
        shell: asked.shell()?,
        errors,
        next: page
            .next
            .map(|Cursor(next)| format!("{path}?tab=errors&cursor={}", segment(&next))),
        first: cursor.map(|_| format!("{path}?tab=errors")),
        head: asked.head,
    };
    Page::of(&page)
}
