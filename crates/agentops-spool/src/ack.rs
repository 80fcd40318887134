//! How far a directory was acknowledged. It must never say more than was handed on; saying less only costs a resend.
//!
//! Each segment has its own file, `000001.ack` for segment 1, deleted with it. A line is
//!
//! ```text
//! <offset> <crc>        crc: eight hex digits, CRC-32 of "<segment> <offset>"
//! ```
//!
//! and says that everything before `offset` of that segment, and every earlier segment, is done with. The last valid
//! line of the newest file that has one wins, so a torn or rotten line costs no more than the lines after the one
//! before it. The segment's number is part of the checksum: a file under a wrong name says nothing. A file that has
//! grown to [`COMPACT_AFTER`] lines is replaced by one line, written beside it and renamed over it.
//!
//! One process at a time acknowledges a directory: its writer's sender, or the server that imports it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::files;
use crate::line::Position;

/// Lines after which a file is replaced by its last one.
const COMPACT_AFTER: u32 = 256;

/// Bytes of the end of a file that are read to find the last valid line; far more than a compacted file holds.
const TAIL: u64 = 64 << 10;

/// The acknowledgements of one directory.
#[derive(Debug)]
pub struct Ack {
    dir: PathBuf,
    position: Position,
    open: Option<Open>,
}

/// The file that lines are being added to.
#[derive(Debug)]
struct Open {
    segment: u32,
    file: File,
    lines: u32,
    /// The last write may have left a line without its end.
    torn: bool,
}

impl Ack {
    /// Reads what is acknowledged in a directory.
    ///
    /// # Errors
    /// When the directory cannot be listed or a file in it cannot be read.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        let position = load(&dir)?;
        Ok(Self {
            dir,
            position,
            open: None,
        })
    }

    /// Everything before this is acknowledged, as far as this value knows.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Reads the files again: another process may have acknowledged more.
    ///
    /// # Errors
    /// When the directory cannot be listed or a file in it cannot be read.
    pub fn load(&mut self) -> io::Result<Position> {
        self.position = self.position.max(load(&self.dir)?);
        Ok(self.position)
    }

    /// Acknowledges everything before `position`; less than what is acknowledged already changes nothing.
    ///
    /// # Errors
    /// When the line cannot be written. It then counts as not acknowledged, and the next call tries again.
    pub fn record(&mut self, position: Position) -> io::Result<()> {
        if position <= self.position {
            return Ok(());
        }
        let segment = position.segment;
        if self
            .open
            .as_ref()
            .is_none_or(|open| open.segment != segment)
        {
            self.open = Some(Open::at(&self.dir, segment)?);
        }
        let open = self.open.as_mut().expect("opened above");
        if open.lines >= COMPACT_AFTER {
            let tmp = files::ack_tmp(&self.dir, segment);
            let mut file = files::open_truncated(&tmp)?;
            file.write_all(line(position).as_bytes())?;
            std::fs::rename(&tmp, files::ack(&self.dir, segment))?;
            // Opened by its name and not kept: the old handle is a file that nobody sees any more.
            self.open = None;
        } else {
            open.push(position)?;
        }
        self.position = position;
        Ok(())
    }
}

impl Open {
    fn at(dir: &Path, segment: u32) -> io::Result<Self> {
        let path = files::ack(dir, segment);
        let file = files::open_append(&path, false)?;
        let tail = read_tail(&path)?;
        let lines = u32::try_from(memchr::memchr_iter(b'\n', &tail).count()).unwrap_or(u32::MAX);
        Ok(Self {
            segment,
            file,
            lines,
            torn: tail.last().is_some_and(|last| *last != b'\n'),
        })
    }

    fn push(&mut self, position: Position) -> io::Result<()> {
        let separator = if self.torn { "\n" } else { "" };
        let line = format!("{separator}{}", line(position));
        self.torn = true;
        self.file.write_all(line.as_bytes())?;
        self.torn = false;
        self.lines += 1;
        Ok(())
    }
}

/// What the files of a directory acknowledge.
pub(crate) fn load(dir: &Path) -> io::Result<Position> {
    for segment in files::acks(dir)?.into_iter().rev() {
        let tail = match read_tail(&files::ack(dir, segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        if let Some(offset) = tail
            .rsplit(|byte| *byte == b'\n')
            .find_map(|line| parse(segment, line))
        {
            return clamp(dir, Position { segment, offset });
        }
    }
    Ok(Position::START)
}

/// Deletes the acknowledgements of the segments before `segment`.
pub(crate) fn remove_before(dir: &Path, segment: u32) -> io::Result<()> {
    for number in files::acks_and_leftovers(dir)?
        .into_iter()
        .filter(|number| *number < segment)
    {
        files::remove_if_there(&files::ack(dir, number))?;
        files::remove_if_there(&files::ack_tmp(dir, number))?;
    }
    Ok(())
}

/// No more than what the segment holds: a crash of the machine may have kept the acknowledgement and lost the line.
fn clamp(dir: &Path, position: Position) -> io::Result<Position> {
    match std::fs::metadata(files::segment(dir, position.segment)) {
        Ok(metadata) => Ok(Position {
            offset: position.offset.min(metadata.len()),
            ..position
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(position),
        Err(error) => Err(error),
    }
}

fn read_tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok(tail)
}

fn line(position: Position) -> String {
    format!("{} {:08x}\n", position.offset, checksum(position))
}

fn parse(segment: u32, line: &[u8]) -> Option<u64> {
    let (offset, crc) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let offset = offset.parse().ok()?;
    let valid = format!("{:08x}", checksum(Position { segment, offset })) == crc;
    valid.then_some(offset)
}

fn checksum(position: Position) -> u32 {
    crc32fast::hash(format!("{} {}", position.segment, position.offset).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(segment: u32, offset: u64) -> Position {
        Position { segment, offset }
    }

    #[test]
    fn the_last_record_wins_and_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut ack = Ack::open(dir.path()).unwrap();
        assert_eq!(ack.position(), Position::START);
        for position in [at(1, 10), at(1, 30), at(1, 20), at(2, 5)] {
            ack.record(position).unwrap();
        }
        assert_eq!(load(dir.path()).unwrap(), at(2, 5));
        ack.record(at(1, 99)).unwrap();
        assert_eq!(load(dir.path()).unwrap(), at(2, 5));
    }

    #[test]
    fn it_compacts_itself() {
        let dir = tempfile::tempdir().unwrap();
        let mut ack = Ack::open(dir.path()).unwrap();
        for offset in 1..=10_000 {
            ack.record(at(1, offset)).unwrap();
        }
        let size = std::fs::metadata(files::ack(dir.path(), 1)).unwrap().len();
        assert!(size < u64::from(COMPACT_AFTER + 1) * 20, "{size} bytes");
        assert_eq!(Ack::open(dir.path()).unwrap().position(), at(1, 10_000));
    }

    #[test]
    fn a_torn_line_spoils_neither_its_neighbours() {
        let dir = tempfile::tempdir().unwrap();
        Ack::open(dir.path()).unwrap().record(at(1, 10)).unwrap();
        files::open_append(&files::ack(dir.path(), 1), false)
            .unwrap()
            .write_all(b"20 0")
            .unwrap();
        let mut ack = Ack::open(dir.path()).unwrap();
        assert_eq!(ack.position(), at(1, 10));
        ack.record(at(1, 30)).unwrap();
        assert_eq!(load(dir.path()).unwrap(), at(1, 30));
    }

    #[test]
    fn a_file_under_another_number_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        Ack::open(dir.path()).unwrap().record(at(1, 10)).unwrap();
        std::fs::copy(files::ack(dir.path(), 1), files::ack(dir.path(), 2)).unwrap();
        assert_eq!(load(dir.path()).unwrap(), at(1, 10));
    }

    #[test]
    fn it_acknowledges_no_more_than_there_is() {
        let dir = tempfile::tempdir().unwrap();
        Ack::open(dir.path()).unwrap().record(at(1, 1000)).unwrap();
        std::fs::write(files::segment(dir.path(), 1), b"short").unwrap();
        assert_eq!(load(dir.path()).unwrap(), at(1, 5));
    }
}
