//! The LLM calls of a session, as rows for time-travel debugging.

use agentops_protocol::{Event, EventBody, EventId, EventKind, Json, SessionId, Timestamp};
use agentops_store::{EventFilter, PageSize};
use axum::extract::State;
use serde::Serialize;

use crate::access::KeyHolder;
use crate::app::{App, Storage};
use crate::error::ApiError;
use crate::links::SessionPath;

/// One LLM call.
#[derive(Serialize)]
pub(crate) struct Row {
    ttd_id: SessionId,
    branch_name: &'static str,
    session_id: SessionId,
    llm_id: EventId,
    prompt: Option<Json>,
    completion: Option<Json>,
    model: Option<String>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    params: Option<Json>,
    returns: Option<Json>,
    created_at: Timestamp,
}

/// The LLM calls of a session of the key's project, in order.
pub(crate) async fn ttd(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
) -> Result<axum::Json<Vec<Row>>, ApiError> {
    let rows = app.read(move |store| rows(store, &holder, &id)).await?;
    rows.map(axum::Json).ok_or_else(ApiError::no_session)
}

fn rows(
    store: &dyn Storage,
    holder: &KeyHolder,
    id: &SessionId,
) -> Result<Option<Vec<Row>>, ApiError> {
    let mut filter = EventFilter::default();
    filter.kind = Some(EventKind::Llm);
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let project = Some(&holder.project);
        let page = store.events(project, id, &filter, PageSize::MAX, cursor.as_ref())?;
        let Some(page) = page else { return Ok(None) };
        rows.extend(page.rows.into_iter().filter_map(|row| call(id, row.event)));
        if page.next.is_none() {
            return Ok(Some(rows));
        }
        cursor = page.next;
    }
}

fn call(session: &SessionId, event: Event) -> Option<Row> {
    let EventBody::Llm(llm) = event.body else {
        return None;
    };
    Some(Row {
        ttd_id: session.clone(),
        branch_name: "main",
        session_id: session.clone(),
        llm_id: event.id,
        prompt: llm.prompt,
        completion: llm.completion,
        model: llm.model,
        prompt_tokens: llm.usage.prompt,
        completion_tokens: llm.usage.completion,
        params: event.params,
        returns: event.returns,
        created_at: event.init_timestamp,
    })
}
