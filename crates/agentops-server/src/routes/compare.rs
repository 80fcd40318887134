//! Two sessions side by side.

use agentops_protocol::{ProjectId, SessionId};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::params::Params;
use crate::access::KeyHolder;
use crate::app::{App, Storage};
use crate::compare::{self, Comparison, MOST_EVENTS};
use crate::error::ApiError;

/// Where two sessions that the key's project sees do the same, and where not.
pub(crate) async fn compare(
    State(app): State<App>,
    holder: KeyHolder,
    uri: Uri,
) -> Result<Json<Comparison>, ApiError> {
    let params = Params::of(&uri);
    let (a, b) = (session(&params, "a")?, session(&params, "b")?);
    let changed_only = params.flag("changed")?;
    let read = app.read(move |store| compared(store, &holder.project, &a, &b));
    let comparison = read.await?;
    Ok(Json(match changed_only {
        true => comparison.changed_only(),
        false => comparison,
    }))
}

/// Two sessions that a project sees, compared.
pub(crate) fn compared(
    store: &dyn Storage,
    project: &ProjectId,
    a: &SessionId,
    b: &SessionId,
) -> Result<Comparison, ApiError> {
    let project = Some(project);
    // Looked at first, so that nothing too long is read at all.
    for id in [a, b] {
        let row = store
            .session(project, id)?
            .ok_or_else(ApiError::no_session)?;
        if row.stats.events > MOST_EVENTS {
            return Err(too_long(&format!("{} events", row.stats.events)));
        }
    }
    let export = |id| store.export(project, id)?.ok_or_else(ApiError::no_session);
    let (a, b) = (export(a)?, export(b)?);
    compare::compare(&a, &b).map_err(|error| too_long(&error.to_string()))
}

fn session(params: &Params<'_>, name: &str) -> Result<SessionId, ApiError> {
    let expected = "the id of a session";
    let id = params.one(name, expected, |text| text.parse().ok())?;
    id.ok_or_else(|| ApiError::bad_request(format!("{name}: missing; give {expected}")))
}

fn too_long(what: &str) -> ApiError {
    let message = format!("{what}: sessions of at most {MOST_EVENTS} events are compared");
    ApiError::bad_request(message)
}
