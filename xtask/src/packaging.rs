//! `cargo xtask packaging`: the commands of the Dockerfile, on this machine.
//!
//! Without an engine no image is made, and none has been: what is shown is that the file's build command builds, and
//! that its entry point serves, as somebody who is not root where this runs as root, with only what the file gives it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::cargo::target;
use crate::compat::Stopped;
use crate::http;

/// How long the server may take to end.
const END: Duration = Duration::from_secs(15);
/// Where the image has the executable.
const INSTALLED: &str = "/usr/local/bin/agentops";
/// What the image listens on, and its data directory.
const LISTEN: &str = "0.0.0.0:8717";
const DATA: &str = "/data";

/// What of the Dockerfile is run.
struct Image {
    build: Vec<String>,
    built: String,
    entry: Vec<String>,
    user: u32,
}

/// Runs the commands.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let image = Image::read(&std::fs::read_to_string(root.join("Dockerfile"))?)?;
    println!("{}", image.build.join(" "));
    let status = Command::new(&image.build[0])
        .args(&image.build[1..])
        .current_dir(root)
        .status()
        .context("the build command cannot be run")?;
    ensure!(status.success(), "the build command failed: {status}");
    let folder = tempfile::tempdir()?;
    let executable = folder.path().join("agentops");
    std::fs::copy(built(root, &image.built), &executable).context("the build made nothing")?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    open_to(image.user, folder.path(), &data)?;
    serves(&image, &executable, &data)?;
    println!("the image's commands work here; the image itself is untested");
    Ok(())
}

/// Where the build put the executable.
fn built(root: &Path, path: &str) -> PathBuf {
    let within = path.trim_start_matches("/src/target/");
    target(root).join(within)
}

impl Image {
    fn read(text: &str) -> anyhow::Result<Self> {
        let lines = || text.lines().map(str::trim);
        let of = |word: &str| {
            let found = lines()
                .filter_map(|line| line.strip_prefix(word))
                .next_back();
            found.with_context(|| format!("the Dockerfile has no {word}"))
        };
        let build = lines()
            .filter_map(|line| line.strip_prefix("RUN "))
            .find(|command| command.starts_with("cargo "))
            .context("the Dockerfile builds nothing")?;
        ensure!(
            !build.contains(['&', '|', ';', '$']),
            "{build}: write one plain command"
        );
        let copied = of("COPY --from=build ")?;
        let (built, installed) = copied.split_once(' ').context("COPY names two places")?;
        ensure!(installed == INSTALLED, "{installed} is not on the path");
        ensure!(
            of("VOLUME ")? == DATA,
            "the volume is not the data directory"
        );
        let user = of("USER ")?.parse().context("USER is no number")?;
        ensure!(user != 0, "the server must not run as root");
        Ok(Self {
            build: build.split(' ').map(str::to_owned).collect(),
            built: built.to_owned(),
            entry: serde_json::from_str(of("ENTRYPOINT ")?)?,
            user,
        })
    }

    /// The entry point with the places of this machine, and any free port.
    fn entry(&self, executable: &Path, data: &Path) -> anyhow::Result<Command> {
        for word in [LISTEN, DATA] {
            ensure!(
                self.entry.iter().any(|it| it == word),
                "ENTRYPOINT lacks {word}"
            );
        }
        let mut command = as_user(self.user, executable);
        for word in &self.entry[1..] {
            match word.as_str() {
                LISTEN => command.arg("0.0.0.0:0"),
                DATA => command.arg(data),
                word => command.arg(word),
            };
        }
        Ok(command)
    }
}

/// A command of the executable, with nothing of this session's environment.
fn as_user(user: u32, executable: &Path) -> Command {
    let mut command = Command::new(executable);
    command.env_clear();
    #[cfg(unix)]
    if is_root() {
        use std::os::unix::process::CommandExt as _;
        command.uid(user).gid(user);
    }
    #[cfg(not(unix))]
    let _ = user;
    command
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Lets the user of the image use the folder, as the image does.
fn open_to(user: u32, folder: &Path, data: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    if is_root() {
        use std::os::unix::fs::{PermissionsExt as _, chown};
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
        chown(data, Some(user), Some(user))?;
    }
    let _ = (user, folder, data);
    Ok(())
}

/// Starts the entry point, asks it something with and without a key, and ends it.
fn serves(image: &Image, executable: &Path, data: &Path) -> anyhow::Result<()> {
    let mut command = image.entry(executable, data)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut server = Stopped(
        command
            .spawn()
            .context("the entry point cannot be started")?,
    );
    let output = server.0.stdout.take().context("its output is a pipe")?;
    let mut lines = BufReader::new(output).lines();
    let first = lines.next().context("the server does not start")??;
    let host = first.strip_prefix("serving http://");
    let host = host.with_context(|| format!("the server says: {first}"))?;
    let (status, _) = http::ask(host, "GET", "/health", "", "")?;
    ensure!(status == 200, "/health: {status}");
    let body = r#"{"session":{"session_id":"s"}}"#;
    let create = |key: &str| http::ask(host, "POST", "/v2/create_session", key, body);
    let mut keys = as_user(image.user, executable);
    keys.args(["keys", "create", "--json", "--data-dir"])
        .arg(data);
    let made = keys.output().context("no key can be made")?;
    ensure!(
        made.status.success(),
        "no key can be made: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    let made: Value = serde_json::from_slice(&made.stdout)?;
    let (status, answer) = create(made["key"].as_str().context("a key")?)?;
    ensure!(
        status == 200,
        "create_session with a key: {status} {answer}"
    );
    let (status, _) = create("not-a-key")?;
    ensure!(status == 401, "create_session with another key: {status}");
    let stopped = Command::new("kill")
        .arg(server.0.id().to_string())
        .status()?;
    ensure!(stopped.success(), "the server cannot be told to end");
    let begun = Instant::now();
    loop {
        match server.0.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("the server ended with {status}"),
            None => ensure!(begun.elapsed() < END, "the server does not end"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_is_one_that_can_be_run_here() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Dockerfile");
        let image = Image::read(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(image.entry[0], "agentops");
        assert!(image.build.contains(&"--locked".to_owned()));
        assert!(image.entry(Path::new("x"), Path::new("d")).is_ok());
        let root = "RUN cargo build\nCOPY --from=build a /usr/local/bin/agentops\nVOLUME /data\nUSER 0\nENTRYPOINT []";
        assert!(Image::read(root).is_err());
    }
}
