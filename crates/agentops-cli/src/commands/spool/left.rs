//! What one program left in the spool.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use agentops_spool::{Ack, Directory, Spool};
use serde::Serialize;

use crate::exit::{Exit, Problem};

/// What servers refused for good, in the data directory.
pub(crate) const QUARANTINE: &str = "quarantine.ndjson";
/// Lines and bytes that are read at once.
const LINES: usize = 4_096;
const BYTES: usize = 8 << 20;

/// A program's directory.
#[derive(Debug, Serialize)]
pub(crate) struct Left {
    /// The directory's own name.
    pub(crate) name: String,
    /// When the program began, in milliseconds since 1970.
    pub(crate) started_ms: u64,
    pub(crate) pid: u32,
    /// Whether the program runs, or somebody is at work on what it left.
    pub(crate) live: bool,
    /// The library that wrote it; `None`: its header cannot be read, and it is never sent.
    pub(crate) writer: Option<String>,
    /// The server that its lines are for; `None`: they stay on this machine.
    pub(crate) endpoint: Option<String>,
    /// Of the key that they are to be sent with.
    pub(crate) key_fingerprint: Option<String>,
    /// Sessions that it began and did not end.
    pub(crate) open_sessions: u64,
    /// Lines that nobody acknowledged.
    pub(crate) waiting: u64,
    /// Lines that cannot be read.
    pub(crate) damaged: u64,
    pub(crate) bytes: u64,
}

impl Left {
    /// Looks at a directory. Changes nothing, and works while its program writes.
    pub(crate) fn of(directory: &Directory) -> io::Result<Self> {
        let name = directory.path().file_name().unwrap_or_default();
        let header = directory.header()?;
        let (mut waiting, mut damaged) = (0, 0);
        let mut reader = directory.reader();
        let mut from = Ack::open(directory.path())?.position();
        loop {
            let batch = reader.next_batch(from, LINES, BYTES)?;
            waiting += batch.lines.len() as u64;
            damaged += batch.skipped;
            // A program that writes on is not read for ever: what comes now is not waiting yet.
            if batch.end == from || batch.lines.len() < LINES && batch.skipped == 0 {
                break;
            }
            from = batch.end;
        }
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            started_ms: directory.started_ms(),
            pid: directory.pid(),
            live: directory.is_live()?,
            bytes: directory.bytes_on_disk()?,
            open_sessions: header.as_ref().map_or(0, |header| header.owns.len() as u64),
            writer: header.as_ref().map(|header| header.writer.clone()),
            endpoint: header.as_ref().and_then(|header| header.endpoint.clone()),
            key_fingerprint: header.and_then(|header| header.key_fp),
            waiting,
            damaged,
        })
    }

    /// Whom its lines are for, for people.
    pub(crate) fn whom(&self) -> String {
        match (&self.writer, &self.endpoint) {
            (None, _) => "nobody: its header cannot be read".to_owned(),
            (_, None) => "this machine".to_owned(),
            (_, Some(endpoint)) => {
                let key = self.key_fingerprint.as_deref().unwrap_or("none");
                format!("{endpoint} with key {key}")
            }
        }
    }
}

/// All directories of a spool, oldest first. One that goes away meanwhile is left out.
pub(crate) fn all(data_dir: &Path) -> Result<Vec<Left>, Problem> {
    let unreadable = |error: io::Error| {
        let message = format!(
            "the spool of {} cannot be read: {error}",
            data_dir.display()
        );
        Problem::new(Exit::DataDir, message)
    };
    let mut found = Vec::new();
    for directory in Spool::at(data_dir).directories().map_err(unreadable)? {
        match Left::of(&directory) {
            Ok(left) => found.push(left),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    Ok(found)
}

/// How many lines are in the quarantine.
pub(crate) fn refused(data_dir: &Path) -> Result<u64, Problem> {
    let count = || {
        let file = match std::fs::File::open(data_dir.join(QUARANTINE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        let mut lines = 0;
        let mut reader = BufReader::new(file);
        // Bounded by the file, whose size its writer bounds.
        while reader.by_ref().skip_until(b'\n')? > 0 {
            lines += 1;
        }
        io::Result::Ok(lines)
    };
    count().map_err(|error| {
        let message = format!(
            "{QUARANTINE} in {} cannot be read: {error}",
            data_dir.display()
        );
        Problem::new(Exit::DataDir, message)
    })
}
