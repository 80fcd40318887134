//! API keys: made here, stored as HMAC-SHA-256 under a secret of the server, shown by their first
//! characters only.
//!
//! A key is a random UUID, the form of the hosted service's keys: every client accepts it. In
//! open mode any UUID stands for the default project; it is never stored.

use std::fmt;

use agentops_protocol::api::API_KEY_HEADER;
use agentops_protocol::{ProjectId, Timestamp};
use agentops_store::{Catalog, CatalogError, KeyHash, KeyInfo};
use axum::extract::FromRequestParts;
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use sha2::Sha256;
use uuid::Uuid;

use super::open::is_open;
use crate::app::App;
use crate::error::ApiError;
use crate::secrets;

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

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The catalog refused.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The system gave no randomness.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
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
    let text = random_uuid()?.to_string();
    let info = KeyInfo {
        id: random_uuid()?.to_string(),
        project: project.clone(),
        prefix: text.chars().take(PREFIX_CHARS).collect(),
        created: now,
        revoked: None,
    };
    let hash = hash(&secrets::for_keys(catalog)?, &text);
    catalog.add_key(&info, &hash)?;
    Ok((ApiKey(text), info))
}

/// The key of this text, revoked ones included; `None` when this server issued none such.
///
/// # Errors
/// A failing storage.
pub fn verify_key(catalog: &dyn Catalog, text: &str) -> Result<Option<KeyInfo>, CatalogError> {
    catalog.key_by_hash(&hash(&secrets::for_keys(catalog)?, text))
}

fn random_uuid() -> Result<Uuid, KeyError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

fn hash(secret: &[u8; 32], key: &str) -> KeyHash {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(key.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The sender of a request with an API key.
#[derive(Debug)]
pub(crate) struct KeyHolder {
    /// The project that the key opens.
    pub(crate) project: ProjectId,
    /// The key's id; `None` in open mode.
    pub(crate) key_id: Option<String>,
}

impl FromRequestParts<App> for KeyHolder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let key = parts.headers.get(API_KEY_HEADER);
        let key = key.and_then(|key| key.to_str().ok()).map(str::trim);
        let Some(key) = key.filter(|key| !key.is_empty() && key.len() <= KEY_BYTES) else {
            return Err(ApiError::invalid_key());
        };
        let hash = hash(&app.secrets().keys, key);
        let known = app.read(move |store| store.key_by_hash(&hash)).await?;
        match known {
            Some(info) if info.revoked.is_none() => Ok(Self {
                project: info.project,
                key_id: Some(info.id),
            }),
            None if is_open(parts) && Uuid::try_parse(key).is_ok() => Ok(Self {
                project: app.default_project().clone(),
                key_id: None,
            }),
            Some(_) | None => Err(ApiError::invalid_key()),
        }
    }
}
