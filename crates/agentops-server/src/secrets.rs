//! Secrets of a server: random, made once, kept in its catalog; and how others' secrets are kept,
//! as hashes under them.

use agentops_store::{Catalog, CatalogError, KeyHash};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// Why no key or login was made.
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

/// Name of the secret under which API keys are hashed.
const KEYS: &str = "api-keys";

/// Name of the secret that signs tokens, and so the `kid` of each.
pub(crate) const TOKENS: &str = "tokens-1";

/// The secret under which API keys are hashed.
pub(crate) fn for_keys(catalog: &dyn Catalog) -> Result<[u8; 32], CatalogError> {
    catalog.secret(KEYS, fresh()?)
}

/// The secret that signs tokens.
pub(crate) fn for_tokens(catalog: &dyn Catalog) -> Result<[u8; 32], CatalogError> {
    catalog.secret(TOKENS, fresh()?)
}

fn fresh() -> Result<[u8; 32], CatalogError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| CatalogError::Storage(error.to_string()))?;
    Ok(bytes)
}

/// Something nobody can guess.
pub(crate) fn random() -> Result<Uuid, KeyError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// How a text is kept that only its owner may know.
pub(crate) fn hash(secret: &[u8; 32], text: &str) -> KeyHash {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}
