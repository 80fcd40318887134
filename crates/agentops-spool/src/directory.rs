//! The spool's folder and the writers' directories in it.

use std::io;
use std::path::{Path, PathBuf};

use crate::files;
use crate::line::Header;
use crate::lock::Lock;
use crate::reader::{self, Reader};
use crate::taken::Taken;
use crate::writer::Writer;

/// Names that are tried before `create` gives up.
const NAMES_TRIED: u32 = 8;

/// The spool of one data directory.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
}

/// The directory of one writer, living or dead.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    started_ms: u64,
    pid: u32,
}

impl Spool {
    /// The folder `spool` of a data directory. Nothing is made until there is something to write.
    #[must_use]
    pub fn at(data_dir: impl AsRef<Path>) -> Self {
        Self {
            root: data_dir.as_ref().join("spool"),
        }
    }

    /// The folder that holds the writers' directories.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Makes a directory for a new writer, locks it and writes the header of its first segment.
    ///
    /// # Errors
    /// When the folder cannot be made or written, or the file system has no locks.
    pub fn create(
        &self,
        header: Header,
        unix_ms: u64,
        mut random: impl FnMut() -> u64,
    ) -> io::Result<Writer> {
        files::create_dir_all(&self.root)?;
        for _ in 0..NAMES_TRIED {
            let path = self
                .root
                .join(format!("{unix_ms}-{}-{:08x}", header.pid, random() as u32));
            match files::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            }
            // Until it is locked, the directory looks like a dead writer's, and somebody may take or remove it.
            let Some(lock) = Lock::acquire(&path)? else {
                continue;
            };
            match Writer::begin(path.clone(), lock, header.clone()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {}
                Err(error) => {
                    let _ = std::fs::remove_dir_all(&path);
                    return Err(error);
                }
                Ok(writer) => return Ok(writer),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "no free directory name in the spool; is it being emptied?",
        ))
    }

    /// The writers' directories, oldest first; none if the folder does not exist. Other names are not ours and stay
    /// unmentioned.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn directories(&self) -> io::Result<Vec<Directory>> {
        let entries = match std::fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut directories = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                directories.extend(Directory::from_path(entry.path()));
            }
        }
        directories.sort_by(|a, b| (a.started_ms, &a.path).cmp(&(b.started_ms, &b.path)));
        Ok(directories)
    }

    /// Bytes of all segments of all writers.
    ///
    /// # Errors
    /// When a directory cannot be listed.
    pub fn bytes_on_disk(&self) -> io::Result<u64> {
        self.directories()?
            .iter()
            .map(Directory::bytes_on_disk)
            .sum()
    }
}

impl Directory {
    /// A writer's directory by its path; `None` if its name is not one that [`Spool::create`] gives.
    #[must_use]
    pub fn from_path(path: PathBuf) -> Option<Self> {
        let mut parts = path.file_name()?.to_str()?.splitn(3, '-');
        let started_ms = parts.next()?.parse().ok()?;
        let pid = parts.next()?.parse().ok()?;
        let random = parts.next()?;
        let ours = random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        ours.then_some(Self {
            path,
            started_ms,
            pid,
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When its writer began, in milliseconds since 1970, by that writer's clock.
    #[must_use]
    pub fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// The process that made it. A number may be reused: whether the writer lives, only [`is_live`](Self::is_live) says.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its header with the sessions that are owned by now; `None` if no header is readable: then nobody knows where
    /// the lines belong, and they must not be sent.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn header(&self) -> io::Result<Option<Header>> {
        reader::header(&self.path)
    }

    /// Whether its writer lives, or somebody has taken it over and is at work.
    ///
    /// # Errors
    /// When the lock cannot be looked at.
    pub fn is_live(&self) -> io::Result<bool> {
        Lock::is_held(&self.path)
    }

    /// Takes a dead writer's directory over; `None` if it is live or gone.
    ///
    /// # Errors
    /// When the lock file cannot be opened or the file system has no locks.
    pub fn take(&self) -> io::Result<Option<Taken>> {
        Ok(Lock::acquire(&self.path)?.map(|lock| Taken::new(self.path.clone(), lock)))
    }

    /// A reader of its lines; works while the writer lives.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::open(&self.path)
    }

    /// Bytes of its segments; 0 if it is gone.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn bytes_on_disk(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for number in files::segments(&self.path)? {
            match std::fs::metadata(files::segment(&self.path, number)) {
                Ok(metadata) => bytes += metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ack, Op, RemoveError};

    #[cfg(unix)]
    #[test]
    fn only_the_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let writer = spool.create(Header::new("t", 1), 5, || 9).unwrap();
        Ack::open(writer.path())
            .unwrap()
            .record(writer.position())
            .unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(spool.path()), 0o700);
        assert_eq!(mode(writer.path()), 0o700);
        let names: Vec<_> = std::fs::read_dir(writer.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names.iter().all(|name| mode(name) == 0o600), "{names:?}");
    }

    #[test]
    fn a_name_that_is_taken_is_not_used_again() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let first = spool.create(Header::new("t", 1), 5, || 9).unwrap();
        let mut numbers = [9, 9, 10].into_iter();
        let second = spool
            .create(Header::new("t", 1), 5, || numbers.next().unwrap())
            .unwrap();
        assert_ne!(first.path(), second.path());
        assert!(spool.create(Header::new("t", 1), 5, || 9).is_err());
    }

    #[test]
    fn directories_are_listed_by_age_and_others_left_alone() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        assert!(spool.directories().unwrap().is_empty());
        let _later = spool.create(Header::new("t", 7), 1000, || 1).unwrap();
        let _sooner = spool.create(Header::new("t", 8), 999, || 1).unwrap();
        for other in ["notes", "1-2", "1-2-xyz", "1-2-00000001-3"] {
            std::fs::create_dir(spool.path().join(other)).unwrap();
        }
        let found: Vec<_> = spool
            .directories()
            .unwrap()
            .iter()
            .map(|dir| (dir.started_ms(), dir.pid()))
            .collect();
        assert_eq!(found, [(999, 8), (1000, 7)]);
    }

    #[test]
    fn a_living_writer_cannot_be_taken_and_a_dead_one_by_one_only() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let writer = spool.create(Header::new("t", 1), 5, || 9).unwrap();
        let dir = spool.directories().unwrap().remove(0);
        assert!(dir.is_live().unwrap() && dir.take().unwrap().is_none());
        drop(writer);
        let taken = dir.take().unwrap().expect("dead");
        assert!(dir.is_live().unwrap() && dir.take().unwrap().is_none());
        taken.remove().unwrap();
        assert!(!dir.path().exists() && dir.take().unwrap().is_none() && !dir.is_live().unwrap());
    }

    #[test]
    fn nothing_unacknowledged_is_removed_unless_forced() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let mut writer = spool.create(Header::new("t", 1), 5, || 9).unwrap();
        let first = writer.append(Op::Event, "s", b"{}").unwrap();
        writer.append(Op::Event, "s", b"{}").unwrap();
        let taken = writer.close().unwrap();
        let mut ack = taken.ack().unwrap();
        match taken.remove() {
            Err(RemoveError::NotAcknowledged(at)) => assert_eq!(at, first),
            other => panic!("{other:?}"),
        }
        let dir = spool.directories().unwrap().remove(0);
        let one = dir.reader().next_batch(first, 1, 1).unwrap();
        ack.record(one.end).unwrap();
        assert!(dir.take().unwrap().unwrap().remove().is_err());
        dir.take().unwrap().unwrap().discard().unwrap();
        assert!(spool.directories().unwrap().is_empty());
    }
}
