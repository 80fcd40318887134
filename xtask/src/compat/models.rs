//! The Python package openai under `agentops run --capture-llm`: what it is told, and what is recorded of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::process::{Stopped, finish};
use super::python;
use crate::cargo::cargo_llm;

/// What it is called on the command line.
pub(super) const NAME: &str = "openai";

/// The newest release when this was written.
pub(super) const REQUIREMENT: &str = "openai==3.54.0";

/// How long the program may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A key that must be found nowhere.
const KEY: &str = "sk-SECRET-0123456789";

/// What the provider answers, in order.
const SCRIPT: &str = r#"{"text":"four","tokens":[1000,100],"cached":800}
{"text":"one two three","tokens":[150,80]}
{"tool":"search","arguments":{"q":"rust"},"tokens":[10,5]}
{"error":400,"message":"no such thing"}
{"error":429,"message":"slow down"}
{"text":"again","tokens":[10,1]}
{"text":"one two three","tokens":[150,80],"stalls_after":2}

"#;

/// Runs the program and compares; gives the differences.
pub(super) fn check(root: &Path, target: &Path, python: &Path) -> anyhow::Result<Vec<String>> {
    let provider = Provider::start(root, target)?;
    let data = tempfile::tempdir()?;
    let agentops = target.join("debug").join("agentops");
    let mut command = Command::new(&agentops);
    command
        .args(["run", "--capture-llm", "--quiet", "--data-dir"])
        .arg(data.path());
    command
        .arg("--")
        .arg(python)
        .arg(root.join("xtask/compat/models.py"));
    python::alone(&mut command);
    let base = format!("{}/v1", provider.origin);
    command
        .env("OPENAI_BASE_URL", base)
        .env("OPENAI_API_KEY", KEY);
    let ended = finish(&mut command, LIMIT)?;
    ensure!(
        ended.status.success(),
        "models.py: {}: {}",
        ended.status,
        ended.errors
    );
    let told: Value =
        serde_json::from_str(ended.output.trim()).context("models.py tells what it got")?;
    let mut problems = Vec::new();
    let mut compare = |what: &str, found: Value, expected: Value| {
        if found != expected {
            problems.push(format!("{NAME}: {what} is {found}, and not {expected}"));
        }
    };
    compare("what the program got", told, got());
    let session = exported(&agentops, data.path())?;
    let calls = session["llms"].as_array().context("an export has calls")?;
    for (number, expected) in recorded().into_iter().enumerate() {
        let call = calls.get(number).unwrap_or(&Value::Null);
        compare(&format!("call {number}"), facts(call), expected);
    }
    compare(
        "the number of calls",
        calls.len().into(),
        recorded().len().into(),
    );
    compare(
        "the repeated call's first",
        calls[5]["params"]["retry_of"].clone(),
        calls[4]["id"].clone(),
    );
    let errors = session["errors"]
        .as_array()
        .context("an export has errors")?;
    let errors: Value = errors
        .iter()
        .map(|error| {
            json!([
                error["error_type"],
                error["code"],
                error["details"]["message"]
            ])
        })
        .collect();
    let expected = json!([
        ["invalid_request_error", "400", "no such thing"],
        ["rate_limit_error", "429", "slow down"],
    ]);
    compare("the errors", errors, expected);
    compare(
        "the key",
        session.to_string().contains(KEY).into(),
        false.into(),
    );
    println!(
        "{REQUIREMENT}: {} calls recorded by agentops run --capture-llm",
        calls.len()
    );
    Ok(problems)
}

/// What the program is told, through the recorder as without it.
fn got() -> Value {
    json!({
        "plain": "four", "stream": "one two three", "tool": "{\"q\":\"rust\"}", "error": "no such thing",
        "retried": "again", "cancelled": "one two ",
    })
}

/// What is recorded: how it ended, what was answered, tokens in and out, of which cached, cost, and whether the time
/// to the first token is known.
fn recorded() -> Vec<Value> {
    let says = |text: &str| json!({"role": "assistant", "content": text});
    let tool = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{\"q\":\"rust\"}"}},
    ]});
    vec![
        json!(["ok", says("four"), 1000, 100, 800, 0.0025, false]),
        json!(["ok", says("one two three"), 150, 80, null, 0.001175, true]),
        json!(["ok", tool, 10, 5, null, 0.000075, false]),
        json!(["error", null, null, null, null, null, false]),
        json!(["error", null, null, null, null, null, false]),
        json!(["ok", says("again"), 10, 1, null, 0.000035, false]),
        json!(["cancelled", says("one two "), null, null, null, null, true]),
    ]
}

fn facts(call: &Value) -> Value {
    json!([
        call["status"],
        call["completion"]["messages"],
        call["prompt_tokens"],
        call["completion_tokens"],
        call["cached_read_tokens"],
        call["cost"],
        call["time_to_first_token"].is_u64(),
    ])
}

/// The one session of a data directory.
fn exported(agentops: &Path, data: &Path) -> anyhow::Result<Value> {
    let ask = |words: &[&str]| {
        let mut command = Command::new(agentops);
        command
            .arg("sessions")
            .args(words)
            .arg("--data-dir")
            .arg(data);
        python::alone(&mut command);
        let ended = finish(&mut command, LIMIT)?;
        ensure!(
            ended.status.success(),
            "agentops sessions {words:?}: {}",
            ended.errors
        );
        serde_json::from_str::<Value>(&ended.output).context("it prints JSON")
    };
    let list = ask(&["list", "--json"])?;
    let id = list["sessions"][0]["session_id"]
        .as_str()
        .context("there is a session")?;
    ask(&["export", id])
}

/// The scripted provider, as long as this lives.
struct Provider {
    origin: String,
    _process: Stopped,
    /// It serves until this is closed.
    _input: ChildStdin,
}

impl Provider {
    fn start(root: &Path, target: &Path) -> anyhow::Result<Self> {
        let built = cargo_llm(root)
            .args(["build", "--bin", "scripted-provider"])
            .status()
            .context("cargo cannot be started")?;
        ensure!(built.success(), "the scripted provider cannot be built");
        let program: PathBuf = target.join("debug").join("scripted-provider");
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the scripted provider cannot be started")?;
        let mut input = child.stdin.take().context("its input is a pipe")?;
        let output = child.stdout.take().context("its output is a pipe")?;
        let process = Stopped(child);
        input.write_all(SCRIPT.as_bytes())?;
        let mut origin = String::new();
        BufReader::new(output).read_line(&mut origin)?;
        ensure!(
            origin.starts_with("http://127.0.0.1:"),
            "the scripted provider says {origin:?}"
        );
        Ok(Self {
            origin: origin.trim().to_owned(),
            _process: process,
            _input: input,
        })
    }
}
