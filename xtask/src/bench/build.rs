//! Builds what is measured.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::cargo::cargo;

/// Builds an executable of `xtask/bench` with these features of it.
pub(super) fn built(root: &Path, name: &str, features: &str) -> anyhow::Result<PathBuf> {
    let package = root.join("xtask").join("bench");
    let mut command = cargo(&package);
    command.args(["build", "--release", "--no-default-features", "--bin", name]);
    command.args(["--features", features]);
    let status = command.status().context("cargo cannot be started")?;
    ensure!(status.success(), "xtask/bench cannot be built: {status}");
    Ok(executable(&target(&package), name))
}

/// Builds the command line, whose `serve` is the real server.
pub(super) fn built_server(root: &Path) -> anyhow::Result<PathBuf> {
    let status = cargo(root)
        .args(["build", "--release", "-p", "agentops-cli"])
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "the server cannot be built: {status}");
    Ok(executable(&target(root), "agentops"))
}

fn executable(target: &Path, name: &str) -> PathBuf {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    target.join("release").join(name)
}

/// Where cargo builds what lies in a folder.
pub(super) fn target(folder: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("target"), PathBuf::from)
}
