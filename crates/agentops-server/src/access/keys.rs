//! API keys: made here, stored as HMAC-SHA-256 under a secret of the server, shown by their first
//! characters only.
//!
//! A key is a random UUID, the form of the hosted service's keys: every client accepts it. In
//! open mode any UUID stands for the default project; it is never stored.

use std::fmt;

use agentops_protocol::api::{API_KEY_HEADER, PARENT_KEY_HEADER};
use agentops_protocol::{ProjectId, Timestamp};
use agentops_store::{Catalog, CatalogError, KeyInfo, Project};
use axum::extract::FromRequestParts;
use http::request::Parts;
use uuid::Uuid;

use super::login;
use super::open::is_open;
use crate::app::App;
use crate::error::ApiError;
use crate::secrets::{self, KeyError, hash};

/// How much of a key may be shown.
const PREFIX_CHARS: usize = 8;
/// The longest text that is looked up as a key.
const KEY_BYTES: usize = 128;

/// An API key in full. Shown once, to who asked for it; `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key itself, for the one place that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Makes a key of a project.
///
/// # Errors
/// An unknown project; a failing storage; a system without randomness.
pub fn create_key(
    catalog: &dyn Catalog,
    project: &ProjectId,
    now: Timestamp,
) -> Result<(ApiKey, KeyInfo), KeyError> {
    let text = secrets::random()?.to_string();
    let info = KeyInfo {
        id: secrets::random()?.to_string(),
        project: project.clone(),
        prefix: text.chars().take(PREFIX_CHARS).collect(),
        created: now,
        revoked: None,
    };
    let hash = hash(&secrets::for_keys(catalog)?, &text);
    catalog.add_key(&info, &hash)?;
    Ok((ApiKey(text), info))
}

/// Makes a project of this name.
///
/// # Errors
/// A taken name; a failing storage; a system without randomness.
pub fn create_project(catalog: &dyn Catalog, name: &str) -> Result<Project, KeyError> {
    let id = ProjectId::from(secrets::random()?);
    Ok(catalog.create_project(&id, name)?)
}

/// The key of this text, revoked ones included; `None` when this server issued none such.
///
/// # Errors
/// A failing storage.
pub fn verify_key(catalog: &dyn Catalog, text: &str) -> Result<Option<KeyInfo>, CatalogError> {
    catalog.key_by_hash(&hash(&secrets::for_keys(catalog)?, text))
}

/// The sender of a request with an API key; or a page of ours that only reads, on behalf of who
/// looks at it.
#[derive(Debug)]
pub(crate) struct KeyHolder {
    /// The project that the key opens.
    pub(crate) project: ProjectId,
    /// The key's id; `None` in open mode and for pages.
    pub(crate) key_id: Option<String>,
}

impl FromRequestParts<App> for KeyHolder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Some(key) = key_in(parts, API_KEY_HEADER) else {
            let page = login::page_of_ours(app, parts).await?;
            let project = page.ok_or_else(ApiError::invalid_key)?;
            return Ok(Self {
                project,
                key_id: None,
            });
        };
        let hash = hash(&app.secrets().keys, key);
        let known = app.read(move |store| store.key_by_hash(&hash)).await?;
        match known {
            Some(info) if info.revoked.is_none() => Ok(Self {
                project: info.project,
                key_id: Some(info.id),
            }),
            None if is_open(app, parts) && Uuid::try_parse(key).is_ok() => Ok(Self {
                project: app.default_project().clone(),
                key_id: None,
            }),
            Some(_) | None => Err(ApiError::invalid_key()),
        }
    }
}

/// Whether the sender may see the server's own numbers, which are nobody's: who sits at this
/// machine, and the holder of any key, in its header or, as scrapers send it, as a bearer token.
pub(crate) async fn may_watch(app: &App, parts: &Parts) -> Result<bool, ApiError> {
    if is_open(app, parts) {
        return Ok(true);
    }
    let bearer = || key_in(parts, "authorization")?.strip_prefix("Bearer ");
    let Some(key) = key_in(parts, API_KEY_HEADER).or_else(bearer) else {
        return Ok(false);
    };
    let hash = hash(&app.secrets().keys, key);
    let known = app.read(move |store| store.key_by_hash(&hash)).await?;
    Ok(known.is_some_and(|info| info.revoked.is_none()))
}

/// The project of a second key that may read the session, if there is one and it is known: an
/// unknown one is no reason to refuse the session.
#[derive(Debug)]
pub(crate) struct ParentProject(pub(crate) Option<ProjectId>);

impl FromRequestParts<App> for ParentProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Some(key) = key_in(parts, PARENT_KEY_HEADER) else {
            return Ok(Self(None));
        };
        let hash = hash(&app.secrets().keys, key);
        let known = app.read(move |store| store.key_by_hash(&hash)).await?;
        let good = known.filter(|info| info.revoked.is_none());
        Ok(Self(good.map(|info| info.project)))
    }
}

/// What a header has for a key.
fn key_in<'a>(parts: &'a Parts, header: &str) -> Option<&'a str> {
    let key = parts.headers.get(header)?.to_str().ok()?.trim();
    (!key.is_empty() && key.len() <= KEY_BYTES).then_some(key)
}
