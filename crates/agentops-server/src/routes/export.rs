//! Everything of a session: as one JSON object, as JSON lines, or as a table.

mod lines;
mod table;

use agentops_protocol::Event;
use agentops_protocol::api::Export;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Uri, header};

use super::params::Params;
use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;
use crate::ingest;
use crate::links::SessionPath;

#[derive(Clone, Copy)]
enum Format {
    Json,
    Lines,
    Table,
}

impl Format {
    fn of(params: &Params<'_>) -> Result<Self, ApiError> {
        let format = params.one("format", "json, jsonl or csv", |text| match text {
            "json" => Some(Self::Json),
            "jsonl" => Some(Self::Lines),
            "csv" => Some(Self::Table),
            _ => None,
        })?;
        Ok(format.unwrap_or(Self::Json))
    }

    fn write(self, export: &Export) -> Result<Vec<u8>, ApiError> {
        let written = match self {
            Self::Json => serde_json::to_vec(export),
            Self::Lines => lines::write(export, &in_order(export)),
            Self::Table => table::write(&in_order(export)),
        };
        written.map_err(|error| ApiError::internal(&error))
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/jsonl",
            Self::Table => "text/csv; charset=utf-8",
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
    let read = app.read(move |store| {
        let Some(export) = store.export(Some(&holder.project), &id)? else {
            return Ok(None);
        };
        // Written here as well: a long session takes long, and this thread may.
        format.write(&export).map(Some)
    });
    let text = read.await?.ok_or_else(ApiError::no_session)?;
    let content_type = HeaderValue::from_static(format.content_type());
    let mut answer = ([(header::CONTENT_TYPE, content_type)], text).into_response();
    if matches!(format, Format::Table) {
        // The session's id is anybody's text: it stays out of the file's name.
        let file = HeaderValue::from_static("attachment; filename=\"session.csv\"");
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
