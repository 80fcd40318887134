//! Durable writing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use agentops_protocol::{Usage, Usd};
use tokio::sync::oneshot;

use crate::Batch;
use crate::mutation::ImportCursor;

/// The price of a call: cost of these tokens of this model; `None` when not known.
pub type PriceOf = Arc<dyn Fn(&str, &Usage) -> Option<Usd> + Send + Sync>;

/// Accepts batches. An answered batch is committed and synced.
pub trait Ingest: Send + Sync {
    /// Hands a batch to the writer.
    ///
    /// # Errors
    /// [`IngestError::Busy`] when the queue is full; the caller answers 503 and nothing is kept.
    fn submit(&self, batch: Batch) -> Result<Pending, IngestError>;

    /// Whether batches can be stored. Once `false`, always: then the process must end.
    fn is_alive(&self) -> bool;

    /// Where the import of a spool directory stands.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn import_cursor(&self, directory: &str) -> Result<Option<ImportCursor>, IngestError>;

    /// Forgets the cursors of all spool directories but these: the others are gone for good.
    ///
    /// # Errors
    /// When the storage cannot be written.
    fn keep_import_cursors(&self, directories: &[String]) -> Result<(), IngestError>;
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The revision of the store that holds it.
    pub revision: u64,
    /// Cost of the session of the batch's last write right after it; `None` when not known. For a
    /// repeated batch id, the cost it was answered with the first time.
    pub cost: Option<Usd>,
    /// Whether the batch id was known and nothing changed.
    pub repeated: bool,
}

impl Receipt {
    pub(crate) fn new(revision: u64, cost: Option<Usd>, repeated: bool) -> Self {
        Self {
            revision,
            cost,
            repeated,
        }
    }
}

/// Why a batch is not stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// Too many batches wait; try again later.
    #[error("the writer is busy; try again later")]
    Busy,
    /// The writer has ended. The process must end too.
    #[error("the writer has stopped")]
    Stopped,
    /// The storage refused; nothing of the batch is stored.
    #[error("the batch could not be stored: {0}")]
    Storage(String),
}

/// The answer to come. A future, or to be waited for on a thread of its own.
#[derive(Debug)]
#[must_use = "a batch is stored only when its answer has come"]
pub struct Pending(oneshot::Receiver<Result<Receipt, IngestError>>);

impl Pending {
    pub(crate) fn new(answer: oneshot::Receiver<Result<Receipt, IngestError>>) -> Self {
        Self(answer)
    }

    /// Blocks until the batch is stored. Not for async code.
    ///
    /// # Errors
    /// As the future.
    pub fn wait(self) -> Result<Receipt, IngestError> {
        self.0.blocking_recv().unwrap_or(Err(IngestError::Stopped))
    }
}

impl Future for Pending {
    type Output = Result<Receipt, IngestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(IngestError::Stopped)))
    }
}
