//! What programs on this machine left in the spool.

use std::path::Path;

use agentops_server::{import_once, store_options};
use agentops_spool::{Ack, Header, Op, Spool, Writer};
use agentops_store::{Ingest as _, Query as _, SqliteStore};
use serde_json::{Value, json};

use crate::client::{KEY, Server, key, wait_for};

pub(crate) fn writer(data_dir: &Path, number: u64) -> Writer {
    Spool::at(data_dir)
        .create(Header::new("test", 7), 1_700_000_000_000 + number, || {
            number
        })
        .unwrap()
}

pub(crate) fn append(writer: &mut Writer, op: Op, sid: &str, body: &Value) {
    writer.append(op, sid, body.to_string().as_bytes()).unwrap();
}

fn session(sid: &str) -> Value {
    json!({"session": {"id": sid, "session_id": sid, "init_timestamp": "2024-03-14T12:00:00.000000+00:00", "tags": ["local"]}})
}

fn event(id: &str, end: Option<&str>) -> Value {
    json!({
        "id": id, "event_type": "tools", "parent_id": null, "agent_id": null, "name": "search",
        "init_timestamp": "2024-03-14T12:00:01.000000+00:00", "end_timestamp": end,
        "status": if end.is_some() { "ok" } else { "running" },
        "params": {"q": id}, "returns": end.map(|_| 7), "logs": null
    })
}

const END: Option<&str> = Some("2024-03-14T12:00:02.000000+00:00");

fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir, store_options(None).unwrap()).unwrap()
}

fn export(store: &SqliteStore, sid: &str) -> Value {
    let export = store.export(None, &sid.parse().unwrap()).unwrap();
    serde_json::to_value(export.expect("the session is there")).unwrap()
}

#[test]
fn a_finished_program_is_imported_whole_and_its_directory_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    program.own("s").unwrap();
    append(&mut program, Op::Session, "s", &session("s"));
    append(
        &mut program,
        Op::Agent,
        "s",
        &json!({"id": "agent", "name": "Researcher", "logs": null}),
    );
    append(&mut program, Op::Event, "s", &event("one", END));
    append(&mut program, Op::Open, "s", &event("two", None));
    append(&mut program, Op::Event, "s", &event("two", END));
    append(
        &mut program,
        Op::Loss,
        "s",
        &json!({"dropped": {"too_large": 2}}),
    );
    append(
        &mut program,
        Op::Update,
        "s",
        &json!({"session": {"id": "s", "end_timestamp": "2024-03-14T12:00:09Z", "end_state": "Success"}}),
    );
    program.release("s").unwrap();
    drop(program);

    let store = open(dir.path());
    let report = import_once(&store, dir.path()).unwrap();
    assert_eq!((report.lines, report.refused, report.damaged), (7, 0, 0));
    assert_eq!((report.recovered, report.removed, report.failed), (0, 1, 0));
    let export = export(&store, "s");
    assert_eq!(export["session"]["end_state"], "Success");
    assert_eq!(export["session"]["tags"], json!(["local"]));
    assert_eq!(export["session"]["dropped"], json!({"too_large": 2}));
    let tools = export["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 2);
    for tool in tools {
        assert_eq!(
            (&tool["status"], &tool["returns"], &tool["name"]),
            (&json!("ok"), &json!(7), &json!("search"))
        );
    }
    assert!(
        export["agents"]
            .as_array()
            .unwrap()
            .iter()
            .any(|agent| agent["name"] == "Researcher")
    );
    assert!(Spool::at(dir.path()).directories().unwrap().is_empty());
    assert_eq!(
        import_once(&store, dir.path()).unwrap(),
        agentops_server::ImportReport::default()
    );
}

#[test]
fn a_dead_program_leaves_an_interrupted_session() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    for sid in ["lonely", "shared"] {
        program.own(sid).unwrap();
        append(&mut program, Op::Session, sid, &session(sid));
    }
    append(&mut program, Op::Event, "lonely", &event("done", END));
    append(&mut program, Op::Open, "lonely", &event("cut", None));
    append(&mut program, Op::Session, "joined", &session("joined"));
    drop(program);
    let mut living = writer(dir.path(), 2);
    living.own("shared").unwrap();
    append(&mut living, Op::Session, "shared", &session("shared"));
    living.commit(false).unwrap();

    let store = open(dir.path());
    let report = import_once(&store, dir.path()).unwrap();
    assert_eq!((report.recovered, report.removed), (1, 1));
    let lonely = export(&store, "lonely");
    assert_eq!(lonely["session"]["end_state"], "Indeterminate");
    assert_eq!(
        lonely["session"]["end_state_reason"],
        "process ended without ending the session"
    );
    assert_eq!(
        lonely["session"]["end_timestamp"],
        "2024-03-14T12:00:02.000000+00:00"
    );
    let cut = &lonely["tools"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tool| tool["id"] == "cut")
        .unwrap()
        .clone();
    assert_eq!(
        (&cut["status"], &cut["params"]),
        (&json!("interrupted"), &json!({"q": "cut"}))
    );
    for sid in ["shared", "joined"] {
        assert_eq!(
            export(&store, sid)["session"]["end_timestamp"],
            Value::Null,
            "{sid}"
        );
    }
    drop(living);
    assert_eq!(import_once(&store, dir.path()).unwrap().recovered, 1);
    assert!(export(&store, "shared")["session"]["end_timestamp"].is_string());
}

#[test]
fn a_bad_line_is_counted_and_the_rest_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    append(&mut program, Op::Session, "s", &session("s"));
    append(
        &mut program,
        Op::Event,
        "s",
        &json!({"name": "without an id"}),
    );
    append(&mut program, Op::Event, "s", &json!([]));
    append(&mut program, Op::Event, "", &event("no session", END));
    append(&mut program, Op::Event, "s", &event("good", END));
    let path = program.path().to_owned();
    drop(program);
    // One byte of the session line rots.
    let segment = path.join("000001.ndjson");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(5).position(|five| five == b"local").unwrap();
    bytes[at] = b'L';
    std::fs::write(&segment, bytes).unwrap();

    let store = open(dir.path());
    let report = import_once(&store, dir.path()).unwrap();
    assert_eq!(
        (report.lines, report.refused, report.damaged, report.removed),
        (1, 3, 1, 1)
    );
    assert_eq!(export(&store, "s")["tools"][0]["id"], "good");
}

#[test]
fn what_is_for_an_endpoint_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let header = Header::new("test", 7).sent_to(Some("https://ops.example".to_owned()), None);
    let mut program = Spool::at(dir.path()).create(header, 1, || 1).unwrap();
    append(&mut program, Op::Session, "s", &session("s"));
    let path = program.path().to_owned();
    drop(program);
    let before = std::fs::read(path.join("000001.ndjson")).unwrap();
    let store = open(dir.path());
    assert_eq!(
        import_once(&store, dir.path()).unwrap(),
        agentops_server::ImportReport::default()
    );
    assert!(store.export(None, &"s".parse().unwrap()).unwrap().is_none());
    assert_eq!(std::fs::read(path.join("000001.ndjson")).unwrap(), before);
    assert!(!path.join("000001.ack").exists());
}

#[test]
fn an_acknowledgement_that_was_lost_imports_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    append(&mut program, Op::Session, "s", &session("s"));
    append(&mut program, Op::Event, "s", &event("one", END));
    program.commit(false).unwrap();
    let store = open(dir.path());
    assert_eq!(import_once(&store, dir.path()).unwrap().lines, 2);
    assert_eq!(
        Ack::open(program.path()).unwrap().position(),
        program.position()
    );
    std::fs::remove_file(program.path().join("000001.ack")).unwrap();
    append(&mut program, Op::Event, "s", &event("two", END));
    program.commit(false).unwrap();
    assert_eq!(import_once(&store, dir.path()).unwrap().lines, 1);
    assert_eq!(export(&store, "s")["tools"].as_array().unwrap().len(), 2);
}

#[test]
fn a_dead_directory_whose_last_acknowledgement_was_lost_goes_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    append(&mut program, Op::Session, "s", &session("s"));
    program.commit(false).unwrap();
    let store = open(dir.path());
    assert_eq!(import_once(&store, dir.path()).unwrap().lines, 1);
    std::fs::remove_file(program.path().join("000001.ack")).unwrap();
    drop(program);
    let report = import_once(&store, dir.path()).unwrap();
    assert_eq!((report.lines, report.removed, report.failed), (0, 1, 0));
}

#[test]
fn a_directory_that_cannot_be_read_is_kept_and_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let headless = writer(dir.path(), 1).path().to_owned();
    std::fs::write(headless.join("000001.ndjson"), "garbage\n").unwrap();
    let broken = writer(dir.path(), 2).path().to_owned();
    std::fs::create_dir(broken.join("000002.ndjson")).unwrap();
    let mut program = writer(dir.path(), 3);
    append(&mut program, Op::Event, "s", &event("good", END));
    drop(program);
    let store = open(dir.path());
    let report = import_once(&store, dir.path()).unwrap();
    assert_eq!((report.lines, report.removed, report.failed), (1, 1, 1));
    assert!(headless.exists() && broken.exists());
}

#[test]
fn more_than_one_turn_of_lines_is_imported_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    append(&mut program, Op::Session, "s", &session("s"));
    for number in 0..20_000 {
        append(
            &mut program,
            Op::Event,
            "s",
            &event(&format!("e{number}"), END),
        );
    }
    drop(program);
    let store = open(dir.path());
    let report = import_once(&store, dir.path()).unwrap();
    assert_eq!((report.lines, report.removed), (20_001, 1));
    let tools = export(&store, "s")["tools"].clone();
    let tools = tools.as_array().unwrap();
    assert_eq!(tools.len(), 20_000);
    assert!(
        tools
            .iter()
            .enumerate()
            .all(|(number, tool)| tool["id"] == format!("e{number}"))
    );
}

#[test]
fn a_running_server_shows_a_living_program_and_its_death() {
    let server = Server::start();
    let mut program = writer(server.data_dir(), 1);
    program.own("s").unwrap();
    append(&mut program, Op::Session, "s", &session("s"));
    append(&mut program, Op::Open, "s", &event("one", None));
    program.commit(false).unwrap();
    let ask = |what: &str, holds: &dyn Fn(&Value) -> bool| {
        wait_for(what, || {
            let answer = server.get("/v2/sessions/s/export", &[key(KEY)]);
            (answer.status == 200 && holds(&answer.json())).then_some(())
        });
    };
    ask("the running call", &|export| {
        export["tools"][0]["status"] == "running"
    });
    append(&mut program, Op::Event, "s", &event("one", END));
    program.commit(false).unwrap();
    ask("the finished call", &|export| {
        export["tools"][0]["status"] == "ok"
    });
    append(&mut program, Op::Open, "s", &event("two", None));
    program.commit(false).unwrap();
    drop(program);
    ask("the recovery", &|export| {
        export["tools"][1]["status"] == "interrupted"
            && export["session"]["end_timestamp"].is_string()
    });
    wait_for("the directory to go", || {
        Spool::at(server.data_dir())
            .directories()
            .unwrap()
            .is_empty()
            .then_some(())
    });
    // The importer is the server's: nobody else imports meanwhile.
    assert!(server.data_dir().join("import.lock").exists());
}

#[test]
fn sessions_in_other_sessions_directories_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    for sid in ["a", "b", "a", "b"] {
        append(&mut program, Op::Event, sid, &event("same-id", END));
    }
    drop(program);
    let store = open(dir.path());
    import_once(&store, dir.path()).unwrap();
    for sid in ["a", "b"] {
        assert_eq!(export(&store, sid)["stats"]["events"], 1);
    }
}

#[test]
fn a_dead_programs_calls_are_interrupted_in_sessions_that_go_on_or_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = writer(dir.path(), 1);
    program.own("ended").unwrap();
    append(&mut program, Op::Session, "ended", &session("ended"));
    append(&mut program, Op::Open, "ended", &event("cut", None));
    append(&mut program, Op::Open, "ended", &event("done", None));
    append(&mut program, Op::Event, "ended", &event("done", END));
    append(
        &mut program,
        Op::Update,
        "ended",
        &json!({"session": {"id": "ended", "end_timestamp": "2024-03-14T12:00:09Z", "end_state": "Success"}}),
    );
    program.release("ended").unwrap();
    append(&mut program, Op::Open, "joined", &event("cut", None));
    drop(program);
    let mut living = writer(dir.path(), 2);
    living.own("joined").unwrap();
    append(&mut living, Op::Session, "joined", &session("joined"));
    append(&mut living, Op::Open, "joined", &event("alive", None));
    living.commit(false).unwrap();

    let store = open(dir.path());
    let report = import_once(&store, dir.path()).unwrap();
    assert_eq!((report.recovered, report.removed), (0, 1));
    let statuses = |sid: &str| {
        let export = export(&store, sid);
        let tools = export["tools"].as_array().unwrap().clone();
        let status = |tool: &Value| format!("{}={}", tool["id"], tool["status"]).replace('"', "");
        let mut statuses: Vec<_> = tools.iter().map(status).collect();
        statuses.sort();
        (statuses, export["session"]["end_state"].clone())
    };
    assert_eq!(
        statuses("ended"),
        (
            vec!["cut=interrupted".into(), "done=ok".into()],
            json!("Success")
        )
    );
    assert_eq!(
        statuses("joined"),
        (
            vec!["alive=running".into(), "cut=interrupted".into()],
            json!("Indeterminate")
        )
    );
}

#[test]
fn cursors_of_directories_that_are_gone_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let cursor = |name: &str| store.import_cursor(name).unwrap().is_some();
    let mut programs = Vec::new();
    for number in 1..4 {
        let mut program = writer(dir.path(), number);
        append(
            &mut program,
            Op::Event,
            "s",
            &event(&format!("{number}"), END),
        );
        program.commit(false).unwrap();
        programs.push(program);
    }
    let names: Vec<String> = programs
        .iter()
        .map(|program| {
            program
                .path()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    import_once(&store, dir.path()).unwrap();
    assert!(names.iter().all(|name| cursor(name)));
    // One ends and is imported whole; one is removed by hand; one goes on.
    drop(programs.remove(0));
    import_once(&store, dir.path()).unwrap();
    assert_eq!(
        (cursor(&names[0]), cursor(&names[1]), cursor(&names[2])),
        (false, true, true)
    );
    let removed = programs.remove(0);
    std::fs::remove_dir_all(removed.path()).unwrap();
    import_once(&store, dir.path()).unwrap();
    assert_eq!((cursor(&names[1]), cursor(&names[2])), (false, true));
}
