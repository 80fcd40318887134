//! `#[session]` on `main`: the session ends as main does, and the program keeps its exit status and its words.
//!
//! This binary is its own child: each case is a `main` in a module, run in a process of its own with a data
//! directory of its own, whose spool is then read.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Termination};

use serde_json::Value;

mod ok {
    #[agentops::session(tags = ["first", String::from("second")])]
    #[tokio::main]
    pub(super) async fn main() -> anyhow::Result<()> {
        #[agentops::record_action]
        async fn step(number: u8) -> u8 {
            tokio::task::yield_now().await;
            number
        }
        step(7).await;
        Ok(())
    }
}

mod fails {
    use anyhow::Context;

    #[tokio::main(flavor = "current_thread")]
    #[agentops::session]
    pub(super) async fn main() -> anyhow::Result<()> {
        Err(std::io::Error::other("disk gone")).context("cannot open the index")
    }
}

mod unit {
    /// Documented.
    #[agentops::session]
    pub(super) fn main() {}
}

mod code {
    #[agentops::session]
    pub(super) fn main() -> std::process::ExitCode {
        std::process::ExitCode::from(42)
    }
}

mod opaque {
    #[agentops::session]
    pub(super) fn main() -> impl std::process::Termination {
        std::process::ExitCode::SUCCESS
    }
}

mod panics {
    #[agentops::session]
    pub(super) fn main() {
        panic!("out of {}", "tea");
    }
}

mod never {
    #[agentops::session]
    pub(super) fn main() -> ! {
        panic!("never again")
    }
}

/// What a case must look like: exit status, end state, reason (its beginning), words on stderr.
const CASES: &[(&str, i32, &str, Option<&str>, &str)] = &[
    ("ok", 0, "Success", None, ""),
    (
        "fails",
        1,
        "Fail",
        Some("cannot open the index: disk gone"),
        "Error: cannot open the index",
    ),
    ("unit", 0, "Success", None, ""),
    ("code", 42, "Fail", Some("exit code 42"), ""),
    ("opaque", 0, "Success", None, ""),
    ("panics", 101, "Fail", Some("panicked at "), "out of tea"),
    ("never", 101, "Fail", Some("panicked at "), "never again"),
];

fn main() -> ExitCode {
    match std::env::var("CASE").as_deref() {
        Ok("ok") => ok::main().report(),
        Ok("fails") => fails::main().report(),
        Ok("unit") => {
            unit::main();
            ExitCode::SUCCESS
        }
        Ok("code") => code::main().report(),
        Ok("opaque") => opaque::main().report(),
        Ok("panics") => {
            panics::main();
            ExitCode::SUCCESS
        }
        Ok("never") => never::main(),
        _ => test(),
    }
}

fn test() -> ExitCode {
    // The runner asks for the names of the tests before it runs them.
    if std::env::args().any(|argument| argument == "--list") {
        if !std::env::args().any(|argument| argument == "--ignored") {
            writeln!(std::io::stdout(), "session_main: test").expect("stdout is open");
        }
        return ExitCode::SUCCESS;
    }
    for (name, status, end_state, reason, words) in CASES {
        let directory = tempfile::tempdir().expect("a directory");
        let output = run(name, directory.path());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*status), "{name}: {stderr}");
        assert!(stderr.contains(words), "{name}: {stderr}");
        let spooled = spooled(directory.path());
        let end = spooled
            .iter()
            .rev()
            .find(|line| line["op"] == "update" || line["op"] == "session");
        let end = &end.unwrap_or_else(|| panic!("{name}: no end in {spooled:#?}"))["body"];
        assert_eq!(end["end_state"], *end_state, "{name}: {end}");
        let told = end["end_state_reason"].as_str();
        assert_eq!(told.is_some(), reason.is_some(), "{name}: {end}");
        assert!(
            told.unwrap_or_default()
                .starts_with(reason.unwrap_or_default()),
            "{name}: {end}"
        );
        if *name == "ok" {
            let text = Value::from(spooled.clone()).to_string();
            assert!(text.contains("\"first\",\"second\""), "{text}");
            assert!(text.contains("\"step\""), "{text}");
        }
    }
    ExitCode::SUCCESS
}

fn run(case: &str, directory: &Path) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AGENTOPS_")) {
        command.env_remove(name);
    }
    command
        .env("CASE", case)
        .env("AGENTOPS_DATA_DIR", directory)
        .env("RUST_BACKTRACE", "0");
    command.output().expect("this binary runs")
}

/// Every line of every segment.
fn spooled(directory: &Path) -> Vec<Value> {
    let mut lines = Vec::new();
    for writer in std::fs::read_dir(directory.join("spool")).expect("a spool") {
        let mut segments: Vec<_> = std::fs::read_dir(writer.expect("an entry").path())
            .expect("a writer's directory")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "ndjson")
            })
            .collect();
        segments.sort();
        for segment in segments {
            let text = std::fs::read_to_string(segment).expect("a segment is text");
            lines.extend(
                text.lines()
                    .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON")),
            );
        }
    }
    lines
}
