//! Runs every example as a user with nothing configured would, and looks at what it says.
//!
//! No example may need a key, a network or a file of the user's. One talks to a server: it gets one of its own, on
//! this machine, for as long as the examples run.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use cargo_metadata::{MetadataCommand, TargetKind};

use crate::cargo::{cargo, cargo_llm, target};

/// The package of the workspace whose examples are run, beside those of `examples/llm`.
const PACKAGE: &str = "agentops-examples";

/// How long one example may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How long the server may take to answer.
const START_LIMIT: Duration = Duration::from_secs(20);

/// What the output of an example must contain beside being there at all.
const EXPECTED: &[(&str, &str)] = &[
    ("quickstart", "Session Stats - Duration: "),
    ("async_openai_stream", "LLMs: 1 "),
    ("reqwest_plain", "LLMs: 2 "),
    ("rig_agent", "119 days"),
    ("genai_chat", "llm_calls: 2"),
    ("rmcp_tools", "the server knows 6 words"),
];

/// Examples that talk to a server.
const NEED_SERVER: &[&str] = &["rest_without_sdk"];

/// Variables that would make an example reach for something outside.
const OUTSIDE: &[&str] = &[
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// Builds and runs all examples, also when one fails.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut examples = names(root, PACKAGE)?;
    examples.extend(names(
        &root.join("examples").join("llm"),
        "agentops-examples-llm",
    )?);
    let (with_server, alone): (Vec<&str>, Vec<&str>) = examples
        .iter()
        .map(String::as_str)
        .partition(|name| NEED_SERVER.contains(name));
    ensure!(!alone.is_empty(), "there is no example");
    build(cargo(root).args(["build", "-p", PACKAGE, "--examples"]))?;
    build(cargo_llm(root).args(["build", "--examples"]))?;
    let folder = target(root).join("debug");
    let mut failed: Vec<&str> = alone
        .into_iter()
        .filter(|name| !passes(root, &folder, name, None))
        .collect();
    if !with_server.is_empty() {
        let server = Server::start(root, &folder)?;
        failed.extend(
            with_server
                .into_iter()
                .filter(|name| !passes(root, &folder, name, Some(&server))),
        );
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// The examples of a package, whose workspace is in a folder.
fn names(workspace: &Path, package: &str) -> anyhow::Result<Vec<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace.join("Cargo.toml"))
        .no_deps()
        .exec()
        .with_context(|| format!("cannot read the workspace {}", workspace.display()))?;
    let packages = metadata.workspace_packages().into_iter();
    let targets = packages
        .filter(|found| found.name.as_str() == package)
        .flat_map(|package| package.targets.clone());
    let examples = targets.filter(|target| target.kind.contains(&TargetKind::Example));
    Ok(examples.map(|target| target.name).collect())
}

/// Runs one example and says how it went.
fn passes(root: &Path, folder: &Path, name: &str, server: Option<&Server>) -> bool {
    let started = Instant::now();
    let result = run_one(root, folder, name, server);
    let seconds = started.elapsed().as_secs_f64();
    match &result {
        Ok(output) => println!(
            "example {name}: {} lines in {seconds:.1} s",
            output.lines().count()
        ),
        Err(error) => println!("example {name} failed after {seconds:.1} s: {error:#}"),
    }
    result.is_ok()
}

fn run_one(
    root: &Path,
    folder: &Path,
    name: &str,
    server: Option<&Server>,
) -> anyhow::Result<String> {
    let mut command = Command::new(executable(&folder.join("examples"), name));
    command.current_dir(root);
    let data = tempfile::tempdir()?;
    nothing_configured(&mut command, data.path());
    if let Some(server) = server {
        command.env("AGENTOPS_API_ENDPOINT", &server.endpoint);
    }
    let output = finish(command)?;
    check(name, &output)?;
    Ok(output)
}

fn executable(folder: &Path, name: &str) -> PathBuf {
    folder
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

fn check(name: &str, output: &str) -> anyhow::Result<()> {
    ensure!(!output.trim().is_empty(), "example {name} says nothing");
    for (_, expected) in EXPECTED.iter().filter(|(example, _)| *example == name) {
        ensure!(
            output.contains(expected),
            "example {name} does not say {expected:?}; it says:\n{output}"
        );
    }
    Ok(())
}

/// Builds what a `cargo build` names.
fn build(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

/// Takes away what the surroundings may have set, and gives a data directory of its own.
fn nothing_configured(command: &mut Command, data: &Path) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        if text.starts_with("AGENTOPS_") || OUTSIDE.contains(&text.as_str()) {
            command.env_remove(&name);
        }
    }
    command.env("AGENTOPS_DATA_DIR", data).stdin(Stdio::null());
}

/// Runs a command to its end, or kills it at the limit; everything it said, if it succeeded.
fn finish(mut command: Command) -> anyhow::Result<String> {
    let mut child = Stopped(
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start")?,
    );
    let mut pipes: Vec<Box<dyn std::io::Read + Send>> = Vec::new();
    pipes.extend(child.0.stdout.take().map(|pipe| Box::new(pipe) as _));
    pipes.extend(child.0.stderr.take().map(|pipe| Box::new(pipe) as _));
    let (sender, receiver) = mpsc::channel();
    for mut pipe in pipes {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = pipe.read_to_end(&mut said);
            // Nobody listens any more when the limit was reached.
            let _ = sender.send(said);
        });
    }
    drop(sender);
    let deadline = Instant::now() + LIMIT;
    let mut output = String::new();
    for _ in 0..2 {
        let Ok(said) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        else {
            bail!("still running after {} s", LIMIT.as_secs());
        };
        output += &String::from_utf8_lossy(&said);
    }
    let status = child.0.wait()?;
    ensure!(status.success(), "{status}; it says:\n{output}");
    Ok(output)
}

/// A process that ends with this value.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `agentops serve` on a free port, with a data directory of its own.
struct Server {
    endpoint: String,
    _process: Stopped,
    _data: tempfile::TempDir,
}

impl Server {
    fn start(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        build(cargo(root).args(["build", "-p", "agentops-cli"]))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let address = format!("127.0.0.1:{port}");
        let data = tempfile::tempdir()?;
        let mut command = Command::new(executable(folder, "agentops"));
        nothing_configured(&mut command, data.path());
        command.args([
            OsStr::new("serve"),
            OsStr::new("--listen"),
            OsStr::new(&address),
        ]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process = Stopped(child.context("cannot start agentops serve")?);
        let log = process.0.stderr.take();
        std::thread::spawn(move || {
            // Read to its end, so that the server never waits for a reader; shown, so that a failure explains itself.
            for line in log
                .into_iter()
                .flat_map(|log| BufReader::new(log).lines())
                .map_while(Result::ok)
            {
                println!("agentops serve: {line}");
            }
        });
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(&address).is_err() {
            if let Some(status) = process.0.try_wait()? {
                bail!("agentops serve ended: {status}");
            }
            ensure!(
                Instant::now() < deadline,
                "agentops serve does not answer at {address}"
            );
            std::thread::yield_now();
        }
        Ok(Self {
            endpoint: format!("http://{address}"),
            _process: process,
            _data: data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_that_fails_or_says_nothing_does_not_pass() {
        let failing = {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.arg("--no-such-option");
            command
        };
        assert!(finish(failing).is_err());
        assert!(check("any", " \n").is_err());
        assert!(check("any", "something\n").is_ok());
        assert!(check("quickstart", "an answer\n").is_err());
        assert!(
            check(
                "quickstart",
                "Session Stats - Duration: 1.0s | Cost: $0.00\n"
            )
            .is_ok()
        );
    }

    /// A package of examples in a workspace of its own.
    fn examples(sources: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let llm = root.path().join("examples").join("llm");
        std::fs::create_dir_all(llm.join("src")).unwrap();
        std::fs::write(llm.join("src").join("lib.rs"), "").unwrap();
        let other =
            "[package]\nname = \"agentops-examples-llm\"\nedition = \"2024\"\n[workspace]\n";
        std::fs::write(llm.join("Cargo.toml"), other).unwrap();
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
            PACKAGE
        );
        std::fs::write(root.path().join("Cargo.toml"), manifest).unwrap();
        for folder in ["src", "examples"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        std::fs::write(root.path().join("src/lib.rs"), "").unwrap();
        for (name, body) in sources {
            let source = format!("fn main() {{ {body} }}");
            std::fs::write(root.path().join(format!("examples/{name}.rs")), source).unwrap();
        }
        root
    }

    /// The names are nobody else's: with one target directory for all, files of the same name would replace each other.
    #[test]
    fn examples_are_built_and_run_and_the_failing_are_named() {
        let good = r#"println!("{}", std::env::var("AGENTOPS_DATA_DIR").unwrap())"#;
        run(examples(&[
            ("xtask_good", good),
            ("xtask_other", "println!(\"something\")"),
        ])
        .path())
        .unwrap();
        let root = examples(&[
            ("xtask_silent", ""),
            ("xtask_good", good),
            ("xtask_panics", "panic!()"),
        ]);
        let error = run(root.path()).unwrap_err().to_string();
        assert_eq!(error, "failed: xtask_panics, xtask_silent");
    }

    #[test]
    fn the_surroundings_do_not_reach_an_example() {
        let mut command = Command::new("true");
        nothing_configured(&mut command, Path::new("/data"));
        let set: Vec<_> = command
            .get_envs()
            .filter(|(_, value)| value.is_some())
            .collect();
        assert_eq!(
            set,
            [(OsStr::new("AGENTOPS_DATA_DIR"), Some(OsStr::new("/data")))]
        );
    }
}
