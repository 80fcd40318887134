//! What waits for the writer: batches, bounded, and tasks on a path of their own, so that a full
//! queue of batches does not keep a task out.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::fault::Fault;
use crate::{Batch, IngestError, Receipt};

/// Most batches that wait.
const BATCHES: usize = 256;
/// Most bytes of batches that wait, unless one alone has more.
const BYTES: usize = 128 << 20;
/// Most tasks that wait.
const TASKS: usize = 64;
/// Most rows and bytes of a group, unless one batch alone has more.
const ROWS: usize = 4_000;
const GROUP_BYTES: usize = 32 << 20;

/// A batch and where its answer goes.
pub(crate) struct Job {
    pub(crate) batch: Batch,
    pub(crate) answer: oneshot::Sender<Result<Receipt, IngestError>>,
}

/// Something else that only the writer may do.
pub(crate) type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// What the writer does next.
pub(crate) enum Work {
    /// Batches to commit together.
    Group(Vec<Job>),
    /// A task.
    Task(Task),
}

/// A batch that waits, and how much it is.
struct Waiting {
    rows: usize,
    bytes: usize,
    job: Job,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Waiting>,
    /// Of all that wait.
    bytes: usize,
    tasks: VecDeque<Task>,
    closed: bool,
    dead: bool,
}

/// The writer's inbox.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

impl Queue {
    /// Adds a batch.
    pub(crate) fn submit(&self, job: Job) -> Result<(), IngestError> {
        let mut state = self.lock();
        if state.dead || state.closed {
            return Err(IngestError::Stopped);
        }
        let (rows, bytes) = (job.batch.rows(), job.batch.bytes());
        let is_full = state.bytes.saturating_add(bytes) > BYTES && !state.jobs.is_empty();
        if state.jobs.len() >= BATCHES || is_full {
            return Err(IngestError::Busy);
        }
        state.bytes += bytes;
        state.jobs.push_back(Waiting { rows, bytes, job });
        self.filled.notify_one();
        Ok(())
    }

    /// Adds a task; `false` when the writer has ended or too many wait.
    fn run(&self, task: Task) -> bool {
        let mut state = self.lock();
        if state.dead || state.closed || state.tasks.len() >= TASKS {
            return false;
        }
        state.tasks.push_back(task);
        self.filled.notify_one();
        true
    }

    /// Runs `change` on the writer's thread in a transaction of its own and waits for its commit.
    pub(crate) fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.between(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&tx)?;
            tx.commit()?;
            Ok(value)
        })
    }

    /// Runs `task` on the writer's thread between its transactions and waits for it.
    pub(crate) fn between<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, result) = mpsc::sync_channel(1);
        let task = move |connection: &mut Connection| {
            // Whoever asked may be gone.
            let _ = answer.send(task(connection));
        };
        if !self.run(Box::new(task)) {
            return Err(Fault::Stopped);
        }
        result.recv().unwrap_or(Err(Fault::Stopped))
    }

    /// Waits for work; `None` when the queue is closed and empty.
    pub(crate) fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.tasks.pop_front() {
                return Some(Work::Task(task));
            }
            if !state.jobs.is_empty() {
                return Some(Work::Group(group(&mut state)));
            }
            if state.closed {
                return None;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes nothing more; what waits is still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// The writer has ended: whoever waits for an answer learns it.
    pub(crate) fn die(&self) {
        let mut state = self.lock();
        state.dead = true;
        state.bytes = 0;
        let (jobs, tasks) = (
            std::mem::take(&mut state.jobs),
            std::mem::take(&mut state.tasks),
        );
        drop(state);
        drop((jobs, tasks));
    }

    /// Whether the writer runs.
    pub(crate) fn is_alive(&self) -> bool {
        !self.lock().dead
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn group(state: &mut State) -> Vec<Job> {
    let mut group = Vec::with_capacity(state.jobs.len());
    let (mut rows, mut bytes) = (0, 0);
    while let Some(next) = state.jobs.front() {
        rows += next.rows;
        bytes += next.bytes;
        if (rows > ROWS || bytes > GROUP_BYTES) && !group.is_empty() {
            break;
        }
        if let Some(next) = state.jobs.pop_front() {
            state.bytes -= next.bytes;
            group.push(next.job);
        }
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> (Job, oneshot::Receiver<Result<Receipt, IngestError>>) {
        let (answer, pending) = oneshot::channel();
        let batch = Batch {
            writes: Vec::new(),
            idempotency_key: None,
            cursor: None,
        };
        (Job { batch, answer }, pending)
    }

    #[test]
    fn a_full_queue_is_busy_and_still_takes_tasks() {
        let queue = Queue::default();
        for _ in 0..BATCHES {
            queue.submit(job().0).unwrap();
        }
        assert!(matches!(queue.submit(job().0), Err(IngestError::Busy)));
        assert!(queue.run(Box::new(|_| {})));
        assert!(matches!(queue.next(), Some(Work::Task(_))));
        assert!(matches!(queue.next(), Some(Work::Group(jobs)) if jobs.len() == BATCHES));
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_one_alone_is_always_taken() {
        let large = |bytes: usize| {
            let (mut large, pending) = job();
            large.batch.writes.push(crate::Write {
                project: "p".parse().unwrap(),
                session: "s".parse().unwrap(),
                received: agentops_protocol::Timestamp::from_micros(0),
                mutation: crate::Mutation::AppendLogs("x".repeat(bytes)),
            });
            (large, pending)
        };
        let queue = Queue::default();
        queue.submit(large(BYTES + 1).0).unwrap();
        let refused = queue.submit(large(1).0);
        assert!(matches!(refused, Err(IngestError::Busy)));
        assert!(matches!(queue.next(), Some(Work::Group(jobs)) if jobs.len() == 1));
        for _ in 0..3 {
            queue.submit(large(GROUP_BYTES / 2).0).unwrap();
        }
        // The first two and what is around them are over the bound of a group.
        assert!(matches!(queue.next(), Some(Work::Group(jobs)) if jobs.len() == 1));
        assert!(matches!(queue.next(), Some(Work::Group(jobs)) if jobs.len() == 1));
    }

    #[test]
    fn a_dead_writer_answers_who_waits() {
        let queue = Queue::default();
        let (waiting, mut pending) = job();
        queue.submit(waiting).unwrap();
        queue.die();
        assert!(pending.try_recv().is_err(), "the sender is gone");
        assert!(matches!(queue.submit(job().0), Err(IngestError::Stopped)));
        assert!(!queue.run(Box::new(|_| {})));
    }

    #[test]
    fn a_closed_queue_is_worked_off() {
        let queue = Queue::default();
        queue.submit(job().0).unwrap();
        queue.close();
        assert!(matches!(queue.submit(job().0), Err(IngestError::Stopped)));
        assert!(matches!(queue.next(), Some(Work::Group(_))));
        assert!(queue.next().is_none());
    }
}
