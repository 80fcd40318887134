//! The sender's side of what waits to be sent: reading lines, and saying how far they are taken care of.
//!
//! Lines are read by position, as often as it takes: a session that is behind is read once more when its turn comes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agentops_spool::{Ack, Position, Reader, Tail};

use super::item::{Item, Items};
use super::memory::Memory;

/// Makes the sender's side, again where a sender has come to grief.
#[derive(Clone)]
pub(crate) enum Opener {
    /// A directory of this process.
    Disk { path: PathBuf, tail: Tail },
    /// Lines in memory.
    Memory { queue: Arc<Memory>, name: String },
}

/// What a sender reads and acknowledges.
pub(crate) struct Source {
    kind: Kind,
    name: Arc<str>,
}

enum Kind {
    Disk {
        path: PathBuf,
        tail: Option<Tail>,
        ack: Mutex<Ack>,
    },
    Memory(Arc<Memory>),
}

/// A reader of a source.
pub(crate) enum Lines {
    Disk(Box<Reader>),
    Memory(Arc<Memory>),
}

impl Opener {
    pub(crate) fn open(&self) -> io::Result<Source> {
        match self {
            Self::Disk { path, tail } => Source::on_disk(path, Some(tail.clone())),
            Self::Memory { queue, name } => Ok(Source {
                kind: Kind::Memory(Arc::clone(queue)),
                name: name.as_str().into(),
            }),
        }
    }
}

impl Source {
    /// The lines of a dead writer's directory that are not acknowledged.
    pub(crate) fn of_directory(path: &Path) -> io::Result<Self> {
        Self::on_disk(path, None)
    }

    fn on_disk(path: &Path, tail: Option<Tail>) -> io::Result<Self> {
        let name = path.file_name();
        let name = name.map(|name| name.to_string_lossy().into_owned());
        Ok(Self {
            kind: Kind::Disk {
                path: path.to_owned(),
                tail,
                ack: Mutex::new(Ack::open(path)?),
            },
            name: name.unwrap_or_default().into(),
        })
    }

    /// A name that no other source has.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where the lines that are not acknowledged begin.
    pub(crate) fn start(&self) -> Position {
        match &self.kind {
            Kind::Disk { ack, .. } => ack
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .position(),
            Kind::Memory(queue) => queue.start(),
        }
    }

    pub(crate) fn lines(&self) -> Lines {
        match &self.kind {
            Kind::Disk {
                path,
                tail: Some(tail),
                ..
            } => Lines::Disk(Box::new(Reader::following(path, tail.clone()))),
            Kind::Disk { path, .. } => Lines::Disk(Box::new(Reader::open(path))),
            Kind::Memory(queue) => Lines::Memory(Arc::clone(queue)),
        }
    }

    /// Everything before `end` is taken care of.
    pub(crate) fn acknowledge(&self, end: Position) -> io::Result<()> {
        match &self.kind {
            Kind::Disk { ack, .. } => ack
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .record(end),
            Kind::Memory(queue) => {
                queue.forget_until(end);
                Ok(())
            }
        }
    }

    /// This one line is taken care of, whatever stands before it.
    pub(crate) fn let_go(&self, n: u64) {
        if let Kind::Memory(queue) = &self.kind {
            queue.forget(n);
        }
    }
}

impl Lines {
    /// The lines from a position on: at most so many, of at most so many bytes, but one if there is one.
    pub(crate) fn next(&mut self, from: Position, most: usize, bytes: usize) -> io::Result<Items> {
        match self {
            Self::Disk(reader) => {
                let batch = reader.next_batch(from, most, bytes)?;
                if batch.skipped > 0 {
                    tracing::warn!(target: "agentops", lines = batch.skipped, "unreadable lines in the spool are skipped");
                }
                let items = batch.lines.into_iter().map(|line| Item {
                    n: line.n,
                    op: line.op,
                    sid: line.sid,
                    body: line.body,
                    at: line.at,
                });
                Ok(Items {
                    items: items.collect(),
                    end: batch.end,
                })
            }
            Self::Memory(queue) => Ok(queue.next(from, most, bytes)),
        }
    }
}
