//! Reading a directory back, while its writer appends and across its segments.
//!
//! A reader stops at the last newline: what stands behind it is being written, or was torn by a crash. A line in the
//! middle that does not parse is skipped and counted. A segment is at its end when a later one exists; the reader
//! looks for the later one first and reads this one once more, so that nothing slips between the two looks.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::files;
use crate::line::{self, Entry, Line, MAX_LINE_BYTES, Position};
use crate::pending::Tail;

/// Bytes asked of the file at once.
const CHUNK: usize = 64 << 10;

/// Reads the lines of one directory.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    /// What the writer of this process could not write.
    tail: Option<Tail>,
    /// The segment that was read last stays open: following a live writer opens nothing.
    open: Option<(u32, File)>,
    buffer: Vec<u8>,
}

/// Some lines, and where the next ones begin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Batch {
    /// The operations, in the order in which they were appended.
    pub lines: Vec<Line>,
    /// Where to read on, and what to acknowledge once the lines are handed on.
    pub end: Position,
    /// Damaged lines that were passed over. The gaps in [`Line::n`] say how many operations were lost with them.
    pub skipped: u64,
}

impl Reader {
    /// A reader of a writer's directory. Nothing is opened yet; a directory that is gone reads as empty.
    #[must_use]
    pub fn open(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            tail: None,
            open: None,
            buffer: Vec::new(),
        }
    }

    /// The same for the process that writes the directory: behind the last line that is written it reads those that
    /// cannot be, as long as they cannot.
    #[must_use]
    pub fn following(dir: impl Into<PathBuf>, tail: Tail) -> Self {
        Self {
            tail: Some(tail),
            ..Self::open(dir)
        }
    }

    /// The lines from `from` on: at most `max_lines` of at most `max_bytes` together, but at least one if there is one.
    ///
    /// No line yet is an empty batch, whose `end` may still lie behind `from`. Segments that were deleted are passed
    /// over: they were acknowledged.
    ///
    /// # Errors
    /// When a file cannot be listed, opened or read.
    pub fn next_batch(
        &mut self,
        from: Position,
        max_lines: usize,
        max_bytes: usize,
    ) -> io::Result<Batch> {
        let mut filling = Filling {
            batch: Batch {
                lines: Vec::new(),
                end: from,
                skipped: 0,
            },
            room: max_bytes,
            max_lines: max_lines.max(1),
        };
        loop {
            let segment = filling.batch.end.segment;
            if self.read_segment(&mut filling)?.is_break() {
                break;
            }
            let Some(next) = files::segments(&self.dir)?
                .into_iter()
                .find(|number| *number > segment)
            else {
                self.read_tail(&mut filling);
                break;
            };
            if self.read_segment(&mut filling)?.is_break() {
                break;
            }
            filling.batch.end = Position::at_start_of(next);
        }
        Ok(filling.batch)
    }

    /// Reads what waits to be written behind everything that is.
    fn read_tail(&self, filling: &mut Filling) {
        if let Some(tail) = &self.tail {
            tail.scan(filling.batch.end, |at, line| {
                filling.take(at.segment, at.offset, Raw::Line(line))
            });
        }
    }

    /// Reads to the end of the segment at hand, or until the batch is full.
    fn read_segment(&mut self, filling: &mut Filling) -> io::Result<ControlFlow<()>> {
        let Position { segment, offset } = filling.batch.end;
        if self
            .open
            .as_ref()
            .is_none_or(|(number, _)| *number != segment)
        {
            let file = match File::open(files::segment(&self.dir, segment)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(ControlFlow::Continue(()));
                }
                other => other?,
            };
            self.open = Some((segment, file));
        }
        let (_, file) = self.open.as_mut().expect("opened above");
        scan(file, offset, &mut self.buffer, |at, raw| {
            filling.take(segment, at, raw)
        })
    }
}

/// A batch and what may still go into it.
struct Filling {
    batch: Batch,
    room: usize,
    max_lines: usize,
}

impl Filling {
    fn take(&mut self, segment: u32, at: u64, raw: Raw<'_>) -> ControlFlow<()> {
        let lines = self.batch.lines.len();
        if lines >= self.max_lines || (lines > 0 && raw.len() > self.room as u64) {
            return ControlFlow::Break(());
        }
        match raw.line().and_then(line::parse) {
            Some(Entry::Operation { n, op, sid, body }) => {
                let at = Position {
                    segment,
                    offset: at,
                };
                self.batch.lines.push(Line {
                    n,
                    op,
                    sid,
                    body,
                    at,
                });
                self.room = self
                    .room
                    .saturating_sub(usize::try_from(raw.len()).unwrap_or(usize::MAX));
            }
            Some(Entry::Header(_) | Entry::Own(_) | Entry::Release(_)) => {}
            None => self.batch.skipped += 1,
        }
        self.batch.end = Position {
            segment,
            offset: at + raw.len() + 1,
        };
        ControlFlow::Continue(())
    }
}

/// One complete line of a file, newline excluded.
#[derive(Clone, Copy)]
pub(crate) enum Raw<'a> {
    /// Its bytes.
    Line(&'a [u8]),
    /// Only its length: no line of ours is that long.
    Overlong(u64),
}

impl<'a> Raw<'a> {
    /// The bytes, unless there are too many.
    pub(crate) fn line(self) -> Option<&'a [u8]> {
        match self {
            Self::Line(line) => Some(line),
            Self::Overlong(_) => None,
        }
    }

    fn len(self) -> u64 {
        match self {
            Self::Line(line) => line.len() as u64,
            Self::Overlong(len) => len,
        }
    }
}

/// Calls `visit` with the offset and content of each complete line from `offset` on, until it breaks or none is left.
/// Memory stays below two lines of the greatest length, whatever the file holds.
pub(crate) fn scan(
    file: &mut File,
    offset: u64,
    buffer: &mut Vec<u8>,
    mut visit: impl FnMut(u64, Raw<'_>) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    buffer.clear();
    file.seek(SeekFrom::Start(offset))?;
    let mut at = offset;
    // Bytes of an overlong line that were read and let go.
    let mut passed: u64 = 0;
    loop {
        let searched = buffer.len();
        if file.take(CHUNK as u64).read_to_end(buffer)? == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let mut start = 0;
        let mut search = searched;
        while let Some(found) = memchr::memchr(b'\n', &buffer[search..]) {
            let end = search + found;
            let len = passed + (end - start) as u64;
            let raw = if len > MAX_LINE_BYTES as u64 {
                Raw::Overlong(len)
            } else {
                Raw::Line(&buffer[start..end])
            };
            if visit(at, raw).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            at += len + 1;
            passed = 0;
            start = end + 1;
            search = start;
        }
        buffer.drain(..start);
        if buffer.len() > MAX_LINE_BYTES || passed > 0 {
            passed += buffer.len() as u64;
            buffer.clear();
        }
    }
}

/// The header of a directory with what its writer owns at the end; `None` if no header is readable.
///
/// Every segment begins with a header, so the newest readable one and the lines after it are enough.
pub(crate) fn header(dir: &Path) -> io::Result<Option<line::Header>> {
    let segments = files::segments(dir)?;
    let mut buffer = Vec::new();
    for (index, first) in segments.iter().enumerate().rev() {
        let mut header = None;
        for segment in &segments[index..] {
            match File::open(files::segment(dir, *segment)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => follow(&mut other?, &mut buffer, &mut header)?,
            }
            if header.is_none() && segment == first {
                break;
            }
        }
        if header.is_some() {
            return Ok(header);
        }
    }
    Ok(None)
}

/// Applies the header and ownership lines of one segment.
fn follow(
    file: &mut File,
    buffer: &mut Vec<u8>,
    header: &mut Option<line::Header>,
) -> io::Result<()> {
    let began_without = header.is_none();
    let _ = scan(file, 0, buffer, |at, raw| {
        match raw.line().and_then(line::parse_ownership) {
            Some(Entry::Header(read)) => *header = Some(read),
            Some(Entry::Own(sid)) => header.iter_mut().for_each(|header| header.own(&sid)),
            Some(Entry::Release(sid)) => header.iter_mut().for_each(|header| header.release(&sid)),
            Some(Entry::Operation { .. }) | None => {}
        }
        // Without its header at its beginning a segment cannot be followed from here; an earlier one has to be.
        if at == 0 && began_without && header.is_none() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(())
}
