//! `agentops run`: the command's end, its streams, its environment, and where its session goes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::{Run, Server, command, on};

/// `agentops run` with these options on a program with these arguments.
pub(crate) fn run(options: &[&str], program: &[&str]) -> Command {
    command(&[&["run"], options, &["--"], program].concat())
}

/// `agentops run` on a data directory.
pub(crate) fn run_in(dir: &Path, program: &[&str]) -> Command {
    run(&["--data-dir", dir.to_str().unwrap()], program)
}

/// The export of the one session in a data directory.
pub(crate) fn only_session(dir: &Path) -> Value {
    let list = on(dir, &["sessions", "list", "--json"]).json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1, "{list}");
    let id = sessions[0]["session_id"].as_str().unwrap();
    on(dir, &["sessions", "export", id]).json()
}

/// Checks the state, the reason, and that the session has ended.
pub(crate) fn ended(export: &Value, state: &str, reason: Value) {
    let session = &export["session"];
    assert_eq!(session["end_state"], state, "{session}");
    assert_eq!(session["end_state_reason"], reason, "{session}");
    assert!(session["end_timestamp"].is_string(), "{session}");
}

/// A program that joins the session of its environment and calls a tool.
pub(crate) fn joining() -> [String; 4] {
    let itself = std::env::current_exe().unwrap();
    let itself = itself.to_str().unwrap().to_owned();
    let name = "run::joining_program".to_owned();
    [
        itself,
        name,
        "--exact".to_owned(),
        "--include-ignored".to_owned(),
    ]
}

#[test]
#[ignore = "a program that other tests run"]
fn joining_program() {
    if std::env::var_os("AGENTOPS_SESSION_ID").is_none() {
        return;
    }
    let session = agentops::init(agentops::Config::from_env());
    assert_eq!(count("users"), 5);
    assert!(session.flush_blocking(Duration::from_secs(20)));
}

#[agentops::record_tool]
fn count(table: &str) -> usize {
    table.len()
}

/// Checks that the program's call is in the session, and nothing else is.
fn joined(export: &Value) {
    let tools = export["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 1, "{export}");
    assert_eq!(tools[0]["name"], "count");
    assert_eq!(tools[0]["params"]["table"], "users");
    assert_eq!(tools[0]["returns"], 5);
    assert_eq!(export["stats"]["events"], 1);
}

#[test]
fn the_end_of_the_command_is_the_end_of_the_session() {
    for (script, code, state, reason) in [
        ("exit 0", 0, "Success", Value::Null),
        ("exit 3", 3, "Fail", "exit code 3".into()),
        ("exit 255", 255, "Fail", "exit code 255".into()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::of(run_in(dir.path(), &["sh", "-c", script]));
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{}", run.err);
        let export = only_session(dir.path());
        ended(&export, state, reason);
        // What was printed is what `sessions show` prints.
        let id = export["session"]["id"].as_str().unwrap();
        assert_eq!(run.err, on(dir.path(), &["sessions", "show", id]).ok());
    }
}

#[test]
fn a_command_that_is_not_there_or_no_program_is_told_as_shells_do() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let no_program = file.path().to_str().unwrap();
    for (program, code, said) in [
        ("no-such-command", 127, "check its spelling and PATH"),
        ("/no/such/command", 127, "no such file"),
        (no_program, 126, "make it executable"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let message = Run::of(run_in(dir.path(), &[program, "x"])).failed(code);
        assert!(
            message.contains(program) && message.contains(said),
            "{message}"
        );
        let export = only_session(dir.path());
        let reason = message.trim_end().strip_prefix("error: ").unwrap();
        ended(&export, "Fail", reason.into());
    }
}

#[test]
fn a_program_joins_the_session_of_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let options = ["--data-dir", data, "--tag", "nightly", "--tag", "a b"];
    let words = joining();
    let run = Run::of(run(&options, &words.each_ref().map(String::as_str)));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("state     Success\n"), "{}", run.err);
    assert!(run.err.contains("tags      nightly, a b\n"), "{}", run.err);
    assert!(run.err.contains("\ncount "), "{}", run.err);
    let export = only_session(dir.path());
    joined(&export);
    ended(&export, "Success", Value::Null);
}

#[test]
fn a_program_joins_the_session_on_a_server() {
    let (served, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(served.path());
    let words = joining();
    let words = words.each_ref().map(String::as_str);
    // By the option, and by the variable; on this machine no key is needed.
    let by_option = run(&["--endpoint", &server.url, "--tag", "one"], &words);
    let mut by_variable = run(&["--tag", "two"], &words);
    by_variable.env("AGENTOPS_API_ENDPOINT", &server.url);
    for (mut run, tag) in [(by_option, "one"), (by_variable, "two")] {
        run.env("AGENTOPS_DATA_DIR", dir.path());
        let run = Run::of(run);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.err.contains("\ncount "), "{}", run.err);
        let list = ["sessions", "list", "--json", "--endpoint", &server.url];
        let list = Run::of(command(&list)).json();
        assert_eq!(list["sessions"][0]["tags"][0], tag, "{list}");
        let id = list["sessions"][0]["session_id"].as_str().unwrap();
        let export = on(served.path(), &["sessions", "export", id]).json();
        joined(&export);
        ended(&export, "Success", Value::Null);
    }
}

#[test]
fn a_data_directory_that_is_served_is_read_through_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Server::start(dir.path());
    let words = joining();
    let run = Run::of(run_in(dir.path(), &words.each_ref().map(String::as_str)));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("state     Success\n"), "{}", run.err);
    assert!(run.err.contains("\ncount "), "{}", run.err);
    joined(&only_session(dir.path()));
}

#[test]
fn bytes_pass_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..1_000_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    let mut run = run(
        &["--quiet", "--data-dir", dir.path().to_str().unwrap()],
        &["sh", "-c", "cat; printf 'to\\033err' >&2"],
    );
    run.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut run = run.spawn().unwrap();
    let mut stdin = run.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = run.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
    assert_eq!(output.stderr, b"to\x1berr");
}

#[test]
fn the_command_is_told_of_its_own_session_alone() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo \"$AGENTOPS_SESSION_ID|$AGENTOPS_PARENT_ID|$AGENTOPS_API_ENDPOINT|\
                  $AGENTOPS_API_KEY|$AGENTOPS_DATA_DIR|$OTHER\"";
    // Inside another session, which goes elsewhere.
    let mut run = run(&["--data-dir", "data"], &["sh", "-c", script]);
    run.current_dir(dir.path())
        .env("AGENTOPS_SESSION_ID", "outer")
        .env("AGENTOPS_PARENT_ID", "call")
        .env("AGENTOPS_API_ENDPOINT", "http://127.0.0.1:1")
        .env("AGENTOPS_API_KEY", "secret")
        .env("OTHER", "kept");
    let run = Run::of(run);
    assert_eq!(run.code, 0, "{}", run.err);
    let data = dir.path().join("data");
    let export = only_session(&data);
    let id = export["session"]["id"].as_str().unwrap();
    assert_eq!(run.out, format!("{id}||||{}|kept\n", data.display()));
    assert_ne!(id, "outer");
}

#[test]
fn what_hinders_recording_does_not_hinder_the_command() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let run = Run::of(run_in(&file, &["sh", "-c", "echo ran; exit 4"]));
    assert_eq!((run.code, run.out.as_str()), (4, "ran\n"), "{}", run.err);
    assert!(
        run.err
            .starts_with("note: the session cannot be shown now: "),
        "{}",
        run.err
    );

    let mut off = run_in(&dir.path().join("off"), &["sh", "-c", "exit 4"]);
    off.env("AGENTOPS_ENABLED", "false");
    let off = Run::of(off);
    assert_eq!(off.code, 4);
    assert!(off.err.contains("AGENTOPS_ENABLED"), "{}", off.err);
    assert!(!dir.path().join("off").exists());

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut away = self::run(&["--endpoint", &url], &["sh", "-c", "exit 4"]);
    away.env("AGENTOPS_DATA_DIR", dir.path().join("spool"))
        .env("AGENTOPS_FLUSH_TIMEOUT", "200");
    let away = Run::of(away);
    assert_eq!(away.code, 4);
    assert!(
        away.err
            .starts_with(&format!("note: {url} has not taken the whole session")),
        "{}",
        away.err
    );
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    let touch = ["touch", made.to_str().unwrap()];
    for (options, variable, code, said) in [
        (&["--endpoint", "http://10.0.0.1"][..], None, 6, "--api-key"),
        (
            &["--endpoint", "ftp://h", "--api-key", "k"],
            None,
            2,
            "ftp://h",
        ),
        (&[], Some(("AGENTOPS_SAMPLE_RATE", "often")), 2, "often"),
    ] {
        let mut run = run(options, &touch);
        run.env("AGENTOPS_DATA_DIR", dir.path()).envs(variable);
        let message = Run::of(run).failed(code);
        assert!(message.contains(said), "{message}");
        assert!(!made.exists());
    }
    #[cfg(unix)]
    {
        // No variable could tell the command of it.
        let dir: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"/tmp/\xff");
        let mut run = command(&["run", "--data-dir"]);
        run.arg(dir).arg("--").args(touch);
        assert!(Run::of(run).failed(7).contains("UTF-8"));
        assert!(!made.exists());
    }
    let none = Run::of(command(&["run", "--"]));
    assert_eq!(none.code, 2, "{}", none.err);
}
