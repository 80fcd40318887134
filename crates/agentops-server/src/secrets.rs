//! Secrets of a server: random, made once, kept in its catalog.

use agentops_store::{Catalog, CatalogError};

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
