//! With no setting at all, a run is there to be looked at: on the command line, from anywhere, and in a browser.

use agentops_tests::{Home, Run, Server, agentops, program};

use crate::common::{list, local_sessions, new_key, text};

#[test]
fn a_first_program_and_nothing_else() {
    let home = Home::new();
    let nothing = home.agentops(["sessions", "list"]).ok();
    assert!(!nothing.is_empty(), "it says what to do");

    let run = || Run::of(home.command(program!("quickstart")));
    let first = run();
    assert_eq!(
        (first.code, first.out.as_str()),
        (Some(0), ""),
        "{}",
        first.err
    );
    let sessions = local_sessions(&home, &home.data_dir());
    assert_eq!(sessions.len(), 1);
    let id = text(&sessions[0], "session_id").to_owned();
    assert_eq!(sessions[0]["end_state"], "Success");

    let elsewhere = home.dir("somewhere/else");
    let command = |words: &[&str]| {
        let mut command = home.command(agentops());
        command.args(words).current_dir(&elsewhere);
        Run::of(command).ok()
    };
    assert!(command(&["sessions", "list"]).contains(&id[..8]));
    let shown = command(&["sessions", "show", &id]);
    for word in [&*id, "answer", "look_up", "gpt-4", "quickstart", "Success"] {
        assert!(shown.contains(word), "no {word}:\n{shown}");
    }
    assert_eq!(run().code, Some(0));
    let sessions = local_sessions(&home, &home.data_dir());
    assert_eq!(sessions.len(), 2);
    // The newest is first.
    assert_eq!(sessions[1]["session_id"], id.as_str());

    served(
        &home,
        &sessions
            .iter()
            .map(|row| text(row, "session_id"))
            .collect::<Vec<_>>(),
    );
}

/// A server over the same directory shows the sessions without a login or a script.
fn served(home: &Home, ids: &[&str]) {
    let server = Server::over(&home.data_dir());
    let rest = server.rest(&new_key());
    let page = |path: &str| {
        let answer = rest.send("GET", path, &[], "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/html"), "{kind}");
        answer.text()
    };
    let start = page("/");
    for id in ids {
        let link = format!("href=\"/sessions/{id}\"");
        assert!(start.contains(&link), "no {link}:\n{start}");
        let session = page(&format!("/sessions/{id}"));
        for word in ["answer", "look_up", "gpt-4"] {
            assert!(session.contains(word), "no {word}:\n{session}");
        }
        let chat = page(&format!("/sessions/{id}?tab=chat"));
        let asked = "How many people live in Cologne?";
        assert!(chat.contains(asked), "no {asked}:\n{chat}");
        let export = rest.export(id);
        assert_eq!(list(&export, "actions").len(), 1);
        assert_eq!(export["stats"]["cost"], "0.00930");
    }
    // While it serves, the command reads through it, and a program goes on recording.
    assert_eq!(local_sessions(home, &home.data_dir()).len(), 2);
    let third = Run::of(home.command(program!("quickstart")));
    assert_eq!(third.code, Some(0), "{}", third.err);
    agentops_tests::wait_for("the third session", agentops_tests::PATIENCE, || {
        (local_sessions(home, &home.data_dir()).len() == 3).then_some(())
    });
}
