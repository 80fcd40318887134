//! Projects, keys and the server's own secrets.

use agentops_protocol::{ProjectId, Timestamp};

/// Why the catalog cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// There is no such project.
    #[error("there is no project of that id or name")]
    NoProject,
    /// A project of that name exists.
    #[error("a project of that name exists")]
    NameTaken,
    /// The storage failed.
    #[error("the storage cannot be used: {0}")]
    Storage(String),
}

/// HMAC-SHA-256 of an API key under the server's secret. Keys themselves are never stored.
pub type KeyHash = [u8; 32];

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name; unique.
    pub name: String,
}

/// A key as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id; not secret.
    pub id: String,
    /// The project it opens.
    pub project: ProjectId,
    /// Its first characters.
    pub prefix: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// What a grant is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// A link that logs one browser in, once.
    Link,
    /// A browser that is logged in.
    Browser,
}

/// Somebody's right to see the pages of a project for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is good for.
    pub purpose: Purpose,
    /// Whose pages.
    pub project: ProjectId,
    /// Until when.
    pub expires: Timestamp,
}

/// Projects and keys. Blocking, as [`crate::Query`]. Every change is durable when it returns.
pub trait Catalog: Send + Sync {
    /// The project of the local data directory and of open mode; made on first use.
    ///
    /// # Errors
    /// A failing storage.
    fn default_project(&self) -> Result<Project, CatalogError>;

    /// Makes a project. `id` is new and random, given by the caller.
    ///
    /// # Errors
    /// A taken name; a failing storage.
    fn create_project(&self, id: &ProjectId, name: &str) -> Result<Project, CatalogError>;

    /// All projects by name.
    ///
    /// # Errors
    /// A failing storage.
    fn projects(&self) -> Result<Vec<Project>, CatalogError>;

    /// Stores a new key.
    ///
    /// # Errors
    /// An unknown project; a failing storage.
    fn add_key(&self, key: &KeyInfo, hash: &KeyHash) -> Result<(), CatalogError>;

    /// The key of a hash, revoked or not.
    ///
    /// # Errors
    /// A failing storage.
    fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<KeyInfo>, CatalogError>;

    /// The key of an id, revoked or not.
    ///
    /// # Errors
    /// A failing storage.
    fn key(&self, id: &str) -> Result<Option<KeyInfo>, CatalogError>;

    /// Keys of a project, oldest first.
    ///
    /// # Errors
    /// A failing storage.
    fn keys(&self, project: &ProjectId) -> Result<Vec<KeyInfo>, CatalogError>;

    /// Revokes a key. `false` when there is none of that id.
    ///
    /// # Errors
    /// A failing storage.
    fn revoke_key(&self, id: &str, at: Timestamp) -> Result<bool, CatalogError>;

    /// A secret of the server by name, made from `fresh` on first use: the key that signs tokens,
    /// the key that hashes keys.
    ///
    /// # Errors
    /// A failing storage.
    fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], CatalogError>;

    /// Stores a grant under the hash of its secret, and forgets those that expired before `now`.
    ///
    /// # Errors
    /// An unknown project; a failing storage.
    fn add_grant(&self, hash: &KeyHash, grant: &Grant, now: Timestamp) -> Result<(), CatalogError>;

    /// The grant of a hash, expired or not.
    ///
    /// # Errors
    /// A failing storage.
    fn grant(&self, hash: &KeyHash) -> Result<Option<Grant>, CatalogError>;

    /// Takes a grant back; `true` for exactly one of those who take the same.
    ///
    /// # Errors
    /// A failing storage.
    fn remove_grant(&self, hash: &KeyHash) -> Result<bool, CatalogError>;
}
