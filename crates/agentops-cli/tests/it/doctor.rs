//! `agentops doctor` where something is wrong.

use std::net::TcpListener;

use serde_json::Value;

use crate::recorded::{ID, Program, quiet_run};
use crate::{Run, Server, command, on};

/// A check of a report by its name.
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {report}"))
}

fn report(words: &[&str]) -> (i32, Value) {
    let run = Run::of(command(&[&["doctor", "--json"], words].concat()));
    assert_eq!(run.err, "");
    (run.code, serde_json::from_str(&run.out).unwrap())
}

#[test]
fn all_is_well_with_a_directory_and_a_server() {
    let dir = tempfile::tempdir().unwrap();
    quiet_run(dir.path(), ID, 0);
    let path = dir.path().to_str().unwrap();
    let (code, alone) = report(&["--data-dir", path]);
    assert_eq!((code, &alone["ok"]), (0, &true.into()), "{alone}");
    assert_eq!(
        check(&alone, "endpoint")["found"],
        "none: sessions stay on this machine"
    );
    let server = Server::start(dir.path());
    let (code, served) = report(&["--data-dir", path]);
    assert_eq!(code, 0);
    let found = check(&served, "local server")["found"].as_str().unwrap();
    assert!(found.starts_with(&server.url), "{found}");
    let (code, asked) = report(&["--endpoint", &server.url]);
    assert_eq!((code, &asked["ok"]), (0, &true.into()), "{asked}");
    assert_eq!(check(&asked, "clock")["state"], "good");
    assert!(
        check(&asked, "server")["found"]
            .as_str()
            .unwrap()
            .starts_with("version ")
    );
    assert!(
        Run::of(command(&["doctor", "--endpoint", &server.url]))
            .ok()
            .contains("ok    server")
    );
}

#[test]
fn what_hinders_is_named_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (code, found) = report(&["--endpoint", &nobody]);
    assert_eq!((code, &found["ok"]), (1, &false.into()));
    let server = check(&found, "server");
    assert_eq!(server["state"], "fault");
    assert!(
        server["fix"].as_str().unwrap().contains("start the server"),
        "{server}"
    );

    let dir = tempfile::tempdir().unwrap();
    let running = Server::start(dir.path());
    let (code, found) = report(&["--endpoint", &running.url, "--api-key", "no key of it"]);
    assert_eq!(code, 1, "{found}");
    assert_eq!(check(&found, "key")["state"], "fault");

    let (code, found) = report(&["--endpoint", "http://10.255.255.1:1"]);
    assert_eq!(code, 1);
    assert!(
        check(&found, "key")["found"]
            .as_str()
            .unwrap()
            .contains("AGENTOPS_API_KEY")
    );

    let file = dir.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let (code, found) = report(&["--data-dir", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(
        check(&found, "data directory")["found"]
            .as_str()
            .unwrap()
            .contains("is no directory")
    );
    // Where a directory is to be made, nothing is left behind.
    let later = dir.path().join("not/yet");
    let (code, found) = report(&["--data-dir", later.to_str().unwrap()]);
    assert_eq!(code, 0, "{found}");
    assert!(!dir.path().join("not").exists());
}

#[cfg(unix)]
#[test]
fn what_others_may_read_and_what_waits_is_noted() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let mut program = Program::start_for(dir.path(), "http://127.0.0.1:1", "0011223344556677");
    let session = program.session(ID, 0, &[]);
    program.end(session, 5, agentops_protocol::EndState::Success, "done");
    program.close();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (code, found) = report(&["--data-dir", dir.path().to_str().unwrap()]);
    assert_eq!(code, 0, "nothing is hindered: {found}");
    let fix = |name| check(&found, name)["fix"].as_str().unwrap().to_owned();
    assert!(fix("permissions").starts_with("chmod 700 "));
    assert!(fix("spool").contains("`agentops spool flush`"));
    let text = on(dir.path(), &["doctor"]).ok();
    assert!(text.contains("note  spool"), "{text}");
    assert!(text.contains("→ chmod 700 "), "{text}");
}
