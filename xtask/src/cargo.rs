//! How cargo is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A cargo command in the workspace, without input.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// Where the workspace builds, and what else is to share it.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// A cargo command in `examples/llm`, a workspace of its own that builds where ours does.
pub(crate) fn cargo_llm(root: &Path) -> Command {
    let mut command = cargo(&root.join("examples").join("llm"));
    command.env("CARGO_TARGET_DIR", target(root));
    command
}
