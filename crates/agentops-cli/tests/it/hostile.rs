//! Recorded text in every field of a session, and nothing of it reaches the terminal as itself.

use std::path::Path;

use agentops_protocol::{EndState, EventBody, EventKind, Json, Status};

use crate::recorded::{Program, event};
use crate::{Run, Server, on};

/// Clears the screen, sets the title, turns the direction, rings, returns, ends with a C1 control
/// and an invisible tag.
const EVIL: &str =
    "x\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{2066}\u{9b}31m\r\u{8}\u{e0041}\u{2028}y";

/// Whether a terminal would act on it instead of showing it. Written anew here: the command's own
/// list is what is tested.
fn is_hostile(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}')
}

fn json() -> Json {
    Json::of(&serde_json::json!({ EVIL: [EVIL, {"deep": EVIL}] })).unwrap()
}

/// A session in which every text is hostile, its id included.
fn record(dir: &Path, id: &str, tail: &str) {
    let mut program = Program::start(dir);
    let text = format!("{EVIL}{tail}");
    let mut session = program.session(id, 0, &[EVIL, &text]);
    session.video = Some(EVIL.to_owned());
    session.host_env = Some(json());
    for (n, kind) in [
        EventKind::Action,
        EventKind::Llm,
        EventKind::Tool,
        EventKind::Error,
    ]
    .into_iter()
    .enumerate()
    {
        let start = i64::try_from(n).unwrap();
        let mut made = event(&format!("{EVIL}{n}"), kind, &text, start, start + 5);
        made.agent_id = Some(EVIL.parse().unwrap());
        made.params = Some(json());
        made.returns = Some(Json::string(&text));
        made.logs = Some(Json::string(EVIL));
        made.status = Status::Unknown(text.clone());
        match &mut made.body {
            EventBody::Action(action) => action.screenshot = Some(EVIL.to_owned()),
            EventBody::Llm(llm) => {
                llm.prompt = Some(Json::string(&text));
                llm.completion = Some(json());
            }
            EventBody::Error(error) => {
                error.trigger_event_id = Some(format!("{EVIL}2").parse().unwrap());
                error.code = Some(Json::string(EVIL));
                error.details = Some(Json::of(&serde_json::json!({ "message": text })).unwrap());
            }
            EventBody::Tool(_) => {}
        }
        program.event(id, &made);
    }
    program.end(session, 60, EndState::Failure, &text);
    program.close();
}

#[test]
fn nothing_recorded_reaches_the_terminal_as_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (format!("one{EVIL}"), format!("two{EVIL}"));
    // Before anything is imported: what lies in the spool.
    record(dir.path(), &one, "1");
    record(dir.path(), &two, "2");
    let status = on(dir.path(), &["spool", "status", "--json"]).json();
    let name = status["directories"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let harmless = |run: Run, words: &[&str]| {
        assert!(
            run.out.contains("owned") || words[0] == "doctor",
            "{words:?}: {} {}",
            run.out,
            run.err
        );
        for text in [&run.out, &run.err] {
            let found = text.chars().find(|c| is_hostile(*c));
            assert_eq!(found, None, "{words:?}: {text:?}");
        }
    };
    for words in [
        &["spool", "inspect", name.as_str()][..],
        &["spool", "inspect", "--json", name.as_str()],
    ] {
        harmless(on(dir.path(), words), words);
    }
    for with_server in [false, true] {
        let _server = with_server.then(|| Server::start(dir.path()));
        for words in [
            &["sessions", "list"][..],
            &["sessions", "list", "--json"],
            &["sessions", "show", "one"],
            &["sessions", "show", &one],
            &["sessions", "show", "--json", "one"],
            &["sessions", "stats", "one"],
            &["sessions", "stats", "--json", "one"],
            &["sessions", "tail", "one"],
            &["sessions", "tail", "--json", "one"],
            &["sessions", "compare", "one", "two"],
            &["sessions", "compare", "--json", "one", "two"],
            &["sessions", "export", "one"],
            &["events"],
            &["events", "--json", "--bodies"],
        ] {
            harmless(on(dir.path(), words), words);
        }
        let unknown = on(dir.path(), &["sessions", "show", &format!("none{EVIL}")]);
        assert_eq!(
            (unknown.code, unknown.err.chars().find(|c| is_hostile(*c))),
            (3, None)
        );
    }
    let gone = on(dir.path(), &["sessions", "delete", "--yes", &one]);
    harmless(gone, &["sessions", "delete"]);
}
