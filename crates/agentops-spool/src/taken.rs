//! A directory in the hands of this process: nobody else writes, takes or deletes it.

use std::io;
use std::path::{Path, PathBuf};

use crate::ack::{self, Ack};
use crate::files;
use crate::line::{Header, MAX_LINE_BYTES, Position};
use crate::lock::Lock;
use crate::reader::{self, Reader};

/// A directory whose writer is gone and whose lock is ours until this value is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the directory back"]
pub struct Taken {
    path: PathBuf,
    lock: Lock,
}

/// Why a directory was not removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// Somebody still has to read it.
    #[error("directory holds lines that nobody acknowledged, the first at byte {} of segment {}; hand them on or discard it", .0.offset, .0.segment)]
    NotAcknowledged(Position),
    /// The system refused.
    #[error("directory could not be removed: check the permissions of the data directory")]
    Io(#[from] io::Error),
}

impl Taken {
    pub(crate) fn new(path: PathBuf, lock: Lock) -> Self {
        Self { path, lock }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its header, with the sessions that the writer left open; `None` if no header is readable: then nobody knows
    /// where the lines belong, and they must not be sent.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn header(&self) -> io::Result<Option<Header>> {
        reader::header(&self.path)
    }

    /// A reader of its lines.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::open(&self.path)
    }

    /// Its acknowledgements.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn ack(&self) -> io::Result<Ack> {
        Ack::open(&self.path)
    }

    /// The first thing that is not acknowledged, be it a line or a damaged one; `None` if all is done with.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn unacknowledged(&self) -> io::Result<Option<Position>> {
        let from = ack::load(&self.path)?;
        let batch = self.reader().next_batch(from, 1, MAX_LINE_BYTES)?;
        let first = batch.lines.first().map(|line| line.at);
        Ok(if batch.skipped > 0 { Some(from) } else { first })
    }

    /// Removes the directory, all of which must have been acknowledged.
    ///
    /// # Errors
    /// When something in it is not acknowledged, or the system refuses.
    pub fn remove(self) -> Result<(), RemoveError> {
        match self.unacknowledged()? {
            Some(position) => Err(RemoveError::NotAcknowledged(position)),
            None => Ok(self.discard()?),
        }
    }

    /// Removes the directory with whatever is in it. The caller counts the loss.
    ///
    /// # Errors
    /// When the system refuses; what is left can be taken and removed again.
    pub fn discard(self) -> io::Result<()> {
        // Segments before their acknowledgements: stopped halfway, what remains is still acknowledged.
        for number in files::segments(&self.path)? {
            files::remove_if_there(&files::segment(&self.path, number))?;
        }
        ack::remove_before(&self.path, u32::MAX)?;
        files::remove_if_there(&self.path.join(files::LOCK))?;
        drop(self.lock);
        match std::fs::remove_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
