//! Who serves a data directory, and where.
//!
//! `server.lock` in the data directory is held as long as a server runs; `server.json` beside it
//! says where to reach it. A `server.json` without a held lock is a leftover and means nothing.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::config::private_file;

const LOCK: &str = "server.lock";
const PLACE: &str = "server.json";
/// Somebody who only asks whether the lock is held has it for a moment; this long is no moment.
const LOCK_PATIENCE: Duration = Duration::from_millis(300);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Where a running server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// Its process.
    pub pid: u32,
    /// Its URL on this machine, without a last slash.
    pub url: String,
    /// Its version.
    pub version: String,
    /// The URL that others reach it by, if it has been told one.
    #[serde(default)]
    pub public_url: Option<String>,
}

impl Place {
    /// This process, reached at `url`.
    pub(super) fn of_this_process(url: &str, public_url: Option<&str>) -> Self {
        Self {
            pid: std::process::id(),
            url: url.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            public_url: public_url.map(str::to_owned),
        }
    }
}

/// The server that has a data directory now; `None` when none has.
///
/// # Errors
/// When the data directory cannot be read.
pub fn running_server(data_dir: &Path) -> io::Result<Option<Place>> {
    let lock = match File::open(data_dir.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    match lock.try_lock_shared() {
        Ok(()) => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    match std::fs::read(data_dir.join(PLACE)) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        // It is just starting.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the data directory, made if need be, as a server does, until the file is dropped; `None`
/// when a server has it.
///
/// # Errors
/// When the directory cannot be made or written.
pub fn lock_data_dir(data_dir: &Path) -> io::Result<Option<File>> {
    make_private_dir(data_dir)?;
    let file = private_file(&data_dir.join(LOCK))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
        }
    }
}

fn make_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Beside it first, then renamed: a reader sees all of it or none.
pub(super) fn write(data_dir: &Path, place: &Place) -> io::Result<()> {
    let beside = data_dir.join(format!("{PLACE}.new"));
    let mut file = private_file(&beside)?;
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(place)?)?;
    std::fs::rename(&beside, data_dir.join(PLACE))
}

/// Forgets where the server was. The lock is what counts: a failure harms nobody.
pub(super) fn remove(data_dir: &Path) {
    let _ = std::fs::remove_file(data_dir.join(PLACE));
}
