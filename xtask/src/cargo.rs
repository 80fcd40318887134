//! How cargo is called.

use std::path::Path;
use std::process::{Command, Stdio};

/// A cargo command in the workspace, without input.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).stdin(Stdio::null());
    command
}
