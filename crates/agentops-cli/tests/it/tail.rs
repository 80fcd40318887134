//! `agentops sessions tail`, beside programs that record and servers that come and go.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use agentops_protocol::{EndState, EventKind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::recorded::{ID, Program, TWIN, event, quiet_run};
use crate::{Server, command};

/// How long something that must come may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `tail` and what it prints.
struct Tail {
    process: Child,
    lines: Receiver<String>,
    notes: Receiver<String>,
}

impl Tail {
    fn start(dir: &Path, words: &[&str]) -> Self {
        let mut command = command(&["sessions", "tail"]);
        command.args(words).arg("--data-dir").arg(dir);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(process.stdout.take().unwrap());
        let notes = lines_of(process.stderr.take().unwrap());
        Self {
            process,
            lines,
            notes,
        }
    }

    /// The next line that has this in it.
    fn line(&self, part: &str) -> String {
        next(&self.lines, part)
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end; the code.
    fn code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(from: ChildStdout) -> Receiver<String> {
    lines_of(from)
}

fn lines_of(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn next(lines: &Receiver<String>, part: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) if line.contains(part) => return line,
            Ok(line) => seen.push(line),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                panic!("{part:?} did not come, but {seen:#?}")
            }
        }
    }
}

#[test]
fn a_session_is_followed_from_call_to_call_until_it_ends() {
    for with_server in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut program = Program::start(dir.path());
        let session = program.session(ID, 0, &[]);
        program.commit();
        let _server = with_server.then(|| Server::start(dir.path()));
        // The server brings in what was recorded a little later.
        let mut tail = Tail::start(dir.path(), &[]);
        tail.line("begins");
        let mut call = event("plan", EventKind::Action, "plan", 0, 900);
        call.end_timestamp = None;
        call.status = agentops_protocol::Status::Running;
        program.open(ID, &call);
        program.commit();
        tail.line("running");
        let mut inner = event("t", EventKind::Tool, "search\u{1b}]0;title\u{7}", 10, 20);
        inner.parent_id = Some(call.id.clone());
        program.event(ID, &inner);
        program.commit();
        let line = tail.line("search");
        assert!(
            line.contains("  search\\u{1b}]0;title\\u{7}"),
            "indented and harmless: {line:?}"
        );
        program.event(ID, &event("plan", EventKind::Action, "plan", 0, 900));
        program.commit();
        let line = tail.line("plan");
        assert!(
            line.contains("900 ms") && !line.contains("running"),
            "{line}"
        );
        program.end(session, 1_000, EndState::Success, "answered");
        program.commit();
        let line = tail.line("ended");
        assert!(
            line.contains("ended: Success, answered, 2 events"),
            "{line}"
        );
        tail.signal(Signal::INT);
        assert_eq!(tail.code(), Some(130), "SIGINT, as documented");
        program.close();
    }
}

#[test]
fn one_session_is_followed_to_its_end_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = Program::start(dir.path());
    let session = program.session(ID, 0, &[]);
    for n in 0..30 {
        program.event(
            ID,
            &event(&format!("old-{n}"), EventKind::Tool, "old", n, n + 1),
        );
    }
    program.commit();
    let mut tail = Tail::start(dir.path(), &["6dca2baa", "--json", "--last", "3"]);
    let next = |part: &str| -> Value { serde_json::from_str(&tail.line(part)).unwrap() };
    assert_eq!(next("session")["session"]["id"], ID);
    assert_eq!(next("event")["event"]["id"], "old-27", "the last three");
    assert_eq!(next("old-29")["event"]["session_id"], ID);
    // What happens in other sessions is not told.
    quiet_run(dir.path(), "another-session", 0);
    program.event(ID, &event("new", EventKind::Tool, "new", 50, 51));
    program.commit();
    let came = next("event");
    assert_eq!(came["event"]["id"], "new");
    program.end(session, 60, EndState::Failure, "broke");
    program.close();
    assert_eq!(next("\"session\"")["session"]["end_state"], "Fail");
    assert_eq!(tail.code(), Some(0), "the session ended");
}

#[test]
fn a_server_that_restarts_is_found_again_and_nothing_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut tail = Tail::start(dir.path(), &["--json"]);
    let mut program = Program::start(dir.path());
    let session = program.session(ID, 0, &[]);
    program.event(ID, &event("before", EventKind::Tool, "before", 0, 1));
    program.commit();
    tail.line("before");
    drop(server);
    next(&tail.notes, "looking for it again");
    // Recorded while no server runs: the directory itself is followed, or the next server.
    program.event(ID, &event("between", EventKind::Tool, "between", 2, 3));
    program.commit();
    tail.line("between");
    let _server = Server::start(dir.path());
    program.event(ID, &event("after", EventKind::Tool, "after", 4, 5));
    program.end(session, 60, EndState::Success, "done");
    program.close();
    tail.line("after");
    tail.signal(Signal::TERM);
    assert_eq!(tail.code(), Some(143), "SIGTERM, as documented");
    let rest: Vec<String> = tail.lines.try_iter().collect();
    let again = |word: &str| {
        rest.iter()
            .any(|line| line.contains(&format!("\"{word}\"")))
    };
    assert!(
        !again("before") && !again("between"),
        "nothing is told twice: {rest:#?}"
    );
}

#[test]
fn a_directory_in_which_nothing_is_yet_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut tail = Tail::start(dir.path(), &[]);
    quiet_run(dir.path(), TWIN, 0);
    tail.line("step");
    tail.signal(Signal::INT);
    assert_eq!(tail.code(), Some(130));
    let mut tail = Tail::start(dir.path(), &["nobody"]);
    assert_eq!(tail.code(), Some(3));
    next(&tail.notes, "`agentops sessions list`");
}

#[test]
fn whoever_stops_reading_ends_it_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = Program::start(dir.path());
    let _session = program.session(ID, 0, &[]);
    program.commit();
    let mut command = command(&["sessions", "tail", "--data-dir"]);
    command
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    drop(process.stdout.take());
    let notes = lines_of(process.stderr.take().unwrap());
    let mut tail = Tail {
        process,
        lines: channel().1,
        notes,
    };
    let mut count = 0;
    while tail.process.try_wait().unwrap().is_none() {
        count += 1;
        let id = format!("e-{count}");
        program.event(ID, &event(&id, EventKind::Tool, "more", count, count + 1));
        program.commit();
        // It has nothing to say meanwhile.
        assert!(tail.notes.recv_timeout(Duration::from_millis(20)).is_err());
        assert!(count < 1_500, "it does not end");
    }
    assert_eq!(tail.code(), Some(0));
    assert_eq!(tail.notes.iter().collect::<Vec<_>>(), Vec::<String>::new());
}
