//! Why something inside the SQLite backend failed.

use rusqlite::ErrorCode;

/// A failure below the traits, which turn it into text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite refused.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// Compression refused.
    #[error("compressing or expanding a stored value: {0}")]
    Pack(#[from] std::io::Error),
    /// What is stored is not what this version writes.
    #[error("a stored value is damaged: {0}")]
    Damaged(&'static str),
    /// Too many reads for too long.
    #[error("too many reads at a time; try again later")]
    Crowded,
    /// The writer thread has ended.
    #[error("the writer has stopped")]
    Stopped,
}

impl Fault {
    /// Whether the database can no longer be trusted or reached, so that the writer must stop:
    /// after a failed sync nobody knows what is on the disk. A full disk is no such fault.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Sql(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::FileLockingProtocolFailed
                )
            ),
            Self::Stopped => true,
            Self::Pack(_) | Self::Damaged(_) | Self::Crowded => false,
        }
    }
}
