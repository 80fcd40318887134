//! Lines that wait to be written, and reading them from here while they cannot be.
//!
//! A line has its position from the moment it is appended: where it will stand in the directory. While a disk takes
//! nothing, whoever follows the directory reads on into what waits, as if it were written. No position ever means two
//! lines: what is taken from here and not written afterwards closes the segment that it belonged to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::line::{self, Entry, MAX_LINE_BYTES, Op, Position};

/// The most that waits for a commit; more is refused.
pub const MAX_PENDING_BYTES: usize = 64 << 20;

/// The most that events leave to what sessions are: their start, their changes, their end. A sixteenth of a limit that
/// is small.
const RESERVE_BYTES: usize = 1 << 20;

/// Bytes of a line beside its session and body, more than enough.
const LINE_OVERHEAD: usize = 96;

/// Why a line was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Longer than any line may be.
    #[error("line of about {0} bytes is longer than {MAX_LINE_BYTES}; record less of the value")]
    TooLong(usize),
    /// Commits have failed, or met the disk limit, until no more could wait.
    #[error(
        "{0} bytes wait to be written, and no more may; free disk space, raise the disk limit or check the data directory"
    )]
    PendingFull(usize),
}

/// What waits for a commit.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) bytes: Vec<u8>,
    /// Bytes at the front that are only a header: not worth a segment by themselves.
    pub(crate) header_len: usize,
    /// Where the first byte will stand.
    pub(crate) base: Position,
    /// End of the last committed line.
    pub(crate) committed: Position,
    /// The last commit left lines behind: they may be read from here.
    pub(crate) stuck: bool,
}

impl Pending {
    /// Where the next appended line will begin.
    pub(crate) fn end(&self) -> Position {
        Position {
            segment: self.base.segment,
            offset: self.base.offset + self.bytes.len() as u64,
        }
    }

    /// Bytes of lines.
    pub(crate) fn line_bytes(&self) -> usize {
        self.bytes.len() - self.header_len
    }

    /// Refuses a line that does not fit beside those that wait; without an `op` it is one that says who owns a session.
    pub(crate) fn make_room(
        &self,
        limit: usize,
        op: Option<Op>,
        sid: &str,
        body: usize,
    ) -> Result<(), AppendError> {
        let bytes = sid.len() * 6 + body + LINE_OVERHEAD;
        if bytes > MAX_LINE_BYTES {
            return Err(AppendError::TooLong(bytes));
        }
        let reserve = match op {
            Some(Op::Event | Op::Open) => RESERVE_BYTES.min(limit / 16),
            _ => 0,
        };
        if self.bytes.len() + bytes > limit - reserve {
            return Err(AppendError::PendingFull(limit));
        }
        Ok(())
    }

    /// The waiting lines from a position on, and where they begin; `None` before everything written is read.
    fn from(&self, from: Position) -> Option<(Position, &[u8])> {
        if !self.stuck || from < self.committed {
            return None;
        }
        let skip = match from.segment == self.base.segment {
            true => usize::try_from(from.offset.saturating_sub(self.base.offset)).ok()?,
            false if from.segment < self.base.segment => 0,
            false => return None,
        };
        let at = Position {
            offset: self.base.offset + skip as u64,
            ..self.base
        };
        Some((at, self.bytes.get(skip..)?))
    }

    /// Takes out the lines before a position, but for operations of sessions that `keep` names; whether there were any.
    /// Whoever calls it begins a new segment, whose header says who owns what.
    pub(crate) fn sift_until(
        &mut self,
        until: Position,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> bool {
        let Some(count) = self.length_until(until) else {
            return false;
        };
        let mut kept = Vec::new();
        for line in self.bytes[..count].split_inclusive(|byte| *byte == b'\n') {
            let content = &line[..line.len() - 1];
            if let Some(Entry::Operation { sid, .. }) = line::parse(content)
                && keep(&sid)
            {
                kept.extend_from_slice(line);
            }
        }
        self.bytes.splice(..count, kept);
        self.header_len = 0;
        true
    }

    /// How many of the bytes are whole lines before a position; `None` for less than one.
    fn length_until(&self, until: Position) -> Option<usize> {
        if until.segment != self.base.segment || until <= self.base {
            return None;
        }
        let count = usize::try_from(until.offset - self.base.offset).ok()?;
        // Anything but the end of a line is no position of these bytes.
        let is_end = count > self.header_len && self.bytes.get(count - 1) == Some(&b'\n');
        is_end.then_some(count)
    }
}

/// The writer's waiting lines as its own reader sees them; see [`Reader::following`](crate::Reader::following).
#[derive(Clone, Debug)]
pub struct Tail(Arc<Mutex<Pending>>);

impl Tail {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Pending {
            bytes: Vec::new(),
            header_len: 0,
            base: Position::START,
            committed: Position::START,
            stuck: false,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out the complete lines from `from` on that wait and cannot be written, until `visit` breaks.
    pub(crate) fn scan(
        &self,
        from: Position,
        mut visit: impl FnMut(Position, &[u8]) -> std::ops::ControlFlow<()>,
    ) {
        let pending = self.lock();
        let Some((mut at, mut bytes)) = pending.from(from) else {
            return;
        };
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            if visit(at, &bytes[..end]).is_break() {
                return;
            }
            at.offset += end as u64 + 1;
            bytes = &bytes[end + 1..];
        }
    }
}
