//! Images of actions: kept as what they are, served as nothing else.

use agentops_spool::Op;
use serde_json::{Value, json};

use crate::client::{KEY, Server, key, wait_for};
use crate::import::{append, writer};

/// A dot, as base64.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn shown(server: &Server, session: &str) -> Vec<Value> {
    let export = server.export(session);
    let actions = export["actions"].as_array().unwrap();
    actions
        .iter()
        .map(|action| action["screenshot"].clone())
        .collect()
}

fn record(server: &Server, jwt: &str, path: &str, events: &Value) {
    let body = json!({ "events": events }).to_string();
    let answer = server.post(path, jwt, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn an_image_is_served_from_its_session_and_harmless() {
    let server = Server::start();
    let jwt = server.session("s/1");
    record(
        &server,
        &jwt,
        "/v2/create_events",
        &json!([
            {"id": "a", "event_type": "actions", "screenshot": PNG},
            {"id": "b", "event_type": "actions", "screenshot": format!("data:image/svg+xml;base64,{PNG}")},
            {"id": "c", "event_type": "actions", "screenshot": "https://example.com/shot.png"},
            {"id": "d", "event_type": "actions"},
        ]),
    );
    record(
        &server,
        &jwt,
        "/v2/update_events",
        &json!([{"id": "d", "screenshot": PNG}]),
    );
    let shots = shown(&server, "s%2F1");
    let path = shots[0].as_str().unwrap();
    assert!(
        path.starts_with("/v2/sessions/s%2F1/screenshots/"),
        "{path}"
    );
    assert_eq!((&shots[1], &shots[3]), (&shots[0], &shots[0]));
    assert_eq!(shots[2], "https://example.com/shot.png");
    let image = server.get(path, &[key(KEY)]);
    assert_eq!(image.status, 200, "{}", image.text());
    assert!(image.body.starts_with(b"\x89PNG"));
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "private, max-age=3600"),
    ] {
        assert_eq!(image.header(name), Some(value), "{name}");
    }
    assert_eq!(server.get(path, &[]).status, 401);
    server.send("DELETE", "/v2/sessions/s%2F1", &[key(KEY)], b"");
    let gone = server.get(path, &[key(KEY)]);
    assert_eq!(gone.status, 404, "it goes with its session");
}

#[test]
fn names_lead_nowhere_else() {
    let server = Server::start();
    let jwt = server.session("s");
    record(
        &server,
        &jwt,
        "/v2/create_events",
        &json!([{"id": "a", "event_type": "actions", "screenshot": PNG}]),
    );
    let path = shown(&server, "s")[0].as_str().unwrap().to_owned();
    let name = path.rsplit('/').next().unwrap();
    server.session("other");
    for name in [
        "..%2f..%2fagentops.db",
        "..%2F",
        "%2e%2e",
        "a.png",
        &name.to_uppercase(),
        &format!("{name}%00"),
        &name.replace(".png", ".jpg"),
        &format!("%2e%2e%2fscreenshots%2f{name}"),
    ] {
        let path = format!("/v2/sessions/s/screenshots/{name}");
        assert_eq!(server.get(&path, &[key(KEY)]).status, 404, "{path}");
    }
    let elsewhere = format!("/v2/sessions/other/screenshots/{name}");
    assert_eq!(server.get(&elsewhere, &[key(KEY)]).status, 404);
}

#[test]
fn an_image_of_a_local_recording_is_kept_as_well() {
    let server = Server::start();
    let mut program = writer(server.data_dir(), 1);
    let event = json!({"id": "a", "event_type": "actions", "screenshot": PNG,
        "init_timestamp": "2024-03-14T12:00:00Z", "end_timestamp": "2024-03-14T12:00:01Z"});
    append(&mut program, Op::Event, "local", &event);
    drop(program);
    let path = wait_for("the import", || {
        let answer = server.get("/v2/sessions/local/export", &[key(KEY)]);
        (answer.status == 200).then(|| answer.json()["actions"][0]["screenshot"].clone())
    });
    let image = server.get(path.as_str().unwrap(), &[key(KEY)]);
    assert_eq!(image.header("content-type"), Some("image/png"));
}
