//! Writing a directory: lines are collected by `append` and written by `commit`, one write call for all of them.
//!
//! ```text
//!           append, own, release             commit                       8 MiB reached, or the cut after a
//!  pending ---------------------> pending -----------> segment (open) --- short write failed --> no segment
//!     ^                                                                                              |
//!     +------------- the header of the next segment is put in front of the pending lines <-----------+
//! ```
//!
//! A failed commit keeps its lines for the next one, and so does one that meets the disk limit; [`MAX_PENDING_BYTES`], or
//! less, bounds them. A reader that follows with [`Writer::tail`] gets them meanwhile, and those it has handed on need
//! not be written any more ([`Writer::remove_acked_until`]). With no segment open, the next commit makes one. The header is put in front when the last segment closes, not when the next is made, so that the
//! position of a line is known when it is appended.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::ack;
use crate::files;
use crate::line::{self, Header, Line, Op, Position};
use crate::lock::Lock;
use crate::pending::{AppendError, MAX_PENDING_BYTES, Tail};
use crate::reader::Reader;
use crate::segment::{Segment, Sink};
use crate::taken::Taken;

/// Size at which a segment is closed and the next one begun.
pub const SEGMENT_BYTES: u64 = 8 << 20;

/// A limit is made of this many segments at least, so that what is acknowledged can be deleted in time.
const SEGMENTS_IN_LIMIT: u64 = 8;

/// The smallest segment that a limit leads to.
const MIN_SEGMENT_BYTES: u64 = 4 << 10;

/// Makes the file of a new segment.
pub(crate) type Disk = fn(&Path) -> io::Result<Box<dyn Sink>>;

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
    pending: Tail,
    pending_limit: usize,
    n: u64,
    /// The segments that are still there.
    segments: BTreeMap<u32, State>,
    disk_limit: Option<u64>,
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
            pending: Tail::new(),
            pending_limit: MAX_PENDING_BYTES,
            n: 0,
            segments: BTreeMap::new(),
            disk_limit: None,
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

    /// Limits what [`commit`](Self::commit) lets this directory grow to; `None`, the default, is no limit. What does not
    /// fit goes on waiting, as on a full disk. Segments get smaller where the limit is small.
    pub fn set_disk_limit(&mut self, bytes: Option<u64>) {
        self.disk_limit = bytes;
        self.segment_bytes = bytes.map_or(SEGMENT_BYTES, |limit| {
            (limit / SEGMENTS_IN_LIMIT).clamp(MIN_SEGMENT_BYTES, SEGMENT_BYTES)
        });
    }

    /// Limits how much may wait while it cannot be written, to less than [`MAX_PENDING_BYTES`]. Events reach the limit a
    /// little earlier than the lines that say what became of a session.
    pub fn set_pending_limit(&mut self, bytes: usize) {
        self.pending_limit = bytes.min(MAX_PENDING_BYTES);
    }

    /// What waits to be written, for [`Reader::following`].
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.pending.clone()
    }

    /// Collects an operation for the next commit and says where its line will begin.
    ///
    /// `body` is one JSON value; it is not checked here, and readers skip and count a line that does not parse. The
    /// position holds unless a commit fails so badly that its lines move to another segment: after an error, take
    /// [`position`](Self::position) of a later successful commit as the end of everything appended before.
    ///
    /// # Errors
    /// When the line is too long, or the limit of waiting bytes is reached. Nothing is collected.
    pub fn append(&mut self, op: Op, sid: &str, body: &[u8]) -> Result<Position, AppendError> {
        let mut pending = self.pending.lock();
        pending.make_room(self.pending_limit, Some(op), sid, body.len())?;
        let at = pending.end();
        self.n += 1;
        line::push_operation(&mut pending.bytes, self.n, op, sid, body);
        Ok(at)
    }

    /// The number of the last operation that was appended.
    #[must_use]
    pub fn appended(&self) -> u64 {
        self.n
    }

    /// Notes that this writer opened a session: recovery will end it if this process dies. Append it before the
    /// session's first line. Owning it already changes nothing.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn own(&mut self, sid: &str) -> Result<(), AppendError> {
        if !self.header.owns.contains(sid) {
            let mut pending = self.pending.lock();
            pending.make_room(self.pending_limit, None, sid, 0)?;
            self.header.own(sid);
            line::push_own(&mut pending.bytes, sid);
        }
        Ok(())
    }

    /// Notes that a session was ended. Append it behind the line that ends it. Not owning it changes nothing.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn release(&mut self, sid: &str) -> Result<(), AppendError> {
        if self.header.owns.contains(sid) {
            let mut pending = self.pending.lock();
            pending.make_room(self.pending_limit, None, sid, 0)?;
            self.header.release(sid);
            line::push_release(&mut pending.bytes, sid);
        }
        Ok(())
    }

    /// Writes what was collected, in one write call; with `fsync` makes everything written so far durable.
    ///
    /// # Errors
    /// When not everything could be written: the lines that could not stay collected, and the next commit tries again,
    /// in a fresh segment if this one is beyond repair; [`io::ErrorKind::QuotaExceeded`] is the disk limit. When syncing
    /// failed: the lines are written, but may not survive a power cut.
    pub fn commit(&mut self, fsync: bool) -> io::Result<()> {
        let (lines, any) = {
            let pending = self.pending.lock();
            (pending.line_bytes() > 0, !pending.bytes.is_empty())
        };
        // A header alone is worth a segment only where there is none: without it nobody would know
        // whose directory this is and which sessions it owns.
        if lines || (self.bytes_on_disk() == 0 && any) {
            let written = self.write_pending();
            self.pending.lock().stuck = written.is_err();
            written?;
        }
        if fsync { self.sync() } else { Ok(()) }
    }

    /// The end of the last committed line: once everything before it is acknowledged, so is all that was committed.
    #[must_use]
    pub fn position(&self) -> Position {
        self.pending.lock().committed
    }

    /// Bytes of lines in the directory's segments.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        self.segments.values().map(|state| state.len).sum()
    }

    /// The oldest segment that is there, and the one in which the next line will stand.
    #[must_use]
    pub fn segments(&self) -> (u32, u32) {
        let newest = self.pending.lock().base.segment;
        let oldest = self.segments.keys().next().copied();
        (oldest.unwrap_or(newest), newest)
    }

    /// Bytes that wait for a commit.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.pending.lock().line_bytes()
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
    /// written down: on a full disk, this is what makes room again. Lines that were handed on before they could be
    /// written ([`Writer::tail`]) are let go.
    ///
    /// # Errors
    /// As [`remove_acked`](Self::remove_acked).
    pub fn remove_acked_until(&mut self, known: Position) -> io::Result<u64> {
        let (committed, stuck) = {
            let pending = self.pending.lock();
            (pending.committed, pending.stuck)
        };
        let is_closed = self.segment.is_none();
        if self.segments.len() < 2 && !is_closed && !stuck {
            return Ok(0);
        }
        // A directory that was deleted under us acknowledges nothing, and what is known is still known.
        let acked = ack::load(&self.path)?.max(known);
        if acked >= committed {
            if stuck {
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

    /// Lets go of waiting lines before `until`, the end of lines that were read through [`Writer::tail`]: they were
    /// handed on, but for those of sessions that `keep` says are not. Returns the bytes freed; 0 while nothing is in
    /// the way of writing.
    pub fn let_go(&mut self, until: Position, mut keep: impl FnMut(&str) -> bool) -> usize {
        let freed = {
            let mut pending = self.pending.lock();
            let before = pending.bytes.len();
            if !pending.stuck || !pending.sift_until(until, &mut keep) {
                return 0;
            }
            self.segment = None;
            self.next = self.next.max(pending.base.segment + 1);
            before - pending.bytes.len()
        };
        self.put_header_in_front();
        freed
    }

    /// Deletes all segments, which are acknowledged, and what was handed on of the lines that wait; the next commit
    /// begins a new segment.
    fn remove_all(&mut self, acked: Position) -> io::Result<u64> {
        {
            let mut pending = self.pending.lock();
            pending.sift_until(acked, &mut |_| false);
            // Lines that wait for a segment that was not made may have been read at their place in it.
            self.next = self.next.max(pending.base.segment + 1);
        }
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

    /// Writes what waits, as far as the disk limit lets it.
    fn write_pending(&mut self) -> io::Result<()> {
        let shared = self.pending.clone();
        let mut pending = shared.lock();
        let fits = match self.disk_limit {
            Some(limit) => whole_lines(&pending.bytes, limit.saturating_sub(self.bytes_on_disk())),
            None => pending.bytes.len(),
        };
        let is_all = fits == pending.bytes.len();
        if !is_all && fits <= pending.header_len {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.make_segment()?,
        };
        let written = segment.write(&pending.bytes[..fits]);
        pending.bytes.drain(..written.kept);
        if written.kept > 0 {
            pending.header_len = 0;
        }
        self.segments.insert(
            segment.number(),
            State {
                len: segment.len(),
                synced: false,
            },
        );
        pending.base = Position {
            segment: segment.number(),
            offset: segment.len(),
        };
        if written.kept > 0 {
            pending.committed = pending.base;
        }
        drop(pending);
        if written.usable && segment.len() < self.segment_bytes {
            self.segment = Some(segment);
        } else {
            self.put_header_in_front();
        }
        match written.error {
            Some(error) => Err(error),
            None if is_all => Ok(()),
            None => Err(io::ErrorKind::QuotaExceeded.into()),
        }
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

    /// What waits will be the beginning of the next segment.
    fn put_header_in_front(&mut self) {
        let mut front = Vec::new();
        line::push_header(&mut front, &self.header);
        let mut pending = self.pending.lock();
        let old = std::mem::replace(&mut pending.header_len, front.len());
        pending.bytes.splice(..old, front);
        pending.base = Position::at_start_of(self.next);
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

/// The length of the whole lines among the first bytes.
fn whole_lines(bytes: &[u8], room: u64) -> usize {
    match usize::try_from(room) {
        Ok(room) if room < bytes.len() => {
            memchr::memrchr(b'\n', &bytes[..room]).map_or(0, |at| at + 1)
        }
        _ => bytes.len(),
    }
}

impl Drop for Writer {
    /// Best effort: what was appended is written. An error has nobody left to hear it.
    fn drop(&mut self) {
        let _ = self.commit(false);
    }
}
