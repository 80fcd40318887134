//! Writing a directory: lines are collected by `append` and written by `commit`, one write call for all of them.
//!
//! ```text
//!           append, own, release             commit                       8 MiB reached, or the cut after a
//!  pending ---------------------> pending -----------> segment (open) --- short write failed --> no segment
//!     ^                                                                                              |
//!     +------------- the header of the next segment is put in front of the pending lines <-----------+
//! ```
//!
//! A failed commit keeps its lines for the next one; [`MAX_PENDING_BYTES`] bounds them. With no segment open, the next
//! commit makes one. The header is put in front when the last segment closes, not when the next is made, so that the
//! position of a line is known when it is appended.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::ack;
use crate::files;
use crate::line::{self, Header, Line, MAX_LINE_BYTES, Op, Position};
use crate::lock::Lock;
use crate::reader::Reader;
use crate::segment::{Segment, Sink};
use crate::taken::Taken;

/// Size at which a segment is closed and the next one begun.
pub const SEGMENT_BYTES: u64 = 8 << 20;

/// The most that waits for a commit; more is refused.
pub const MAX_PENDING_BYTES: usize = 64 << 20;

/// The most that events leave to what sessions are: their start, their changes, their end. A sixteenth of a limit that
/// is small.
const RESERVE_BYTES: u64 = 1 << 20;

/// A limit is made of this many segments at least, so that what is acknowledged can be deleted in time.
const SEGMENTS_IN_LIMIT: u64 = 8;

/// The smallest segment that a limit leads to.
const MIN_SEGMENT_BYTES: u64 = 4 << 10;

/// Bytes of a line beside its session and body, more than enough.
const LINE_OVERHEAD: usize = 96;

/// Makes the file of a new segment.
pub(crate) type Disk = fn(&Path) -> io::Result<Box<dyn Sink>>;

/// Why a line was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Longer than any line may be.
    #[error("line of about {0} bytes is longer than {MAX_LINE_BYTES}; record less of the value")]
    TooLong(usize),
    /// Commits have failed until no more could wait.
    #[error(
        "more than {MAX_PENDING_BYTES} bytes wait to be written; free disk space or check the data directory"
    )]
    PendingFull,
    /// The directory has reached the limit that was set.
    #[error("spool has reached its limit of {0} bytes; raise the disk limit or wait for delivery")]
    DiskFull(u64),
}

/// The one writer of a directory, whose lock it holds.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    /// Always there until `close` hands it on.
    lock: Option<Lock>,
    header: Header,
    disk: Disk,
    /// [`SEGMENT_BYTES`]; less in tests.
    pub(crate) segment_bytes: u64,
    segment: Option<Segment>,
    /// Number of the segment that is made next when none is open.
    next: u32,
    pending: Vec<u8>,
    /// Bytes at the front of `pending` that are only a header: not worth a segment by themselves.
    header_len: usize,
    n: u64,
    /// End of the last committed line.
    committed: Position,
    /// The segments that are still there.
    segments: BTreeMap<u32, State>,
    disk_limit: Option<u64>,
    /// The last commit left lines behind.
    stuck: bool,
    /// Files were made whose names are not durable yet.
    names_unsynced: bool,
}

/// What the writer knows of a segment.
#[derive(Clone, Copy, Debug)]
struct State {
    len: u64,
    synced: bool,
}

impl Writer {
    /// Begins the first segment of a new directory.
    pub(crate) fn begin(path: PathBuf, lock: Lock, header: Header) -> io::Result<Self> {
        Self::begin_on(path, lock, header, |path| {
            Ok(Box::new(files::open_append(path, true)?))
        })
    }

    /// The same on a disk of the caller's.
    pub(crate) fn begin_on(
        path: PathBuf,
        lock: Lock,
        header: Header,
        disk: Disk,
    ) -> io::Result<Self> {
        let mut writer = Self {
            path,
            lock: Some(lock),
            header,
            disk,
            segment_bytes: SEGMENT_BYTES,
            segment: None,
            next: Position::START.segment,
            pending: Vec::new(),
            header_len: 0,
            n: 0,
            committed: Position::START,
            segments: BTreeMap::new(),
            disk_limit: None,
            stuck: false,
            names_unsynced: true,
        };
        writer.put_header_in_front();
        writer.write_pending()?;
        Ok(writer)
    }

    /// The directory, for a [`Reader`](crate::Reader) and an [`Ack`](crate::Ack) beside this writer.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The header as a segment begun now would have it.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Limits what [`append`](Self::append) lets this directory grow to; `None`, the default, is no limit. Events reach
    /// it a little earlier than the lines that say what became of a session. Segments get smaller where it is small.
    pub fn set_disk_limit(&mut self, bytes: Option<u64>) {
        self.disk_limit = bytes;
        self.segment_bytes = bytes.map_or(SEGMENT_BYTES, |limit| {
            (limit / SEGMENTS_IN_LIMIT).clamp(MIN_SEGMENT_BYTES, SEGMENT_BYTES)
        });
    }

    /// Collects an operation for the next commit and says where its line will begin.
    ///
    /// `body` is one JSON value; it is not checked here, and readers skip and count a line that does not parse. The
    /// position holds unless a commit fails so badly that its lines move to another segment: after an error, take
    /// [`position`](Self::position) of a later successful commit as the end of everything appended before.
    ///
    /// # Errors
    /// When the line is too long, or the disk limit or the limit of waiting bytes is reached. Nothing is collected.
    pub fn append(&mut self, op: Op, sid: &str, body: &[u8]) -> Result<Position, AppendError> {
        let at = self.appended();
        self.make_room(Some(op), sid.len() * 6 + body.len() + LINE_OVERHEAD)?;
        self.n += 1;
        line::push_operation(&mut self.pending, self.n, op, sid, body);
        Ok(at)
    }

    /// Notes that this writer opened a session: recovery will end it if this process dies. Append it before the
    /// session's first line. Owning it already changes nothing.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn own(&mut self, sid: &str) -> Result<(), AppendError> {
        if !self.header.owns.contains(sid) {
            self.make_room(None, sid.len() * 6 + LINE_OVERHEAD)?;
            self.header.own(sid);
            line::push_own(&mut self.pending, sid);
        }
        Ok(())
    }

    /// Notes that a session was ended. Append it behind the line that ends it. Not owning it changes nothing.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn release(&mut self, sid: &str) -> Result<(), AppendError> {
        if self.header.owns.contains(sid) {
            self.make_room(None, sid.len() * 6 + LINE_OVERHEAD)?;
            self.header.release(sid);
            line::push_release(&mut self.pending, sid);
        }
        Ok(())
    }

    /// Writes what was collected, in one write call; with `fsync` makes everything written so far durable.
    ///
    /// # Errors
    /// When not everything could be written: the lines that could not stay collected, and the next commit tries again,
    /// in a fresh segment if this one is beyond repair. When syncing failed: the lines are written, but may not survive
    /// a power cut.
    pub fn commit(&mut self, fsync: bool) -> io::Result<()> {
        // A header alone is worth a segment only where there is none: without it nobody would know
        // whose directory this is and which sessions it owns.
        let lines = self.pending.len() > self.header_len;
        if lines || (self.bytes_on_disk() == 0 && !self.pending.is_empty()) {
            let written = self.write_pending();
            self.stuck = written.is_err();
            written?;
        }
        if fsync { self.sync() } else { Ok(()) }
    }

    /// The end of the last committed line: once everything before it is acknowledged, so is all that was committed.
    #[must_use]
    pub fn position(&self) -> Position {
        self.committed
    }

    /// Bytes of lines in the directory's segments.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        self.segments.values().map(|state| state.len).sum()
    }

    /// Bytes that wait for a commit.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.pending.len() - self.header_len
    }

    /// Deletes the segments that are acknowledged whole, whoever acknowledged them; returns the bytes freed. The newest
    /// segment stays, because its header says whose directory this is and what its writer owns: unless a new one takes
    /// its place, or it is in the way of lines that do not fit on the disk.
    ///
    /// # Errors
    /// When the acknowledgements cannot be read or a file cannot be deleted.
    pub fn remove_acked(&mut self) -> io::Result<u64> {
        self.remove_acked_until(Position::START)
    }

    /// The same where the caller knows that everything before `known` is acknowledged, even if that could not be
    /// written down: on a full disk, this is what makes room again.
    ///
    /// # Errors
    /// As [`remove_acked`](Self::remove_acked).
    pub fn remove_acked_until(&mut self, known: Position) -> io::Result<u64> {
        let is_closed = self.segment.is_none();
        if self.segments.len() < 2 && !is_closed && !self.stuck {
            return Ok(0);
        }
        let acked = ack::load(&self.path)?.max(known);
        if acked >= self.committed {
            if self.stuck {
                self.segment = None;
                return self.remove_all(acked);
            }
            if is_closed {
                // At least a header: it is the newest from now on. Where it does not fit, the old one stays.
                let _ = self.write_pending();
            }
        }
        let mut freed = 0;
        while let Some((&number, &State { len, .. })) = self.segments.first_key_value() {
            let done = acked
                >= Position {
                    segment: number,
                    offset: len,
                };
            if !done || self.segments.len() == 1 {
                break;
            }
            files::remove_if_there(&files::segment(&self.path, number))?;
            self.segments.remove(&number);
            freed += len;
        }
        self.remove_stale_acks(acked)?;
        Ok(freed)
    }

    /// Deletes all segments, which are acknowledged; the next commit begins a new one.
    fn remove_all(&mut self, acked: Position) -> io::Result<u64> {
        self.put_header_in_front();
        let freed = self.bytes_on_disk();
        while let Some((&number, _)) = self.segments.first_key_value() {
            files::remove_if_there(&files::segment(&self.path, number))?;
            self.segments.remove(&number);
        }
        self.remove_stale_acks(acked)?;
        Ok(freed)
    }

    /// Deletes the oldest segment although it is not acknowledged, to make room, and tells `lost` of each operation in
    /// it that was not. The newest segment stays. Returns the bytes freed, 0 if there is no older one.
    ///
    /// A reader that has lines of it already may still hand them on and acknowledge them.
    ///
    /// # Errors
    /// When the segment cannot be read or deleted; what `lost` was told may then still be there.
    pub fn drop_oldest(&mut self, mut lost: impl FnMut(Line)) -> io::Result<u64> {
        let Some((&number, &State { len, .. })) = self.segments.first_key_value() else {
            return Ok(0);
        };
        if self.segments.len() < 2 {
            return Ok(0);
        }
        let acked = ack::load(&self.path)?;
        let until = Position {
            segment: number,
            offset: len,
        };
        let mut reader = Reader::open(&self.path);
        let mut from = acked.max(Position::at_start_of(number));
        while from < until {
            let batch = reader.next_batch(from, 1024, 1 << 20)?;
            batch
                .lines
                .into_iter()
                .filter(|line| line.at < until)
                .for_each(&mut lost);
            if batch.end == from {
                break;
            }
            from = batch.end;
        }
        files::remove_if_there(&files::segment(&self.path, number))?;
        self.segments.remove(&number);
        self.remove_stale_acks(acked)?;
        Ok(len)
    }

    /// Commits what is left and stops writing. The directory stays locked in the hands of the caller, who may remove
    /// it when all of it is acknowledged.
    ///
    /// # Errors
    /// When the last lines cannot be written; they are lost with this writer.
    pub fn close(mut self) -> io::Result<Taken> {
        self.commit(false)?;
        let lock = self
            .lock
            .take()
            .expect("only this function takes it, and it consumes the writer");
        Ok(Taken::new(std::mem::take(&mut self.path), lock))
    }

    /// Deletes the acknowledgements of deleted segments, except the newest: it says how far all of it went.
    fn remove_stale_acks(&self, acked: Position) -> io::Result<()> {
        let first_left = self.segments.keys().next().copied().unwrap_or(self.next);
        ack::remove_before(&self.path, first_left.min(acked.segment))
    }

    /// Where the next appended line will begin.
    fn appended(&self) -> Position {
        let (segment, len) = self
            .segment
            .as_ref()
            .map_or((self.next, 0), |open| (open.number(), open.len()));
        Position {
            segment,
            offset: len + self.pending.len() as u64,
        }
    }

    /// Refuses a line that does not fit; `None` is one that says who owns a session.
    fn make_room(&self, op: Option<Op>, bytes: usize) -> Result<(), AppendError> {
        if bytes > MAX_LINE_BYTES {
            return Err(AppendError::TooLong(bytes));
        }
        let reserve = |limit: u64| match op {
            Some(Op::Event | Op::Open) => RESERVE_BYTES.min(limit / 16),
            _ => 0,
        };
        let waiting = (self.pending.len() + bytes) as u64;
        let most = MAX_PENDING_BYTES as u64;
        if waiting > most - reserve(most) {
            return Err(AppendError::PendingFull);
        }
        match self.disk_limit {
            Some(limit) if self.bytes_on_disk() + waiting > limit - reserve(limit) => {
                Err(AppendError::DiskFull(limit))
            }
            _ => Ok(()),
        }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.make_segment()?,
        };
        let written = segment.write(&self.pending);
        self.pending.drain(..written.kept);
        if written.kept > 0 {
            self.header_len = 0;
        }
        self.segments.insert(
            segment.number(),
            State {
                len: segment.len(),
                synced: false,
            },
        );
        if written.kept > 0 {
            self.committed = Position {
                segment: segment.number(),
                offset: segment.len(),
            };
        }
        if written.usable && segment.len() < self.segment_bytes {
            self.segment = Some(segment);
        } else {
            self.put_header_in_front();
        }
        written.error.map_or(Ok(()), Err)
    }

    fn make_segment(&mut self) -> io::Result<Segment> {
        let number = self.next;
        let sink = (self.disk)(&files::segment(&self.path, number));
        // Whatever has that name is not ours to write: the one after it is tried next.
        if sink
            .as_ref()
            .err()
            .is_none_or(|error| error.kind() == io::ErrorKind::AlreadyExists)
        {
            self.next += 1;
        }
        let segment = Segment::new(number, sink?);
        self.names_unsynced = true;
        Ok(segment)
    }

    fn put_header_in_front(&mut self) {
        let mut front = Vec::new();
        line::push_header(&mut front, &self.header);
        let old = std::mem::replace(&mut self.header_len, front.len());
        self.pending.splice(..old, front);
    }

    /// Makes the open segment durable, those that were closed unsynced, and the names of all.
    fn sync(&mut self) -> io::Result<()> {
        for (&number, state) in self.segments.iter_mut().filter(|(_, state)| !state.synced) {
            let result = match self.segment.as_mut().filter(|open| open.number() == number) {
                Some(open) => open.sync(),
                None => files::sync_file(&files::segment(&self.path, number)),
            };
            // A failed sync is not repeated: the system forgets what it could not write, and a second call would lie.
            state.synced = true;
            if let Err(error) = result {
                if self
                    .segment
                    .take_if(|open| open.number() == number)
                    .is_some()
                {
                    self.put_header_in_front();
                }
                return Err(error);
            }
        }
        if std::mem::take(&mut self.names_unsynced) {
            files::sync_dir(&self.path)?;
            self.path.parent().map_or(Ok(()), files::sync_dir)?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    /// Best effort: what was appended is written. An error has nobody left to hear it.
    fn drop(&mut self) {
        let _ = self.commit(false);
    }
}
