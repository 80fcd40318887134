//! One segment being written: whole lines or nothing, also when the disk says no.
//!
//! A write may stop anywhere. What stands behind the last complete line is cut off, so that the next write begins a
//! line; lines that were written completely stay, because a reader may have them already. If the cut fails too, the
//! segment is given up: its torn tail has no newline, and readers pass over it.

use std::fs::File;
use std::io::{self, Write as _};

/// What a segment needs of a file; a trait so that tests can hand in a disk that fails.
pub(crate) trait Sink: Send + std::fmt::Debug {
    /// One write call.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts the file to a length.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Makes the content durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Whether the file was deleted under us, so that writes would succeed and be lost.
    fn is_gone(&self) -> bool;
}

impl Sink for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn is_gone(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            self.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
        }
        #[cfg(not(unix))]
        false
    }
}

/// A segment that is open for appending.
#[derive(Debug)]
pub(crate) struct Segment {
    number: u32,
    len: u64,
    sink: Box<dyn Sink>,
}

/// How a write went.
#[derive(Debug)]
pub(crate) struct Written {
    /// Bytes that are in the file for good: a number of whole lines.
    pub(crate) kept: usize,
    /// Whether the segment can take further lines.
    pub(crate) usable: bool,
    /// Why not everything was kept.
    pub(crate) error: Option<io::Error>,
}

impl Segment {
    /// A new, empty segment in `sink`, which must append at its end.
    pub(crate) fn new(number: u32, sink: Box<dyn Sink>) -> Self {
        Self {
            number,
            len: 0,
            sink,
        }
    }

    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Bytes of the whole lines in it.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Appends whole lines: one write call, more only if the system takes less than it was given.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Written {
        if self.sink.is_gone() {
            let error = io::Error::new(io::ErrorKind::NotFound, "segment was deleted while open");
            return Written {
                kept: 0,
                usable: false,
                error: Some(error),
            };
        }
        let mut done = 0;
        while done < lines.len() {
            match self.sink.write(&lines[done..]) {
                Ok(0) => return self.cut(&lines[..done], io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.cut(&lines[..done], error),
            }
        }
        self.len += done as u64;
        Written {
            kept: done,
            usable: true,
            error: None,
        }
    }

    /// Makes the written lines durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.sink.sync()
    }

    /// Keeps the whole lines among those bytes that were written, cuts off the rest.
    fn cut(&mut self, written: &[u8], error: io::Error) -> Written {
        let kept = memchr::memrchr(b'\n', written).map_or(0, |at| at + 1);
        self.len += kept as u64;
        // Also when nothing seems torn: an error does not say how much of its own write reached the file.
        let usable = self.sink.set_len(self.len).is_ok();
        Written {
            kept,
            usable,
            error: Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A file in memory that fails once `room` is used up.
    #[derive(Debug)]
    struct SmallDisk {
        content: Arc<Mutex<Vec<u8>>>,
        room: usize,
        cuttable: bool,
    }

    impl Sink for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.content
                .lock()
                .unwrap()
                .extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn set_len(&mut self, len: u64) -> io::Result<()> {
            if !self.cuttable {
                return Err(io::ErrorKind::Other.into());
            }
            self.content.lock().unwrap().truncate(len as usize);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn is_gone(&self) -> bool {
            false
        }
    }

    fn write_with_room(room: usize, cuttable: bool) -> (Written, Segment, Vec<u8>) {
        let content = Arc::new(Mutex::new(Vec::new()));
        let sink = SmallDisk {
            content: Arc::clone(&content),
            room,
            cuttable,
        };
        let mut segment = Segment::new(1, Box::new(sink));
        let written = segment.write(b"one\ntwo\nthree\n");
        let content = content.lock().unwrap().clone();
        (written, segment, content)
    }

    #[test]
    fn a_short_write_keeps_whole_lines_only() {
        for room in 0..14 {
            let (written, segment, content) = write_with_room(room, true);
            let whole = [0, 4, 8]
                .into_iter()
                .rev()
                .find(|end| *end <= room)
                .unwrap();
            assert_eq!((written.kept, written.usable), (whole, true), "room {room}");
            assert_eq!(written.error.unwrap().kind(), io::ErrorKind::StorageFull);
            assert_eq!(content, &b"one\ntwo\nthree\n"[..whole]);
            assert_eq!(segment.len(), whole as u64);
        }
        let (written, _, content) = write_with_room(14, true);
        assert!(written.error.is_none() && written.kept == 14 && content.len() == 14);
    }

    #[test]
    fn a_tail_that_cannot_be_cut_closes_the_segment() {
        let (written, _, content) = write_with_room(6, false);
        assert_eq!((written.kept, written.usable), (4, false));
        assert_eq!(content, b"one\ntw");
    }

    #[cfg(unix)]
    #[test]
    fn a_deleted_file_takes_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        let file = crate::files::open_append(&path, true).unwrap();
        let mut segment = Segment::new(1, Box::new(file));
        assert_eq!(segment.write(b"one\n").kept, 4);
        std::fs::remove_file(&path).unwrap();
        let written = segment.write(b"two\n");
        assert_eq!((written.kept, written.usable), (0, false));
    }
}
