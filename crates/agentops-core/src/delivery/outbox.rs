//! What waits to be sent, from the worker's side: the spool on disk, or memory where there is no disk.
//!
//! The worker appends and commits; one sender reads and acknowledges (see `source`). Both forms hand out the same lines
//! in the same order, also those of a spool that cannot be written just now.

use std::io;
use std::path::Path;
use std::sync::Arc;

use agentops_spool::{AppendError, Directory, Header, Op, Spool, Writer};

use super::book::Progress;
use super::item::{Item, Mark};
use super::memory::Memory;
use super::source::Opener;
use crate::tally::Loss;

/// Less than this is not looked through for what need not wait any more.
const SIFTED_FROM: usize = 64 << 10;

/// The worker's side.
pub(crate) enum Outbox {
    Disk(Box<Writer>),
    Memory { queue: Arc<Memory>, name: String },
}

impl Outbox {
    /// A directory of this process in the spool, at most `disk_limit` bytes. In local mode the
    /// limit is that of all local sessions together, and the oldest are rotated out. What cannot
    /// be written waits in memory, at most `memory_limit` bytes.
    pub(crate) fn on_disk(
        data_dir: &Path,
        header: Header,
        disk_limit: u64,
        memory_limit: usize,
    ) -> io::Result<Self> {
        let spool = Spool::at(data_dir);
        let limit = match header.endpoint {
            None => disk_limit.saturating_sub(rotate_out(&spool, disk_limit / 2)?),
            Some(_) => disk_limit,
        };
        let now = crate::state::now().as_micros() / 1_000;
        let now = u64::try_from(now).unwrap_or(0);
        let mut writer = spool.create(header, now, || fastrand::u64(..))?;
        writer.set_disk_limit(Some(limit.max(disk_limit / 4)));
        writer.set_pending_limit(memory_limit);
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
        Self::Memory {
            queue: Arc::new(Memory::new(limit)),
            name: format!("memory-{:016x}", fastrand::u64(..)),
        }
    }

    /// The way to the other side.
    pub(crate) fn opener(&self) -> Opener {
        match self {
            Self::Disk(writer) => Opener::Disk {
                path: writer.path().to_owned(),
                tail: writer.tail(),
            },
            Self::Memory { queue, name } => Opener::Memory {
                queue: Arc::clone(queue),
                name: name.clone(),
            },
        }
    }

    /// All lines, where they are in memory only.
    pub(crate) fn in_memory_lines(&self) -> Option<Vec<Item>> {
        match self {
            Self::Disk(_) => None,
            Self::Memory { queue, .. } => Some(queue.all()),
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
            Self::Memory { queue, .. } => queue.append(op, sid, body),
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
            Self::Memory { .. } => 0,
        }
    }

    /// Writes what was appended.
    pub(crate) fn commit(&mut self, fsync: bool) -> io::Result<()> {
        match self {
            Self::Disk(writer) => writer.commit(fsync),
            Self::Memory { .. } => Ok(()),
        }
    }

    /// After everything appended.
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Self::Disk(writer) => Mark(writer.appended()),
            Self::Memory { queue, .. } => queue.mark(),
        }
    }

    /// The segment before which everything may be removed with the next tidying, where there is anything: the sender
    /// may have acknowledged more than it has told of.
    pub(crate) fn outgoing(&self) -> Option<u32> {
        let Self::Disk(writer) = self else {
            return None;
        };
        let (oldest, newest) = writer.segments();
        (oldest < newest).then_some(newest)
    }

    /// The segment that lines go to now.
    pub(crate) fn segment(&self) -> u32 {
        match self {
            Self::Disk(writer) => writer.segments().1,
            Self::Memory { .. } => 0,
        }
    }

    /// Frees what was delivered.
    pub(crate) fn tidy(&mut self, progress: &Progress) {
        let Self::Disk(writer) = self else { return };
        if let Err(error) = writer.remove_acked_until(progress.at) {
            tracing::debug!(target: "agentops", %error, "a delivered segment cannot be removed");
        }
        // One session that cannot be delivered keeps its lines, wherever they are, and those of others go.
        if progress.at < progress.reached_at && writer.pending_bytes() > SIFTED_FROM {
            let behind = |sid: &str| progress.behind.iter().any(|it| it == sid);
            writer.let_go(progress.reached_at, behind);
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

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = &[b' '; 4_000];

    fn local(dir: &Path, limit: u64) -> Outbox {
        Outbox::on_disk(dir, Header::new("t", 1), limit, 1 << 20).unwrap()
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
        while outbox.commit(false).is_ok() {
            outbox.append(Op::Event, "s", &line()).unwrap();
            appended += 1;
        }
        let mut lost = 0;
        assert!(outbox.make_room(|sid| {
            assert_eq!(sid, "s");
            lost += 1;
        }));
        assert!(lost > 100 && lost < appended, "{lost} of {appended}");
        assert!(outbox.commit(false).is_ok());
    }

    #[test]
    fn what_is_to_be_sent_is_never_rotated_out() {
        let dir = tempfile::tempdir().unwrap();
        let header = Header::new("t", 1).sent_to(Some("http://a".to_owned()), None);
        let mut outbox = Outbox::on_disk(dir.path(), header, 10_000, 10_000).unwrap();
        while outbox.append(Op::Event, "s", &line()).is_ok() {
            let _ = outbox.commit(false);
        }
        assert!(!outbox.make_room(|_| panic!("nothing goes")));
        assert_eq!(outbox.append(Op::Event, "s", &line()), Err(Loss::DiskFull));
    }
}
