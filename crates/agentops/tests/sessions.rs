//! `#[session]` on functions, and calls that name their session or agent: read back from the spool.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use agentops::{Agent, Config, EndState, Session, SessionOptions};
use serde_json::Value;

/// The data directory of this process's tests, each of which has sessions of its own.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| tempfile::tempdir().expect("a directory").keep())
}

fn config() -> Config {
    Config::new().data_dir(directory())
}

/// The bodies of the spool's lines of one kind of operation.
fn spooled(op: &str) -> Vec<Value> {
    let mut bodies = Vec::new();
    let Ok(writers) = std::fs::read_dir(directory().join("spool")) else {
        return bodies;
    };
    let files = writers.flat_map(|writer| {
        std::fs::read_dir(writer.expect("an entry").path()).expect("a directory")
    });
    for file in files.map(|file| file.expect("an entry").path()) {
        if file
            .extension()
            .is_some_and(|extension| extension == "ndjson")
        {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            bodies.extend(lines.filter(|line| line["op"] == op));
        }
    }
    bodies
}

/// Waits for a line that says so, with a deadline.
fn wait_for(op: &str, what: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(line) = spooled(op).into_iter().find(|line| what(line)) {
            return line;
        }
        assert!(
            Instant::now() < deadline,
            "not in the spool: {:#?}",
            spooled(op)
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn end_of(session: &str) -> Value {
    wait_for("update", |line| {
        line["sid"] == session && line["body"]["end_state"].is_string()
    })["body"]
        .clone()
}

/// The session whose event of this name was recorded.
fn session_of(name: &str) -> String {
    let is_it = |line: &Value| line["body"]["name"] == name || line["body"]["action_type"] == name;
    wait_for("event", is_it)["sid"]
        .as_str()
        .expect("an id")
        .to_owned()
}

#[test]
fn each_call_of_a_function_is_a_session_that_ends_as_the_call_does() {
    #[agentops::session(tags = ["handler"], config = config())]
    fn handle(request: &str) -> Result<usize, String> {
        #[agentops::record_tool]
        fn good_step() {}
        #[agentops::record_tool]
        fn bad_step() {}
        if request.is_empty() {
            bad_step();
            return Err("empty request".to_owned());
        }
        good_step();
        Ok(request.len())
    }
    assert_eq!(handle("abc"), Ok(3));
    assert!(handle("").is_err());
    let (good, bad) = (session_of("good_step"), session_of("bad_step"));
    assert_ne!(good, bad);
    assert_eq!(end_of(&good)["end_state"], "Success");
    let end = end_of(&bad);
    assert_eq!(
        (&end["end_state"], &end["end_state_reason"]),
        (&"Fail".into(), &"empty request".into())
    );
}

#[tokio::test]
async fn an_async_function_may_fail_by_exit_code_panic_or_be_cancelled() {
    #[agentops::session(config = config())]
    async fn handle(what: u8) -> ExitCode {
        match what {
            0 => step_of_code(),
            1 => step_of_panic(),
            _ => step_of_drop(),
        }
        tokio::task::yield_now().await;
        match what {
            0 => return ExitCode::from(3),
            1 => panic!("no tea"),
            _ => std::future::pending::<()>().await,
        }
        ExitCode::SUCCESS
    }
    #[agentops::record_action]
    fn step_of_code() {}
    #[agentops::record_action]
    fn step_of_panic() {}
    #[agentops::record_action]
    fn step_of_drop() {}
    assert_eq!(handle(0).await, ExitCode::from(3));
    assert!(tokio::spawn(handle(1)).await.is_err());
    assert!(
        tokio::time::timeout(Duration::from_millis(20), handle(2))
            .await
            .is_err()
    );
    let end = end_of(&session_of("step_of_code"));
    assert_eq!(
        (&end["end_state"], &end["end_state_reason"]),
        (&"Fail".into(), &"exit code 3".into())
    );
    let end = end_of(&session_of("step_of_panic"));
    assert_eq!(end["end_state"], "Fail");
    let reason = end["end_state_reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("panicked at ") && reason.ends_with(": no tea"),
        "{reason}"
    );
    let end = end_of(&session_of("step_of_drop"));
    assert_eq!(
        (&end["end_state"], &end["end_state_reason"]),
        (&"Indeterminate".into(), &"cancelled".into())
    );
}

#[test]
fn a_call_may_name_its_session_and_its_agent() {
    struct Worker {
        session: Session,
        agent: Agent,
    }
    impl Worker {
        #[agentops::record_tool(session = self.session, agent = &self.agent)]
        fn named(&self, value: u8) -> u8 {
            nested(value)
        }
    }
    #[agentops::record_action]
    fn nested(value: u8) -> u8 {
        value
    }
    let session = agentops::start_session(SessionOptions::new().config(config()));
    let worker = Worker {
        agent: session.create_agent("Worker"),
        session: session.clone(),
    };
    assert_eq!(worker.named(5), 5);
    let ended = session.end(EndState::Success).wait();
    assert!(ended.delivered);
    assert_eq!((ended.stats.tools, ended.stats.actions), (1, 1));
    let tool = wait_for("event", |line| line["body"]["name"] == "named");
    let action = wait_for("event", |line| line["body"]["action_type"] == "nested");
    assert_eq!(tool["sid"], session.id());
    assert_eq!(action["sid"], session.id());
    assert_eq!(action["body"]["parent_id"], tool["body"]["id"]);
    assert_eq!(tool["body"]["agent_id"], worker.agent.id().to_string());
    assert_eq!(action["body"]["agent_id"], tool["body"]["agent_id"]);
    // The session has ended: a call that names it runs and is not recorded elsewhere.
    assert_eq!(worker.named(6), 6);
}
