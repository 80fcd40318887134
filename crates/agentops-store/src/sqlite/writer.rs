//! The one thread that writes. It commits all batches that wait as one group and answers them
//! after the commit, so that an answer means: on the disk.
//!
//! Each batch has a savepoint: one that fails is rolled back alone. After a failure that leaves
//! the database in doubt the thread ends, and with it every answer to come.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::checkpoint;
use super::fault::Fault;
use super::queue::{Job, Queue, Work};
use super::scribe::Scribe;
use crate::{Batch, IngestError, Receipt};

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
    if let Err(fault) = checkpoint::at_the_end(&connection) {
        tracing::debug!(error = %fault, "the log stays beside the database");
    }
}

/// Commits a group and answers it. An error means that the writer must stop.
fn commit(connection: &mut Connection, scribe: &mut Scribe, jobs: Vec<Job>) -> Result<(), Fault> {
    let (batches, answers): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|job| (job.batch, job.answer)).unzip();
    let results = match group(connection, scribe, batches) {
        Ok(results) => results,
        Err(fault) => {
            scribe.forget();
            tracing::error!(error = %fault, batches = answers.len(), "a group was not committed");
            for answer in answers {
                let _ = answer.send(Err(IngestError::Storage(fault.to_string())));
            }
            return if fault.is_fatal() { Err(fault) } else { Ok(()) };
        }
    };
    let mut fatal = None;
    for (answer, result) in answers.into_iter().zip(results) {
        let told = match result {
            Ok(receipt) => Ok(receipt),
            Err(fault) => {
                let told = IngestError::Storage(fault.to_string());
                fatal = Some(fault).filter(Fault::is_fatal).or(fatal);
                Err(told)
            }
        };
        // Whoever asked may be gone; the batch is stored all the same.
        let _ = answer.send(told);
    }
    fatal.map_or(Ok(()), Err)
}

/// Carries out batches in one transaction; what became of each. An error means that nothing of
/// any of them is stored.
fn group(
    connection: &mut Connection,
    scribe: &mut Scribe,
    batches: Vec<Batch>,
) -> Result<Vec<Result<Receipt, Fault>>, Fault> {
    let mut tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(batches.len());
    for batch in batches {
        let result = savepoint(&mut tx, scribe, batch);
        // After some failures, a full disk for one, SQLite has rolled back everything.
        if tx.is_autocommit() {
            return Err(result.err().unwrap_or(Fault::Damaged("transaction")));
        }
        results.push(result);
    }
    tx.commit()?;
    Ok(results)
}

/// Carries out one batch, or nothing of it.
fn savepoint(
    tx: &mut Transaction<'_>,
    scribe: &mut Scribe,
    batch: Batch,
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
