//! What an import did, or why it could not.

use std::io;

use agentops_spool::RemoveError;
use agentops_store::{CatalogError, IngestError};

/// Why nothing more can be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Another process imports this data directory.
    #[error("another process is importing this data directory; wait for it, or use its server")]
    Locked,
    /// The data directory cannot be read.
    #[error("the spool cannot be read; check the permissions of the data directory: {0}")]
    Spool(#[from] io::Error),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] IngestError),
    /// The store does not say where it goes.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A directory cannot be given up.
    #[error(transparent)]
    Remove(#[from] RemoveError),
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// Lines that are in the store now.
    pub lines: u64,
    /// Lines whose content no form allows; each is in the log.
    pub refused: u64,
    /// Lines that were damaged on disk.
    pub damaged: u64,
    /// Sessions ended on behalf of a program that died.
    pub recovered: u64,
    /// Directories that were imported whole and removed.
    pub removed: u64,
    /// Directories that could not be imported this time; each is in the log.
    pub failed: u64,
}

impl ImportReport {
    /// Whether anything was imported or removed: then more may follow soon.
    pub(super) fn did_something(&self) -> bool {
        let failed = self.failed;
        *self
            != Self {
                failed,
                ..Self::default()
            }
    }

    /// Adds what another round did.
    pub(super) fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.refused += other.refused;
        self.damaged += other.damaged;
        self.recovered += other.recovered;
        self.removed += other.removed;
        self.failed += other.failed;
    }
}
