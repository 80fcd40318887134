//! Copies a database while it is used, and puts a copy back.
//!
//! A copy is one file that holds one moment: SQLite writes it anew from one view of the database,
//! so it is whole whatever is stored meanwhile, and as small as can be. Putting one back replaces
//! the file together with the log that belonged to the old one; a copy gets an epoch of its own,
//! so that no follower takes its revisions for those of the database that it replaced.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::check::{CheckReport, check_file};
use super::fault::Fault;
use super::readers;
use super::schema;
use super::search;
use super::store::{FILE, OpenError};

/// Writes a copy of a directory's database to a file that does not exist yet.
///
/// # Errors
/// A database that cannot be read; a file that exists or cannot be written.
pub fn backup(directory: &Path, target: &Path) -> Result<(), OpenError> {
    let path = directory.join(FILE);
    let connection = readers::open(&path).map_err(|fault| refused(&path, &fault))?;
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.open(target).map_err(|error| unusable(target, error))?;
    // SQLite takes the empty file for its own; its mode stays.
    let name = target.to_string_lossy();
    let copied = connection.execute("VACUUM INTO ?1", [name]);
    let synced = copied
        .map_err(Fault::from)
        .and_then(|_| Ok(File::open(target)?.sync_all()?));
    synced.map_err(|fault| {
        // Half a copy must not be taken for one.
        let _ = std::fs::remove_file(target);
        refused(target, &fault)
    })
}

/// Puts a copy in the place of a directory's database. Nobody may use the directory meanwhile:
/// the caller holds its lock.
///
/// # Errors
/// A copy that is none, is damaged or of a newer version; a directory that cannot be written.
/// Then the database is as it was.
pub fn restore(directory: &Path, copy: &Path) -> Result<CheckReport, OpenError> {
    let beside = directory.join(format!("{FILE}.restored"));
    let made = prepare(copy, &beside);
    let report = made.inspect_err(|_| {
        let _ = std::fs::remove_file(&beside);
    })?;
    let path = directory.join(FILE);
    let replace = || -> io::Result<()> {
        // The old log would be read into the new file; the search belongs to the old one.
        for name in [FILE, search::FILE] {
            for suffix in ["-wal", "-shm"] {
                remove(&directory.join(format!("{name}{suffix}")))?;
            }
        }
        remove(&directory.join(search::FILE))?;
        std::fs::rename(&beside, &path)?;
        File::open(directory)?.sync_all()
    };
    replace().map_err(|error| unusable(&path, error))?;
    Ok(report)
}

/// A copy of the copy, looked through and with an epoch of its own, complete on the disk.
fn prepare(copy: &Path, beside: &Path) -> Result<CheckReport, OpenError> {
    let report = check_file(copy)?;
    if let Some(damage) = report.damages.first() {
        return Err(OpenError::Database {
            path: copy.to_owned(),
            message: format!("it is damaged ({damage}); choose another backup"),
        });
    }
    remove(beside).map_err(|error| unusable(beside, error))?;
    std::fs::copy(copy, beside).map_err(|error| unusable(beside, error))?;
    let adapt = || -> Result<(), Fault> {
        let connection = Connection::open(beside)?;
        connection.execute(
            "UPDATE meta SET value = lower(hex(randomblob(8))) WHERE name = 'epoch'",
            [],
        )?;
        drop(connection);
        Ok(File::open(beside)?.sync_all()?)
    };
    let mut connection =
        Connection::open(beside).map_err(|error| refused(beside, &error.into()))?;
    schema::migrate(&mut connection).map_err(|error| OpenError::Database {
        path: copy.to_owned(),
        message: error.to_string(),
    })?;
    drop(connection);
    adapt().map_err(|fault| refused(beside, &fault))?;
    Ok(report)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unusable(path: &Path, source: io::Error) -> OpenError {
    OpenError::Directory {
        path: path.to_owned(),
        source,
    }
}

fn refused(path: &Path, fault: &Fault) -> OpenError {
    OpenError::Database {
        path: path.to_owned(),
        message: fault.to_string(),
    }
}
