//! Everything of a session: as one JSON object, as JSON lines, or as a table.

mod lines;
mod table;

use agentops_protocol::api::Export;
use agentops_protocol::{Event, ProjectId, SessionId, Timestamp};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Uri, header};

use super::params::Params;
use crate::access::KeyHolder;
use crate::app::{App, Storage};
use crate::error::ApiError;
use crate::ingest;
use crate::links::SessionPath;
use crate::pages::session_html;

#[derive(Clone, Copy)]
enum Format {
    Json,
    Lines,
    Table,
    Page,
}

impl Format {
    fn of(params: &Params<'_>) -> Result<Self, ApiError> {
        let format = params.one("format", "json, jsonl, csv or html", |text| match text {
            "json" => Some(Self::Json),
            "jsonl" => Some(Self::Lines),
            "csv" => Some(Self::Table),
            "html" => Some(Self::Page),
            _ => None,
        })?;
        Ok(format.unwrap_or(Self::Json))
    }

    fn read(
        self,
        store: &dyn Storage,
        (project, id): (&ProjectId, &SessionId),
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, ApiError> {
        if let Self::Page = self {
            let page = session_html(store, Some(project), id, now);
            let page = page.map_err(|error| ApiError::internal(&error))?;
            return Ok(page.map(String::into_bytes));
        }
        let Some(export) = store.export(Some(project), id)? else {
            return Ok(None);
        };
        let written = match self {
            Self::Lines => lines::write(&export, &in_order(&export)),
            Self::Table => table::write(&in_order(&export)),
            Self::Json | Self::Page => serde_json::to_vec(&export),
        };
        written
            .map(Some)
            .map_err(|error| ApiError::internal(&error))
    }

    /// Under which name a browser keeps it, where it must not show it.
    fn file(self) -> Option<&'static str> {
        match self {
            Self::Table => Some("attachment; filename=\"session.csv\""),
            Self::Page => Some("attachment; filename=\"session.html\""),
            Self::Json | Self::Lines => None,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/jsonl",
            Self::Table => "text/csv; charset=utf-8",
            Self::Page => "text/html; charset=utf-8",
        }
    }
}

/// Everything of a session that the key's project sees, whole.
pub(crate) async fn export(
    State(app): State<App>,
    holder: KeyHolder,
    SessionPath(id): SessionPath,
    uri: Uri,
) -> Result<Response, ApiError> {
    let format = Format::of(&Params::of(&uri))?;
    ingest::finish(&app, &holder.project, &id).await?;
    let now = app.now();
    // Written here as well: a long session takes long, and this thread may.
    let read = app.read(move |store| format.read(store, (&holder.project, &id), now));
    let text = read.await?.ok_or_else(ApiError::no_session)?;
    let content_type = HeaderValue::from_static(format.content_type());
    let mut answer = ([(header::CONTENT_TYPE, content_type)], text).into_response();
    if let Some(file) = format.file() {
        // The session's id is anybody's text: it stays out of the file's name.
        let file = HeaderValue::from_static(file);
        answer
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, file);
    }
    Ok(answer)
}

/// All events in the order they began.
fn in_order(export: &Export) -> Vec<&Event> {
    let kinds = [&export.actions, &export.llms, &export.tools, &export.errors];
    let mut events: Vec<&Event> = kinds.into_iter().flatten().collect();
    events.sort_by_key(|event| event.init_timestamp);
    events
}
