//! Looking at what was recorded: events, counts, comparing, taking away.

use serde_json::Value;

use crate::recorded::{ID, TWIN, failing_run, quiet_run};
use crate::{Run, Server, command, on};

/// The same question to the directory and to a server that has it.
fn both(words: &[&str], check: impl Fn(Run)) {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    quiet_run(dir.path(), TWIN, 60_000);
    check(on(dir.path(), words));
    let _server = Server::start(dir.path());
    check(on(dir.path(), words));
}

#[test]
fn events_are_filtered_by_kind_name_model_and_failure() {
    let names = |run: Run| -> Vec<String> {
        let list = run.json();
        let name = |event: &Value| {
            let members = ["action_type", "model", "name", "error_type"];
            let name = members.iter().find_map(|name| event[*name].as_str());
            name.unwrap_or_default().to_owned()
        };
        list["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect()
    };
    let search = "search\u{7}\u{202e}";
    for (words, expected) in [
        (&["--kind", "tools"][..], &[search][..]),
        (&["--model", "gpt-4"], &["gpt-4"]),
        (&["--name", "plan"], &["plan"]),
        (&["--failed"], &["SearchError", search]),
        (&["--from", "2024-03-14T12:00:30Z"], &["step"]),
        (&["--to", "2024-03-14"], &[]),
        (&["--limit", "1"], &["step"]),
    ] {
        both(&[&["events", "--json"], words].concat(), |run| {
            assert_eq!(names(run), expected, "{words:?}");
        });
    }
    both(&["events", "--json"], |run| {
        let list = run.json();
        assert!(
            list["events"][4]["params"].is_null(),
            "no bodies unless asked for"
        );
        assert!(list["next_cursor"].is_null());
    });
    both(
        &["events", "--json", "--bodies", "--kind", "actions"],
        |run| {
            assert_eq!(
                run.json()["events"][1]["params"]["goal"],
                "a\u{1b}[31m\u{202e}b"
            );
        },
    );
    both(&["events", "--from", "yesterday"], |run| {
        assert!(run.failed(2).contains("2024-03-14T12:00:00Z"));
    });
}

#[test]
fn counts_are_the_same_from_a_directory_and_a_server() {
    both(&["sessions", "stats", "6dca2baa-5", "--json"], |run| {
        let stats = run.json();
        assert_eq!(
            (&stats["session_id"], &stats["events"]),
            (&ID.into(), &4.into())
        );
        assert_eq!(stats["cost"], "0.00930");
    });
    both(&["sessions", "stats", ID], |run| {
        let text = run.ok();
        assert!(
            text.contains("gpt-4") && text.contains("150 prompt, 80 completion"),
            "{text}"
        );
    });
}

#[test]
fn sessions_are_taken_away_when_somebody_says_so() {
    for with_server in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        failing_run(dir.path());
        quiet_run(dir.path(), TWIN, 0);
        let _server = with_server.then(|| Server::start(dir.path()));
        let message = on(dir.path(), &["sessions", "delete", ID]).failed(2);
        assert!(message.contains("--yes"), "{message}");
        // All or none: the second one does not exist, and beginnings are not enough.
        let message = on(dir.path(), &["sessions", "delete", "--yes", ID, "nobody"]).failed(3);
        assert!(message.contains("nobody"), "{message}");
        on(dir.path(), &["sessions", "delete", "--yes", "6dca2baa-5"]).failed(3);
        on(dir.path(), &["sessions", "stats", ID]).ok();
        let gone = on(dir.path(), &["sessions", "delete", "--yes", "--json", ID]).json();
        assert_eq!(gone["deleted"][0], ID);
        on(dir.path(), &["sessions", "stats", ID]).failed(3);
        on(dir.path(), &["sessions", "stats", TWIN]).ok();
        let list = on(dir.path(), &["sessions", "list", "--json"]).json();
        assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_baseline_in_a_file_is_followed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    quiet_run(dir.path(), TWIN, 0);
    let file = dir.path().join("baseline.json");
    std::fs::write(&file, on(dir.path(), &["sessions", "export", ID]).ok()).unwrap();
    let file = file.to_str().unwrap();
    let same = on(dir.path(), &["sessions", "compare", "--baseline", file, ID]);
    assert!(same.ok().ends_with("both did the same\n"));
    let differs = on(
        dir.path(),
        &["sessions", "compare", "--baseline", file, TWIN],
    );
    assert_eq!((differs.code, differs.err.as_str()), (1, ""));
    assert!(
        differs.out.contains("parts  at plan: only in a"),
        "{}",
        differs.out
    );
    // Without --baseline a difference is an answer, not a failure.
    let found = on(dir.path(), &["sessions", "compare", "--json", ID, TWIN]).json();
    assert_eq!(found["rows_by"]["only_b"], 1);
    assert_eq!(found["rows"][0]["a"]["name"], "plan");
    // Files need no directory and no server.
    let run = Run::of(command(&[
        "sessions",
        "compare",
        file,
        file,
        "--endpoint",
        "http://127.0.0.1:1",
    ]));
    assert!(run.ok().contains("both did the same"));
    let message = on(dir.path(), &["sessions", "compare", "./none.json", ID]).failed(1);
    assert!(message.contains("./none.json"), "{message}");
    std::fs::write(dir.path().join("no.json"), "[]").unwrap();
    let no = dir.path().join("no.json");
    let message = on(
        dir.path(),
        &["sessions", "compare", no.to_str().unwrap(), ID],
    )
    .failed(1);
    assert!(message.contains("no export"), "{message}");
}

#[test]
fn a_comparison_is_the_servers_own() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    quiet_run(dir.path(), TWIN, 0);
    let here = on(dir.path(), &["sessions", "compare", "--json", ID, TWIN]).json();
    let _server = Server::start(dir.path());
    let there = on(dir.path(), &["sessions", "compare", "--json", ID, TWIN]).json();
    assert_eq!(here, there);
}

#[test]
fn show_reads_no_more_than_it_shows() {
    both(&["sessions", "show", "--limit", "2", ID], |run| {
        let text = run.ok();
        assert!(
            text.contains("events    4: 1 action, 1 LLM call, 1 tool call, 1 error"),
            "{text}"
        );
        assert!(
            text.ends_with("… and 2 more; --limit 4 shows all, export has everything\n"),
            "{text}"
        );
        assert!(
            text.contains("gpt-4") && !text.contains("SearchError"),
            "{text}"
        );
    });
}

#[test]
fn completions_name_every_command() {
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef agentops"),
        ("fish", "complete -c agentops"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = Run::of(command(&["completions", shell])).ok();
        for word in [mark, "doctor", "spool", "compare", "baseline"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    Run::of(command(&["completions", "tcsh"])).failed(2);
}

#[test]
fn colours_are_forced_and_forbidden_by_variables() {
    let dir = tempfile::tempdir().unwrap();
    failing_run(dir.path());
    let shown = |vars: &[(&str, &str)]| {
        let mut command = command(&["sessions", "show", ID, "--data-dir"]);
        command.arg(dir.path()).envs(vars.iter().copied());
        Run::of(command).ok()
    };
    assert!(!shown(&[]).contains('\u{1b}'));
    let forced = ("CLICOLOR_FORCE", "1");
    assert!(shown(&[forced]).contains("\u{1b}[31m"));
    assert!(!shown(&[forced, ("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!shown(&[("CLICOLOR_FORCE", "0")]).contains('\u{1b}'));
}
