//! Virtual environments: made once, kept between runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::process::finish;

/// The interpreter that environments are made with.
const PYTHON: &str = "python3";

/// How long making an environment may take, with everything it downloads.
const LIMIT: Duration = Duration::from_secs(300);

/// Written last: an environment without it was not finished.
const READY: &str = "ready";

/// Whether there is a Python that can make environments.
pub(crate) fn find() -> anyhow::Result<()> {
    let wanted = "install python3 and python3-venv";
    let mut command = Command::new(PYTHON);
    // pip comes with ensurepip, which Debian ships separately.
    command.args(["-c", "import venv, ensurepip"]);
    let ended = finish(&mut command, Duration::from_secs(30))
        .with_context(|| format!("{PYTHON} is missing; {wanted}"))?;
    ensure!(
        ended.status.success(),
        "{PYTHON} cannot make environments; {wanted}: {}",
        ended.errors.trim()
    );
    Ok(())
}

/// The interpreter of an environment that has what is required.
pub(crate) fn environment(folder: &Path, requirement: &str) -> anyhow::Result<PathBuf> {
    let place = folder.join(requirement.replace("==", "-"));
    let python = program(&place, "python");
    let ready = place.join(READY);
    if ready.is_file() && python.is_file() {
        return Ok(python);
    }
    println!("making an environment for {requirement}");
    std::fs::create_dir_all(folder)?;
    succeeds(
        Command::new(PYTHON)
            .args(["-m", "venv", "--clear"])
            .arg(&place),
    )?;
    succeeds(Command::new(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        requirement,
    ]))
    .with_context(|| format!("cannot install {requirement}"))?;
    std::fs::write(&ready, requirement)?;
    Ok(python)
}

/// A program of an environment.
pub(crate) fn program(environment: &Path, name: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    environment.join(folder).join(name)
}

/// Takes away what the surroundings may have set, so that a program reaches this machine and nothing else.
pub(crate) fn alone(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        if text.starts_with("AGENTOPS_") || text.starts_with("PYTHON") || text.ends_with("_PROXY") {
            command.env_remove(&name);
        }
    }
    // The SDK looks for newer releases of itself and reports its own errors: neither belongs here. Nothing listens
    // on port 9 of this machine.
    command
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONIOENCODING", "utf-8");
}

fn succeeds(command: &mut Command) -> anyhow::Result<()> {
    let ended = finish(command, LIMIT)?;
    ensure!(
        ended.status.success(),
        "{}: {}",
        ended.status,
        ended.errors.trim()
    );
    Ok(())
}
