//! The names and modes of the files in a writer's directory. The only place that spells them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The file whose lock says that a directory is in use.
pub(crate) const LOCK: &str = "lock";

/// Extension of a segment.
const SEGMENT: &str = "ndjson";

/// Extension of a segment's acknowledgements, and of their replacement while it is written.
const ACK: &str = "ack";
const ACK_TMP: &str = "ack-tmp";

/// Path of a segment.
pub(crate) fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.{SEGMENT}"))
}

/// Path of a segment's acknowledgements.
pub(crate) fn ack(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.{ACK}"))
}

/// Path under which new acknowledgements are prepared.
pub(crate) fn ack_tmp(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.{ACK_TMP}"))
}

/// The numbers of the segments in a directory, ascending; none if the directory is gone.
pub(crate) fn segments(dir: &Path) -> io::Result<Vec<u32>> {
    numbered(dir, &[SEGMENT])
}

/// The numbers of the acknowledgement files in a directory, ascending; none if the directory is gone.
pub(crate) fn acks(dir: &Path) -> io::Result<Vec<u32>> {
    numbered(dir, &[ACK])
}

/// The numbers for which acknowledgements or half-made ones exist, ascending.
pub(crate) fn acks_and_leftovers(dir: &Path) -> io::Result<Vec<u32>> {
    numbered(dir, &[ACK, ACK_TMP])
}

/// Creates a directory and its parents, for the user alone.
pub(crate) fn create_dir_all(path: &Path) -> io::Result<()> {
    dir_builder().recursive(true).create(path)
}

/// Creates one directory that must not exist yet, for the user alone.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    dir_builder().create(path)
}

/// Opens a file for appending, readable by the user alone.
pub(crate) fn open_append(path: &Path, must_be_new: bool) -> io::Result<File> {
    let mut options = options();
    options.append(true);
    if must_be_new {
        options.create_new(true)
    } else {
        options.create(true)
    };
    options.open(path)
}

/// Opens a file for writing from its beginning, readable by the user alone.
pub(crate) fn open_truncated(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}

/// Opens or makes the lock file.
pub(crate) fn open_lock(dir: &Path) -> io::Result<File> {
    options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join(LOCK))
}

/// Deletes a file; one that is already gone is fine.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes the content of a closed file durable.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_data()
}

/// Makes the names in a directory durable, where the platform has such a thing.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn numbered(dir: &Path, extensions: &[&str]) -> io::Result<Vec<u32>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let Some((stem, extension)) = name.to_str().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let digits = stem.len() >= 6 && stem.bytes().all(|byte| byte.is_ascii_digit());
        if digits && extensions.contains(&extension) {
            numbers.extend(stem.parse::<u32>());
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.read(false);
    options
}

fn dir_builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(false);
    builder
}
