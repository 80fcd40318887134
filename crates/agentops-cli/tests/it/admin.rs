//! Projects, keys and logins of a server, made beside it.

use serde_json::Value;

use crate::{Run, Server, command, on};

/// The list of sessions as one with this key sees it.
fn listed(server: &Server, key: &str) -> Run {
    let words = [
        "sessions",
        "list",
        "--json",
        "--endpoint",
        &server.url,
        "--api-key",
        key,
    ];
    Run::of(command(&words))
}

#[test]
fn projects_and_keys_are_made_listed_and_revoked_beside_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let made = on(dir.path(), &["projects", "create", "research", "--json"]).json();
    assert_eq!(made["name"], "research");
    let again = on(dir.path(), &["projects", "create", "research"]).failed(1);
    assert!(again.contains("a project of that name exists"), "{again}");
    on(dir.path(), &["projects", "create", "  "]).failed(2);
    let names = on(dir.path(), &["projects", "list"]).ok();
    assert!(
        names.contains("default") && names.contains("research"),
        "{names}"
    );

    let made = on(
        dir.path(),
        &["keys", "create", "--project", "research", "--json"],
    )
    .json();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    let unknown = on(dir.path(), &["keys", "create", "--project", "nobody"]).failed(1);
    assert!(unknown.contains("agentops projects list"), "{unknown}");
    let keys = on(dir.path(), &["keys", "list"]).ok();
    assert!(keys.contains(id) && !keys.contains(key), "{keys}");
    let keys = on(dir.path(), &["keys", "list", "--json"]).json();
    assert_eq!(
        (&keys[0]["project"], &keys[0]["revoked"]),
        (&Value::from("research"), &Value::Null)
    );
    assert_eq!(
        listed(&server, key).json()["sessions"],
        Value::Array(Vec::new())
    );

    on(dir.path(), &["keys", "revoke", id]).ok();
    listed(&server, key).failed(6);
    on(dir.path(), &["keys", "revoke", "nobody"]).failed(1);
    let keys = on(dir.path(), &["keys", "list", "--project", "research"]).ok();
    assert!(keys.contains("revoked"), "{keys}");
}

#[test]
fn a_login_is_a_link_to_the_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let none = on(dir.path(), &["login"]).failed(5);
    assert!(none.contains("agentops serve"), "{none}");
    let server = Server::start(dir.path());
    let link = on(dir.path(), &["login"]).ok();
    assert!(
        link.starts_with(&format!("{}/login?code=", server.url)),
        "{link}"
    );
    let made = on(dir.path(), &["login", "--json"]).json();
    assert_eq!(made["project"], "default");
    on(dir.path(), &["login", "--project", "nobody"]).failed(1);
}

#[test]
fn a_database_is_checked_copied_and_put_back_beside_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("copy.db");
    let copy_name = copy.to_str().unwrap();
    on(dir.path(), &["check"]).failed(7);
    let server = Server::start(dir.path());
    on(dir.path(), &["projects", "create", "before"]).ok();
    assert!(
        on(dir.path(), &["check"])
            .ok()
            .contains("checked 0 sessions and 0 events")
    );
    assert_eq!(on(dir.path(), &["check", "--json"]).json()["clean"], true);
    on(dir.path(), &["backup", copy_name]).ok();
    on(dir.path(), &["backup", copy_name]).failed(7);
    assert_eq!(on(dir.path(), &["reprice", "--json"]).json()["sessions"], 0);
    on(dir.path(), &["projects", "create", "after"]).ok();
    let busy = on(dir.path(), &["restore", copy_name, "--replace"]).failed(7);
    assert!(busy.contains("end the server"), "{busy}");
    drop(server);
    on(dir.path(), &["restore", copy_name]).failed(2);
    on(dir.path(), &["restore", copy_name, "--replace"]).ok();
    let names = on(dir.path(), &["projects", "list"]).ok();
    assert!(
        names.contains("before") && !names.contains("after"),
        "{names}"
    );
    let fresh = other.path().join("fresh");
    on(&fresh, &["restore", copy_name]).ok();
    assert!(on(&fresh, &["projects", "list"]).ok().contains("before"));
}
