//! A data directory that no server has open.

use std::path::Path;

use expect_test::expect;
use serde_json::Value;

use crate::recorded::{ID, Program, TWIN, failing_run, quiet_run};
use crate::{Run, command, on};

fn is_calm(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || c == '\n') && !text.contains(['\u{202e}', '\u{9b}'])
}

#[test]
fn a_failing_run_is_shown_as_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    let shown = on(dir.path(), &["sessions", "show", ID]).ok();
    expect![[r#"
        session   6dca2baa-5fba-486e-a617-97ff5da1bcd3
        state     Fail: tool broke\u{1b}[0m
        started   2024-03-14 12:00:00 UTC
        duration  2.00 s
        tags      research, v2\u{1b}[2J
        cost      $0.00930
        tokens    150 prompt, 80 completion
        events    4: 1 action, 1 LLM call, 1 tool call, 1 error

        plan                   action ███████████████     1.90 s
        ├─ gpt-4               llm    ███████             800 ms 150+80 tok $0.00930
        └─ search\u{7}\u{202e} tool           █            12 ms error
           └─ SearchError      error  no route\nto \u{1b}]0;host
    "#]]
    .assert_eq(&shown);
    assert!(is_calm(&shown));
    // Imported now; it looks the same from the database.
    assert_eq!(on(dir.path(), &["sessions", "show", ID]).ok(), shown);
    let cut = on(dir.path(), &["sessions", "show", ID, "--limit", "1"]).ok();
    assert!(
        cut.ends_with("… and 3 more; --limit 4 shows all, export has everything\n"),
        "{cut}"
    );
}

#[test]
fn sessions_are_listed_newest_first_and_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    quiet_run(dir.path(), TWIN, 60_000);
    let listed = on(dir.path(), &["sessions", "list"]).ok();
    expect![[r#"
        session                              started (UTC)       duration  state   events errs  cost
        6dca2baa-0000-4000-8000-000000000000 2024-03-14 12:01:00 10 ms     Success      1    0  $0.00
        6dca2baa-5fba-486e-a617-97ff5da1bcd3 2024-03-14 12:00:00 2.00 s    Fail         4    1  $0.00930  research, v2\u{1b}[2J
    "#]].assert_eq(&listed);
    assert!(is_calm(&listed));

    let ids = |list: &Value| -> Vec<String> {
        let sessions = list["sessions"].as_array().unwrap().iter();
        sessions
            .map(|session| session["session_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = on(dir.path(), &["sessions", "list", "--json"]).json();
    assert_eq!(ids(&all), [TWIN, ID]);
    assert_eq!(all["next_cursor"], Value::Null);
    let first = on(dir.path(), &["sessions", "list", "--json", "--limit", "1"]).json();
    assert_eq!(ids(&first), [TWIN]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = [
        "sessions", "list", "--json", "--limit", "1", "--cursor", cursor,
    ];
    let rest = on(dir.path(), &rest).json();
    assert_eq!(ids(&rest), [ID]);
    assert_eq!(rest["next_cursor"], Value::Null);
    assert_eq!(rest["sessions"][0], all["sessions"][1]);
}

#[test]
fn an_export_is_whole_exact_and_calm() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    let text = on(dir.path(), &["sessions", "export", ID]).ok();
    assert!(is_calm(&text), "nothing in it moves the cursor");
    let export: Value = serde_json::from_str(&text).unwrap();
    let session = &export["session"];
    assert_eq!(
        (&session["id"], &session["session_id"]),
        (&ID.into(), &ID.into())
    );
    assert_eq!(session["end_state"], "Fail");
    assert_eq!(session["end_state_reason"], "tool broke\u{1b}[0m");
    assert_eq!(session["tags"][1], "v2\u{1b}[2J");
    let count = |list: &str| export[list].as_array().unwrap().len();
    assert_eq!(
        ["actions", "llms", "tools", "errors"].map(count),
        [1, 1, 1, 1]
    );
    assert_eq!(
        export["actions"][0]["params"]["goal"],
        "a\u{1b}[31m\u{202e}b"
    );
    assert!(
        text.contains("1.7925780329309182e+121"),
        "numbers keep their digits: {text}"
    );
    assert_eq!(
        export["llms"][0]["prompt"]["string"],
        "\u{9b}31m and \u{7f}"
    );
    assert_eq!(export["llms"][0]["parent_id"], "plan");
    assert_eq!(export["tools"][0]["name"], "search\u{7}\u{202e}");
    assert_eq!(export["errors"][0]["trigger_event_id"], "tool");
    assert_eq!(export["stats"]["cost"], "0.00930");
    assert_eq!(export["stats"]["prompt_tokens"], 150);

    for same in [
        ["sessions", "export", ID, "--json"],
        ["sessions", "show", ID, "--json"],
    ] {
        assert_eq!(on(dir.path(), &same).ok(), text);
    }
}

#[test]
fn the_beginning_of_an_id_is_enough_when_only_one_fits() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    quiet_run(dir.path(), TWIN, 60_000);
    let export = on(dir.path(), &["sessions", "export", "6dca2baa-5"]).json();
    assert_eq!(export["session"]["id"], ID);
    let message = on(dir.path(), &["sessions", "show", "6dca2baa"]).failed(4);
    assert!(message.contains(ID) && message.contains(TWIN), "{message}");
    // A whole id is itself, though another one goes on from it.
    quiet_run(dir.path(), "6dca", 0);
    let export = on(dir.path(), &["sessions", "export", "6dca"]).json();
    assert_eq!(export["session"]["id"], "6dca");
}

#[test]
fn any_directory_to_work_in_and_any_id_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let id = "a/b c?#é/..";
    quiet_run(&dir.path().join("data"), id, 0);
    let mut relative = command(&["sessions", "export", id, "--data-dir", "data"]);
    relative.current_dir(dir.path());
    let relative = Run::of(relative).json();
    let absolute = on(&dir.path().join("data"), &["sessions", "export", id]).json();
    assert_eq!(relative, absolute);
    assert_eq!(relative["session"]["id"], id);
}

fn check_empty(dir: &Path) {
    let listed = on(dir, &["sessions", "list"]).ok();
    assert!(
        listed.starts_with(&format!("no sessions in {}\n", dir.display())),
        "{listed}"
    );
    assert!(listed.contains("#[agentops::session]"));
    let listed = on(dir, &["sessions", "list", "--json"]).ok();
    assert_eq!(listed, "{\"sessions\":[],\"next_cursor\":null}\n");
    let message = on(dir, &["sessions", "show", "x"]).failed(3);
    assert!(message.contains("`agentops sessions list`"), "{message}");
}

#[test]
fn an_empty_or_missing_directory_teaches_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    check_empty(dir.path());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let missing = dir.path().join("not/there");
    check_empty(&missing);
    assert!(!missing.exists());
}

#[test]
fn a_living_program_is_seen_while_it_records() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = Program::start(dir.path());
    program.session(ID, 0, &["live"]);
    program.commit();
    let list = on(dir.path(), &["sessions", "list", "--json"]).json();
    assert_eq!(list["sessions"][0]["status"], "running");
    assert_eq!(list["sessions"][0]["tags"][0], "live");
    let shown = on(dir.path(), &["sessions", "show", ID]).ok();
    assert!(shown.contains("state     running\n"), "{shown}");
    // Dead without a word, it is ended for it.
    drop(program);
    let shown = on(dir.path(), &["sessions", "show", ID]).ok();
    let why = "state     Indeterminate: process ended without ending the session\n";
    assert!(shown.contains(why), "{shown}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    use std::process::Stdio;

    let dir = tempfile::tempdir().unwrap();
    let mut program = Program::start(dir.path());
    let session = program.session(ID, 0, &[]);
    for n in 0..200 {
        let mut event = crate::recorded::event(
            &n.to_string(),
            agentops_protocol::EventKind::Action,
            "a",
            0,
            1,
        );
        event.logs = Some(agentops_protocol::Json::string(&"x".repeat(2_000)));
        program.event(ID, &event);
    }
    program.end(session, 2, agentops_protocol::EndState::Success, "");
    program.close();
    for words in [["sessions", "export", ID], ["sessions", "show", ID]] {
        let mut command = command(&words);
        command.arg("--data-dir").arg(dir.path());
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(process.stdout.take());
        let output = process.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert_eq!(output.status.code(), Some(0));
    }
}
