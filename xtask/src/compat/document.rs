//! The served OpenAPI document, held against the answers: schemathesis sends what it allows and what it does not.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::process::finish;
use super::python;
use super::server::{KEY, Server};
use crate::http;

/// What this part is called.
pub(crate) const NAME: &str = "document";

/// What pip installs.
pub(crate) const REQUIREMENT: &str = "schemathesis==4.32.5";

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

/// A session that is there.
const SESSION: &str = "compat-document";

/// What an answer must be: no 5xx, and as the document says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// How many requests each operation gets at most in the search for surprises.
const EXAMPLES: &str = "40";

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(240);

/// The differences between document and answers; `python` has what is required.
pub(crate) fn check(python: &Path, server: &Server) -> anyhow::Result<Vec<String>> {
    let (status, body) = http::ask(server.host(), "GET", DOCUMENT, KEY, "")?;
    ensure!(status == 200, "GET {DOCUMENT}: {status}");
    let document: Value = serde_json::from_str(&body).context("the document is JSON")?;
    ensure!(document["paths"].is_object(), "the document has no paths");
    let folder = python.parent().context("it lies in a folder")?;
    let token = token(server)?;
    let mut problems = Vec::new();
    // Any id first; then the id of a session that is there, so that answers have something to say.
    for id in [None, Some(SESSION)] {
        problems.extend(run(folder, server, &token, id)?);
    }
    // Whatever was accepted must be shown, too.
    let shown = server.session(SESSION);
    problems.extend(
        shown
            .err()
            .map(|error| format!("after schemathesis: {error:#}")),
    );
    Ok(problems)
}

/// The token of a session.
fn token(server: &Server) -> anyhow::Result<String> {
    let body = format!("{{\"session\":{{\"session_id\":\"{SESSION}\"}}}}");
    let (status, body) = http::ask(server.host(), "POST", "/v2/create_session", KEY, &body)?;
    ensure!(status == 200, "no session: {status} {body}");
    let answer: Value = serde_json::from_str(&body)?;
    let token = answer["jwt"]
        .as_str()
        .context("an answer without a token")?;
    Ok(token.to_owned())
}

/// What the command line cannot say. A stream has no end: its first message is enough, and one that has nothing
/// to tell is soon left.
fn settings_text(id: Option<&str>) -> String {
    let parameters = id.map_or_else(String::new, |id| {
        format!("[parameters]\n\"path.id\" = \"{id}\"\n")
    });
    format!(
        "request-timeout = 20\nmax-stream-events = 1\n{parameters}\
         [[operations]]\ninclude-operation-id = \"followChanges\"\nrequest-timeout = 2\n"
    )
}

fn run(
    folder: &Path,
    server: &Server,
    token: &str,
    id: Option<&str>,
) -> anyhow::Result<Option<String>> {
    let here = tempfile::tempdir()?;
    let program = folder
        .join("schemathesis")
        .with_extension(std::env::consts::EXE_EXTENSION);
    let mut command = Command::new(program);
    python::alone(&mut command);
    command.current_dir(here.path());
    let settings = here.path().join("settings.toml");
    std::fs::write(&settings, settings_text(id))?;
    command
        .arg("--config-file")
        .arg(settings)
        .args(["run", "--no-color", "--generation-deterministic"])
        .args(["--warnings", "off"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES])
        .arg("--header")
        .arg(format!("X-Agentops-Api-Key: {KEY}"))
        .arg("--header")
        .arg(format!("Authorization: Bearer {token}"));
    if id.is_some() {
        // Deleted, it would be there no longer.
        command.args([
            "--include-path-regex",
            r"\{id\}",
            "--exclude-method",
            "DELETE",
        ]);
    }
    let ended = finish(command.arg(format!("{}{DOCUMENT}", server.url())), LIMIT)?;
    let what = id.map_or("any id", |_| "a session that is there");
    let last = ended
        .output
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty());
    println!(
        "schemathesis, {what}: {}",
        last.unwrap_or_default().trim_matches(['=', ' '])
    );
    Ok((!ended.status.success()).then(|| {
        format!(
            "schemathesis, {what}: {}\n{}\n{}",
            ended.status, ended.output, ended.errors
        )
    }))
}
