//! `agentops run` and signals: to the command, to this process, to both; and sudden ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::run::{ended, only_session, run_in};
use crate::{Run, on};

/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shell script that traps as it says, tells that it is ready, and goes on until then.
fn waiting(trap: &str) -> String {
    format!("{trap}; echo ready; while :; do sleep 0.05; done")
}

/// A run in a process group of its own, whose command has said its first line.
struct Running {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(dir: &Path, script: &str) -> Self {
        let mut command = run_in(dir, &["sh", "-c", script]);
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { process, out }
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    fn code(mut self) -> i32 {
        let status = self.process.wait().unwrap();
        status.code().expect("it ended by itself")
    }
}

#[test]
fn a_signal_that_ends_the_command_is_the_reason() {
    for (signal, code, reason) in [
        ("TERM", 143, "Signal SIGTERM detected"),
        ("INT", 130, "Signal SIGINT detected"),
        ("KILL", 137, "killed by SIGKILL"),
        ("ABRT", 134, "killed by SIGABRT"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("ulimit -c 0; kill -{signal} $$");
        let run = Run::of(run_in(dir.path(), &["sh", "-c", &script]));
        assert_eq!(run.code, code, "{}", run.err);
        assert!(
            run.err.contains(&format!("state     Fail: {reason}\n")),
            "{}",
            run.err
        );
        ended(&only_session(dir.path()), "Fail", reason.into());
    }
}

#[test]
fn an_interrupt_of_both_lets_the_command_clean_up() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &waiting("trap 'echo clean; exit 7' INT"));
    kill_process_group(running.id(), Signal::INT).unwrap();
    let Running {
        mut process,
        mut out,
    } = running;
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "clean\n");
    assert_eq!(process.wait().unwrap().code(), Some(7));
    ended(&only_session(dir.path()), "Fail", "exit code 7".into());
}

#[test]
fn what_is_sent_to_this_process_alone_is_passed_on() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::HUP, "HUP"),
        (Signal::USR1, "USR1"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let trap = format!("trap 'exit 9' {name}");
        let running = Running::start(dir.path(), &waiting(&trap));
        kill_process(running.id(), signal).unwrap();
        assert_eq!(running.code(), 9, "{name}");
        ended(&only_session(dir.path()), "Fail", "exit code 9".into());
    }
    // A command that does not listen ends by it.
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &waiting(":"));
    kill_process(running.id(), Signal::TERM).unwrap();
    assert_eq!(running.code(), 143);
    let reason = "Signal SIGTERM detected".into();
    ended(&only_session(dir.path()), "Fail", reason);
}

#[test]
fn both_stop_and_go_on_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = Running::start(dir.path(), "echo ready; read line; echo $line; exit 6");
    kill_process_group(running.id(), Signal::STOP).unwrap();
    // Waking this process alone wakes the command: it reads on, and its end is seen.
    kill_process(running.id(), Signal::CONT).unwrap();
    let mut stdin = running.process.stdin.take().unwrap();
    stdin.write_all(b"awake\n").unwrap();
    let mut line = String::new();
    running.out.read_line(&mut line).unwrap();
    assert_eq!(line, "awake\n");
    assert_eq!(running.code(), 6);
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_stops_itself_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let run = run_in(dir.path(), &["sh", "-c", "kill -STOP $$; exit 6"]);
    let words: Vec<_> = [run.get_program()]
        .into_iter()
        .chain(run.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    // An interactive shell on a terminal of its own, as `script` makes one.
    let mut shell = std::process::Command::new("script");
    shell
        .args(["-qec", "bash --norc --noprofile -i", "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for (name, value) in run.get_envs() {
        assert!(value.is_none(), "variables are only taken away");
        shell.env_remove(name);
    }
    let mut shell = shell.spawn().unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    // Quoted, so that what bash echoes of them is not what they print.
    let lines = format!(
        "{}\necho stop\"ped\" $?\nfg\necho en\"ded\" $?\nexit\n",
        words.join(" ")
    );
    stdin.write_all(lines.as_bytes()).unwrap();
    let mut said = String::new();
    let mut out = shell.stdout.take().unwrap();
    out.read_to_string(&mut said).unwrap();
    shell.wait().unwrap();
    assert!(said.contains("\nstopped 1"), "{said}");
    assert!(said.contains("\nended 6"), "{said}");
    ended(&only_session(dir.path()), "Fail", "exit code 6".into());
}

#[cfg(target_os = "linux")]
#[test]
fn an_ignored_signal_stays_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let script = "kill -HUP $$; kill -HUP $PPID; exit 5";
    let inner = run_in(dir.path(), &["sh", "-c", script]);
    // As `nohup` does it.
    let mut outer = std::process::Command::new("sh");
    outer.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    outer.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        assert!(value.is_none(), "variables are only taken away");
        outer.env_remove(name);
    }
    let run = Run::of(outer);
    assert_eq!(run.code, 5, "{}", run.err);
    ended(&only_session(dir.path()), "Fail", "exit code 5".into());
}

#[test]
fn a_run_is_seen_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = Running::start(dir.path(), "echo ready; read line; exit 0");
    let status = || {
        let list = on(dir.path(), &["sessions", "list", "--json"]).json();
        list["sessions"][0]["status"].clone()
    };
    let begun = Instant::now();
    while status() != "running" {
        assert!(begun.elapsed() < PATIENCE, "{}", status());
        std::thread::yield_now();
    }
    drop(running.process.stdin.take());
    assert_eq!(running.code(), 0);
    ended(&only_session(dir.path()), "Success", Value::Null);
}

#[test]
fn the_command_outlives_a_run_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let proof = dir.path().join("proof");
    let script = format!("echo ready; read line; echo $line > '{}'", proof.display());
    let mut running = Running::start(&dir.path().join("data"), &script);
    let mut stdin = running.process.stdin.take().unwrap();
    kill_process(running.id(), Signal::KILL).unwrap();
    assert_eq!(running.process.wait().unwrap().code(), None);
    let export = only_session(&dir.path().join("data"));
    let reason = "process ended without ending the session".into();
    ended(&export, "Indeterminate", reason);
    // It still waits for its line, and goes on.
    stdin.write_all(b"alive\n").unwrap();
    let begun = Instant::now();
    while std::fs::read_to_string(&proof).unwrap_or_default() != "alive\n" {
        assert!(begun.elapsed() < PATIENCE, "the command is gone");
        std::thread::yield_now();
    }
}
