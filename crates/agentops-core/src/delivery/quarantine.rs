//! Where lines go that the server will never accept: kept for people, out of the way of the rest.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::item::Item;

/// Most bytes of one quarantine file; beyond them a refused line is only counted.
const MAX_BYTES: u64 = 64 << 20;

/// The quarantine of one data directory: `quarantine.ndjson`, a line an operation, with the
/// reason. Without a data directory, refused lines are only counted.
pub(crate) struct Quarantine(Option<PathBuf>);

impl Quarantine {
    pub(crate) fn in_dir(data_dir: Option<&Path>) -> Self {
        Self(data_dir.map(|dir| dir.join("quarantine.ndjson")))
    }

    /// Keeps a line.
    pub(crate) fn keep(&self, item: &Item, reason: &str) {
        let Some(path) = &self.0 else { return };
        let line = json!({
            "op": item.op.as_str(), "sid": item.sid, "reason": reason, "body": item.body,
        });
        if let Err(error) = append(path, &format!("{line}\n")) {
            tracing::warn!(target: "agentops", %error, "a refused line cannot be kept");
        }
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    if file.metadata()?.len() > MAX_BYTES {
        return Err(io::Error::other(
            "the quarantine is full; remove quarantine.ndjson",
        ));
    }
    file.write_all(line.as_bytes())
}
