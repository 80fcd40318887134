//! The lock of a directory: held means that somebody writes it or has taken it over.
//!
//! The lock is the operating system's and belongs to the open file, so it ends with the process however that dies.
//! Data files are never locked. A directory may be removed between opening its lock file and locking it, so a lock
//! counts only if the file that was locked is still the one in the directory.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::files;

/// The lock of one directory, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock; `None` if somebody holds it or the directory is gone.
    pub(crate) fn acquire(dir: &Path) -> io::Result<Option<Self>> {
        let file = match files::open_lock(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        match file.try_lock() {
            Ok(()) => Ok(is_in(dir, &file)?.then_some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether somebody holds the lock. Nobody holds one that does not exist.
    pub(crate) fn is_held(dir: &Path) -> io::Result<bool> {
        let file = match File::open(dir.join(files::LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        // Shared, so that two who only ask do not see each other.
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Whether `file` is still the lock file of the directory.
fn is_in(dir: &Path, file: &File) -> io::Result<bool> {
    let in_dir = match std::fs::metadata(dir.join(files::LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let held = file.metadata()?;
        Ok((held.dev(), held.ino()) == (in_dir.dev(), in_dir.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(in_dir.is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!Lock::is_held(dir.path()).unwrap());
        let first = Lock::acquire(dir.path()).unwrap().expect("free");
        assert!(Lock::is_held(dir.path()).unwrap());
        assert!(Lock::acquire(dir.path()).unwrap().is_none());
        drop(first);
        assert!(!Lock::is_held(dir.path()).unwrap());
        assert!(Lock::acquire(dir.path()).unwrap().is_some());
    }

    #[test]
    fn a_removed_directory_has_no_lock_to_take() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Lock::acquire(&dir.path().join("gone")).unwrap().is_none());
        let file = files::open_lock(dir.path()).unwrap();
        files::remove_if_there(&dir.path().join(files::LOCK)).unwrap();
        assert!(!is_in(dir.path(), &file).unwrap());
    }
}
