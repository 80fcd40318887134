//! What waits to be sent: the spool on disk, or memory where there is no disk.
//!
//! The worker appends and commits; one sender reads and acknowledges. Both forms hand out the
//! same lines in the same order.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentops_spool::{Ack, AppendError, Header, Op, Position, Reader, Spool, Writer};
use serde_json::value::RawValue;

use crate::tally::Loss;

/// A place in what was appended; later is greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64, u64);

impl From<Position> for Mark {
    fn from(position: Position) -> Self {
        Self(u64::from(position.segment), position.offset)
    }
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Its number among those of its writer.
    pub(crate) n: u64,
    pub(crate) op: Op,
    pub(crate) sid: String,
    pub(crate) body: Box<RawValue>,
}

/// Some lines in order, and the place after them.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) items: Vec<Item>,
    /// `None` when there is nothing new.
    pub(crate) end: Option<Position>,
}

/// The worker's side.
pub(crate) enum Outbox {
    Disk(Box<Writer>),
    Memory(Arc<Memory>),
}

/// The sender's side.
pub(crate) enum Source {
    Disk {
        reader: Box<Reader>,
        ack: Box<Ack>,
        name: String,
    },
    Memory {
        queue: Arc<Memory>,
        taken: usize,
        name: String,
    },
}

/// Lines in memory, bounded by bytes.
pub(crate) struct Memory {
    limit: usize,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    waiting: VecDeque<Item>,
    bytes: usize,
    appended: u64,
    removed: u64,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// A directory of this process in the spool.
    pub(crate) fn on_disk(data_dir: &Path, header: Header, disk_limit: u64) -> io::Result<Self> {
        let now = crate::state::now().as_micros() / 1_000;
        let now = u64::try_from(now).unwrap_or(0);
        let mut writer = Spool::at(data_dir).create(header, now, || fastrand::u64(..))?;
        writer.set_disk_limit(Some(disk_limit));
        Ok(Self::Disk(Box::new(writer)))
    }

    /// Memory only.
    pub(crate) fn in_memory(limit: usize) -> Self {
        Self::Memory(Arc::new(Memory {
            limit,
            lines: Mutex::default(),
        }))
    }

    /// The other side.
    pub(crate) fn source(&self) -> io::Result<Source> {
        match self {
            Self::Disk(writer) => Source::of_directory(writer.path()),
            Self::Memory(queue) => Ok(Source::Memory {
                queue: Arc::clone(queue),
                taken: 0,
                name: format!("memory-{:016x}", fastrand::u64(..)),
            }),
        }
    }

    /// Adds a line; it is safe after the next [`Outbox::commit`].
    pub(crate) fn append(&mut self, op: Op, sid: &str, body: &[u8]) -> Result<(), Loss> {
        match self {
            Self::Disk(writer) => match writer.append(op, sid, body) {
                Ok(_) => Ok(()),
                Err(AppendError::TooLong(_)) => Err(Loss::TooLarge),
                Err(_) => Err(Loss::DiskFull),
            },
            Self::Memory(queue) => {
                let mut lines = queue.lock();
                if lines.bytes + body.len() > queue.limit {
                    return Err(Loss::MemoryFull);
                }
                let text = std::str::from_utf8(body).map_err(|_| Loss::TooLarge)?;
                let body = RawValue::from_string(text.to_owned()).map_err(|_| Loss::TooLarge)?;
                lines.bytes += body.get().len();
                lines.appended += 1;
                let n = lines.appended;
                lines.waiting.push_back(Item {
                    n,
                    op,
                    sid: sid.to_owned(),
                    body,
                });
                Ok(())
            }
        }
    }

    /// This process opened the session: if it dies, whoever finds the directory ends it.
    pub(crate) fn own(&mut self, sid: &str) {
        if let Self::Disk(writer) = self
            && let Err(error) = writer.own(sid)
        {
            tracing::debug!(target: "agentops", %error, "the spool does not say who owns a session");
        }
    }

    /// The session has ended.
    pub(crate) fn release(&mut self, sid: &str) {
        if let Self::Disk(writer) = self
            && let Err(error) = writer.release(sid)
        {
            tracing::debug!(target: "agentops", %error, "the spool does not say that a session ended");
        }
    }

    /// Writes what was appended.
    pub(crate) fn commit(&mut self, fsync: bool) -> io::Result<()> {
        match self {
            Self::Disk(writer) => writer.commit(fsync),
            Self::Memory(_) => Ok(()),
        }
    }

    /// The place after everything appended.
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Self::Disk(writer) => writer.position().into(),
            Self::Memory(queue) => Mark(0, queue.lock().appended),
        }
    }

    /// Frees what was acknowledged.
    pub(crate) fn tidy(&mut self) {
        if let Self::Disk(writer) = self
            && let Err(error) = writer.remove_acked()
        {
            tracing::debug!(target: "agentops", %error, "a delivered segment cannot be removed");
        }
    }
}

impl Source {
    /// The lines of a writer's directory that are not acknowledged.
    pub(crate) fn of_directory(path: &Path) -> io::Result<Self> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Ok(Self::Disk {
            reader: Box::new(Reader::open(path)),
            ack: Box::new(Ack::open(path)?),
            name: name.unwrap_or_default(),
        })
    }

    /// The next lines that are not acknowledged.
    pub(crate) fn next(&mut self, most: usize, bytes: usize) -> io::Result<Items> {
        match self {
            Self::Disk { reader, ack, .. } => {
                let from = ack.position();
                let batch = reader.next_batch(from, most, bytes)?;
                if batch.skipped > 0 {
                    tracing::warn!(target: "agentops", lines = batch.skipped, "unreadable lines in the spool are skipped");
                }
                let items = batch
                    .lines
                    .into_iter()
                    .map(|line| Item {
                        n: line.n,
                        op: line.op,
                        sid: line.sid,
                        body: line.body,
                    })
                    .collect();
                let end = (batch.end != from).then_some(batch.end);
                Ok(Items { items, end })
            }
            Self::Memory { queue, taken, .. } => {
                let lines = queue.lock();
                let mut size = 0;
                let items: Vec<Item> = lines
                    .waiting
                    .iter()
                    .take(most)
                    .take_while(|item| {
                        size += item.body.get().len();
                        size <= bytes.max(item.body.get().len())
                    })
                    .cloned()
                    .collect();
                *taken = items.len();
                let end = Position {
                    segment: 0,
                    offset: lines.removed + items.len() as u64,
                };
                Ok(Items {
                    end: (!items.is_empty()).then_some(end),
                    items,
                })
            }
        }
    }

    /// Everything before `end`, the end of the last lines handed out, is taken care of.
    pub(crate) fn acknowledge(&mut self, end: Position) -> io::Result<()> {
        match self {
            Self::Disk { ack, .. } => ack.record(end),
            Self::Memory { queue, taken, .. } => {
                let mut lines = queue.lock();
                for _ in 0..std::mem::take(taken) {
                    if let Some(item) = lines.waiting.pop_front() {
                        lines.bytes = lines.bytes.saturating_sub(item.body.get().len());
                        lines.removed += 1;
                    }
                }
                Ok(())
            }
        }
    }

    /// A name that no other source has.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Disk { name, .. } | Self::Memory { name, .. } => name,
        }
    }

    /// How far it is acknowledged.
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Self::Disk { ack, .. } => ack.position().into(),
            Self::Memory { queue, .. } => Mark(0, queue.lock().removed),
        }
    }
}
