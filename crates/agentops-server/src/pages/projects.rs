//! The projects that a browser may see, and the keys by which programs reach the one it looks at.
//!
//! A project is seen by who was let into it, here or by a link; no other is named. A key is shown
//! once, on the answer to the form that made it.

use agentops_protocol::ProjectId;
use agentops_store::{CatalogError, KeyInfo};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::login::leave;
use super::shell::{Place, Shell};
use super::{Asker, Page, Viewer, text};
use crate::access::{self, ApiKey, admit, admitted, switch};
use crate::app::{App, Storage};
use crate::error::ApiError;
use crate::ingest::RequestBody;
use crate::links::{Base, Query};
use crate::secrets::KeyError;

/// The longest name of a project.
const NAME_BYTES: usize = 100;

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    shell: Shell,
    endpoint: String,
    is_logged_in: bool,
    projects: Vec<ProjectLine>,
    keys: Vec<KeyLine>,
    made: Option<String>,
}

struct ProjectLine {
    id: String,
    name: String,
    is_here: bool,
}

struct KeyLine {
    id: String,
    prefix: String,
    created: String,
    revoked: Option<String>,
}

/// The page.
pub(crate) async fn projects(
    State(app): State<App>,
    Viewer(project): Viewer,
    Asker(parts): Asker,
    base: Base,
) -> Result<Page, ApiError> {
    let known = admitted(&app, &parts).await?;
    app.read(move |store| page(store, &project, known, &base, None))
        .await
}

fn page(
    store: &dyn Storage,
    project: &ProjectId,
    mut known: Vec<ProjectId>,
    base: &Base,
    made: Option<&ApiKey>,
) -> Result<Page, ApiError> {
    let is_logged_in = !known.is_empty();
    if !known.contains(project) {
        known.insert(0, project.clone());
    }
    let all = store.projects()?;
    let projects = all.into_iter().filter(|one| known.contains(&one.id));
    let keys = store.keys(project)?;
    Page::of(&ProjectsPage {
        shell: Shell::of(store, project, Place::Projects)?,
        endpoint: base.as_str().to_owned(),
        is_logged_in,
        projects: projects
            .map(|one| ProjectLine {
                is_here: one.id == *project,
                id: one.id.to_string(),
                name: text::brief(&one.name),
            })
            .collect(),
        keys: keys.into_iter().rev().map(key_line).collect(),
        made: made.map(|key| key.reveal().to_owned()),
    })
}

fn key_line(key: KeyInfo) -> KeyLine {
    KeyLine {
        id: key.id,
        prefix: key.prefix,
        created: text::time(key.created),
        revoked: key.revoked.map(text::time),
    }
}

/// Makes a project, and lets the browser that asked into it.
pub(crate) async fn create_project(
    State(app): State<App>,
    Viewer(project): Viewer,
    Asker(parts): Asker,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let name = field(body, "name").await?;
    let name = name.trim().to_owned();
    if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        let message = format!("name: expected 1 to {NAME_BYTES} bytes of text");
        return Err(ApiError::bad_request(message));
    }
    let made = app.read(move |store| access::create_project(store, &name).map_err(refused));
    // Who needed no login so far can go back all the same.
    let projects = vec![made.await?.id, project];
    let cookie = admit(&app, &parts, projects).await?;
    leave(&cookie, "/projects")
}

/// Looks at another of the browser's projects.
pub(crate) async fn switch_project(
    State(app): State<App>,
    Asker(parts): Asker,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let id = field(body, "project").await?;
    let cookie = match ProjectId::try_from(id) {
        Ok(project) => switch(&app, &parts, &project).await?,
        Err(_) => None,
    };
    let cookie = cookie.ok_or_else(|| {
        let message = "this browser is not logged in to that project; `agentops login --project` makes a link";
        ApiError::bad_request(message)
    })?;
    leave(&cookie, "/")
}

/// Makes a key of the project that is looked at, and shows it once.
pub(crate) async fn create_key(
    State(app): State<App>,
    Viewer(project): Viewer,
    Asker(parts): Asker,
    base: Base,
) -> Result<Page, ApiError> {
    let known = admitted(&app, &parts).await?;
    let now = app.now();
    let made = app.read(move |store| {
        let (key, _) = access::create_key(store, &project, now).map_err(refused)?;
        page(store, &project, known, &base, Some(&key))
    });
    made.await
}

/// Revokes a key of the project that is looked at.
pub(crate) async fn revoke_key(
    State(app): State<App>,
    Viewer(project): Viewer,
    Path(key): Path<String>,
) -> Result<Response, ApiError> {
    let now = app.now();
    let revoked = app.read(move |store| {
        let known = store.key(&key)?;
        match known.filter(|known| known.project == project) {
            Some(known) => Ok::<_, ApiError>(store.revoke_key(&known.id, now)?),
            None => Ok(false),
        }
    });
    if !revoked.await? {
        return Err(ApiError::bad_request("this project has no such key"));
    }
    let back = HeaderValue::from_static("/projects");
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, back)]).into_response())
}

/// One field of a form.
async fn field(body: RequestBody, name: &'static str) -> Result<String, ApiError> {
    let read = body.read(move |form| {
        let form = std::str::from_utf8(form).unwrap_or_default();
        Ok(Query::form(form).get(name).unwrap_or_default())
    });
    read.await
}

fn refused(error: KeyError) -> ApiError {
    match error {
        KeyError::Catalog(CatalogError::NameTaken) => {
            ApiError::bad_request("a project of that name exists; choose another")
        }
        other => ApiError::internal(&other),
    }
}
