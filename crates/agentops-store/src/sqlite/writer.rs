//! The one thread that writes. It commits all batches that wait as one group and answers them
//! after the commit, so that an answer means: on the disk.
//!
//! Each batch has a savepoint: one that fails is rolled back alone. After a failure that leaves
//! the database in doubt the thread ends, and with it every answer to come.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::fault::Fault;
use super::queue::{Job, Queue, Work};
use super::scribe::Scribe;
use crate::{IngestError, Receipt};

/// What the writer and those who feed it share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    /// The newest dictionary; the writer loads it before its next group.
    pub(crate) dictionary: AtomicI64,
}

/// Tells everybody when the thread ends, by a panic too.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the store's writer panicked; nothing is accepted any more");
        }
        self.0.queue.die();
    }
}

/// Writes until the queue is closed and empty.
pub(crate) fn run(shared: Arc<Shared>, mut connection: Connection, mut scribe: Scribe) {
    let ending = Ending(shared);
    let shared = &ending.0;
    while let Some(work) = shared.queue.next() {
        match work {
            Work::Task(task) => task(&mut connection),
            Work::Group(jobs) => {
                let newest = shared.dictionary.load(Ordering::Acquire);
                if let Err(fault) = scribe.renew(&connection, newest) {
                    tracing::warn!(error = %fault, "the new dictionary cannot be used");
                }
                if let Err(fault) = commit(&mut connection, &mut scribe, jobs) {
                    tracing::error!(error = %fault, "the store's writer stops");
                    return;
                }
            }
        }
    }
}

/// Commits a group and answers it. An error means that the writer must stop.
fn commit(connection: &mut Connection, scribe: &mut Scribe, jobs: Vec<Job>) -> Result<(), Fault> {
    let mut answers = Vec::with_capacity(jobs.len());
    let committed = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(mut tx) => {
            for Job { batch, answer } in jobs {
                let result = savepoint(&mut tx, scribe, batch);
                answers.push((answer, result));
            }
            tx.commit().map_err(Fault::from)
        }
        Err(error) => {
            answers.extend(
                jobs.into_iter()
                    .map(|job| (job.answer, Err(Fault::Stopped))),
            );
            Err(error.into())
        }
    };
    let mut fatal = None;
    if let Err(fault) = &committed {
        scribe.forget();
        tracing::error!(error = %fault, batches = answers.len(), "a group was not committed");
    }
    for (answer, result) in answers {
        let result = match (&committed, result) {
            (Ok(()), Ok(receipt)) => Ok(receipt),
            (Err(fault), _) => Err(IngestError::Storage(fault.to_string())),
            (Ok(()), Err(fault)) => {
                let told = IngestError::Storage(fault.to_string());
                if fault.is_fatal() {
                    fatal = Some(fault);
                }
                Err(told)
            }
        };
        // Whoever asked may be gone; the batch is stored all the same.
        let _ = answer.send(result);
    }
    match (committed, fatal) {
        (Err(fault), _) if fault.is_fatal() => Err(fault),
        (_, Some(fault)) => Err(fault),
        _ => Ok(()),
    }
}

/// Carries out one batch, or nothing of it.
fn savepoint(
    tx: &mut Transaction<'_>,
    scribe: &mut Scribe,
    batch: crate::Batch,
) -> Result<Receipt, Fault> {
    let savepoint = tx.savepoint()?;
    match scribe.apply(&savepoint, batch) {
        Ok(receipt) => {
            savepoint.commit()?;
            Ok(receipt)
        }
        Err(fault) => {
            scribe.forget();
            // Dropping the savepoint rolls it back.
            drop(savepoint);
            Err(fault)
        }
    }
}
