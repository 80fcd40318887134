//! What waits to be sent: the spool on disk, or memory where there is no disk.
//!
//! The worker appends and commits; one sender reads and acknowledges. Both forms hand out the
//! same lines in the same order.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentops_spool::{Ack, AppendError, Directory, Header, Op, Position, Reader, Spool, Writer};
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

impl From<Mark> for Position {
    fn from(mark: Mark) -> Self {
        Self {
            segment: u32::try_from(mark.0).unwrap_or(u32::MAX),
            offset: mark.1,
        }
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
        /// How far it is taken care of, also where the disk is too full to note it.
        done: Position,
        name: String,
    },
    Memory {
        queue: Arc<Memory>,
        taken: usize,
        name: String,
    },
}

/// Opens the sender's side, again where a sender has come to grief.
pub(crate) enum Opener {
    Disk(PathBuf),
    Memory(Arc<Memory>),
}

impl Opener {
    pub(crate) fn open(&self) -> io::Result<Source> {
        match self {
            Self::Disk(path) => Source::of_directory(path),
            Self::Memory(queue) => Ok(Source::Memory {
                queue: Arc::clone(queue),
                taken: 0,
                name: format!("memory-{:016x}", fastrand::u64(..)),
            }),
        }
    }
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
    /// A directory of this process in the spool, at most `disk_limit` bytes. In local mode the
    /// limit is that of all local sessions together, and the oldest are rotated out.
    pub(crate) fn on_disk(data_dir: &Path, header: Header, disk_limit: u64) -> io::Result<Self> {
        let spool = Spool::at(data_dir);
        let limit = match header.endpoint {
            None => disk_limit.saturating_sub(rotate_out(&spool, disk_limit / 2)?),
            Some(_) => disk_limit,
        };
        let now = crate::state::now().as_micros() / 1_000;
        let now = u64::try_from(now).unwrap_or(0);
        let mut writer = spool.create(header, now, || fastrand::u64(..))?;
        writer.set_disk_limit(Some(limit.max(disk_limit / 4)));
        Ok(Self::Disk(Box::new(writer)))
    }

    /// Drops the oldest lines, in local mode: nobody will ever fetch them. Tells `lost` the
    /// session of each event that goes. Whether there is room again.
    pub(crate) fn make_room(&mut self, mut lost: impl FnMut(&str)) -> bool {
        let Self::Disk(writer) = self else {
            return false;
        };
        if writer.header().endpoint.is_some() {
            return false;
        }
        let freed = writer.drop_oldest(|line| {
            if line.op == Op::Event {
                lost(&line.sid);
            }
        });
        freed.is_ok_and(|bytes| bytes > 0)
    }

    /// Memory only.
    pub(crate) fn in_memory(limit: usize) -> Self {
        Self::Memory(Arc::new(Memory {
            limit,
            lines: Mutex::default(),
        }))
    }

    /// The way to the other side.
    pub(crate) fn opener(&self) -> Opener {
        match self {
            Self::Disk(writer) => Opener::Disk(writer.path().to_owned()),
            Self::Memory(queue) => Opener::Memory(Arc::clone(queue)),
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
                // What becomes of a session still fits when no event does.
                let reserve = match op {
                    Op::Event | Op::Open => queue.limit / 16,
                    _ => 0,
                };
                if lines.bytes + body.len() > queue.limit - reserve {
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

    /// How many bytes wait for a commit.
    pub(crate) fn uncommitted(&self) -> usize {
        match self {
            Self::Disk(writer) => writer.pending_bytes(),
            Self::Memory(_) => 0,
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

    /// Frees what was delivered.
    pub(crate) fn tidy(&mut self, delivered: Mark) {
        if let Self::Disk(writer) = self
            && let Err(error) = writer.remove_acked_until(delivered.into())
        {
            tracing::debug!(target: "agentops", %error, "a delivered segment cannot be removed");
        }
    }
}

/// Removes what the oldest local programs left until all of it takes at most `keep` bytes; says
/// how much it takes then.
fn rotate_out(spool: &Spool, keep: u64) -> io::Result<u64> {
    let mut total = spool.bytes_on_disk()?;
    if total <= keep {
        return Ok(total);
    }
    for taken in spool.abandoned(|_, header| header.endpoint.is_none())? {
        if total <= keep {
            break;
        }
        let size = Directory::from_path(taken.path().to_owned());
        let size = size.map_or(Ok(0), |directory| directory.bytes_on_disk())?;
        tracing::warn!(target: "agentops", dir = %taken.path().display(), "the oldest local sessions are rotated out; AGENTOPS_DISK_LIMIT is reached");
        taken.discard()?;
        total = total.saturating_sub(size);
    }
    Ok(total)
}

impl Source {
    /// The lines of a writer's directory that are not acknowledged.
    pub(crate) fn of_directory(path: &Path) -> io::Result<Self> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let ack = Ack::open(path)?;
        Ok(Self::Disk {
            reader: Box::new(Reader::open(path)),
            done: ack.position(),
            ack: Box::new(ack),
            name: name.unwrap_or_default(),
        })
    }

    /// The next lines that are not acknowledged.
    pub(crate) fn next(&mut self, most: usize, bytes: usize) -> io::Result<Items> {
        match self {
            Self::Disk { reader, done, .. } => {
                let from = *done;
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
            Self::Disk { ack, done, .. } => {
                *done = end.max(*done);
                ack.record(end)
            }
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
            Self::Disk { done, .. } => (*done).into(),
            Self::Memory { queue, .. } => Mark(0, queue.lock().removed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = &[b' '; 4_000];

    fn local(dir: &Path, limit: u64) -> Outbox {
        Outbox::on_disk(dir, Header::new("t", 1), limit).unwrap()
    }

    fn line() -> Vec<u8> {
        [b"{\"a\":1", LINE, b"}"].concat()
    }

    #[test]
    fn the_oldest_local_programs_are_rotated_out() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::at(dir.path());
        for _ in 0..6 {
            let mut outbox = local(dir.path(), 100_000);
            for _ in 0..5 {
                outbox.append(Op::Event, "s", &line()).unwrap();
            }
            outbox.commit(false).unwrap();
            // Names are of one millisecond.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(spool.bytes_on_disk().unwrap() <= 100_000);
        assert!((2..6).contains(&spool.directories().unwrap().len()));
    }

    #[test]
    fn a_local_program_drops_its_own_oldest_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let mut outbox = local(dir.path(), 20 << 20);
        let mut appended = 0;
        while outbox.append(Op::Event, "s", &line()).is_ok() {
            outbox.commit(false).unwrap();
            appended += 1;
        }
        let mut lost = 0;
        assert!(outbox.make_room(|sid| {
            assert_eq!(sid, "s");
            lost += 1;
        }));
        assert!(lost > 100 && lost < appended, "{lost} of {appended}");
        assert_eq!(outbox.append(Op::Event, "s", &line()), Ok(()));
    }

    #[test]
    fn what_is_to_be_sent_is_never_rotated_out() {
        let dir = tempfile::tempdir().unwrap();
        let header = Header::new("t", 1).sent_to(Some("http://a".to_owned()), None);
        let mut outbox = Outbox::on_disk(dir.path(), header, 10_000).unwrap();
        while outbox.append(Op::Event, "s", &line()).is_ok() {
            outbox.commit(false).unwrap();
        }
        assert!(!outbox.make_room(|_| panic!("nothing goes")));
        assert_eq!(outbox.append(Op::Event, "s", &line()), Err(Loss::DiskFull));
    }
}
