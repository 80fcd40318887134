//! What a hostile client can send and still be taken: it must stay harmless in every form in which
//! it is read again.

use serde_json::{Value, json};

use crate::client::{KEY, Server, key};

/// Everything that reads the session `s`.
const READERS: [&str; 11] = [
    "/v2/sessions",
    "/v2/sessions?text=a&sort=duration",
    "/v2/sessions/s",
    "/v2/sessions/s/stats",
    "/v2/sessions/s/events?bodies=true",
    "/v2/sessions/s/export",
    "/v2/sessions/s/export?format=jsonl",
    "/v2/sessions/s/export?format=csv",
    "/v2/events?bodies=true",
    "/v2/search?q=script",
    "/sessions/s",
];

fn reads(server: &Server) {
    for path in READERS {
        let answer = server.get(path, &[key(KEY)]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    for range in [
        "from=0001-01-01&to=0001-12-31",
        "from=9999-01-01&to=9999-12-31",
        "",
    ] {
        let path = format!("/v2/metrics/overview?{range}");
        let answer = server.get(&path, &[key(KEY)]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[test]
fn hostile_fields_and_times_are_read_again_in_every_form() {
    let server = Server::start();
    let jwt = server.session("s");
    let nasty = "<script>alert(1)</script>\u{1b}[2J\u{202e}=cmd|'/C calc'!A0\r\n\",;\u{0}";
    let events: Vec<Value> = ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
        .iter()
        .enumerate()
        .flat_map(|(index, time)| {
            ["actions", "llms", "tools", "errors"].map(|kind| {
                json!({"id": format!("{kind}-{index}-\u{1b}[0m"), "event_type": kind, "name": nasty, "action_type": nasty,
                    "model": nasty, "error_type": nasty, "details": nasty, "params": {nasty: nasty}, "returns": [nasty],
                    "logs": nasty, "prompt": [{"role": nasty, "content": nasty}], "completion": nasty, "cost": 8_999_999,
                    "prompt_tokens": 9_007_199_254_740_992_u64, "init_timestamp": time, "end_timestamp": "9999-12-31T23:59:59Z",
                    "screenshot": "javascript:alert(1)", "agent_id": "a\"b", "status": nasty})
            })
        })
        .collect();
    for event in &events {
        let body = json!({"events": [event]}).to_string();
        let status = server
            .post("/v2/create_events", &jwt, body.as_bytes())
            .status;
        // A time or a text that cannot be kept is refused; nothing is half taken.
        assert!([200, 400].contains(&status), "{event}");
    }
    let update = json!({"session": {"tags": [nasty], "end_state": "Fail", "end_state_reason": nasty, "video": "javascript:alert(1)",
        "host_env": {nasty: nasty}, "init_timestamp": "9999-12-31T23:59:59Z", "end_timestamp": "0001-01-01T00:00:00Z"}});
    let status = server
        .post("/v2/update_session", &jwt, update.to_string().as_bytes())
        .status;
    assert!([200, 400].contains(&status));
    reads(&server);
    assert!(server.export("s")["stats"]["events"].as_u64().unwrap() >= 8);
    let page = server.get("/sessions/s", &[key(KEY)]).text();
    assert!(
        !page.contains("<script>alert") && !page.contains("href=\"javascript:"),
        "{page}"
    );
}

#[test]
fn a_million_tags_and_names_of_a_megabyte_are_bounded() {
    let server = Server::start();
    let jwt = server.session("s");
    let tags: Vec<String> = (0..1_000_000).map(|number| number.to_string()).collect();
    let body = json!({"session": {"tags": tags}}).to_string();
    let status = server
        .post("/v2/update_session", &jwt, body.as_bytes())
        .status;
    assert!([200, 400].contains(&status), "{status}");
    assert!(
        server.export("s")["session"]["tags"]
            .as_array()
            .unwrap()
            .len()
            <= 1_000
    );
    let name = "n".repeat(1 << 20);
    let body = json!({"events": [{"id": "e", "event_type": "tools", "name": name}]}).to_string();
    let status = server
        .post("/v2/create_events", &jwt, body.as_bytes())
        .status;
    assert!([200, 400].contains(&status), "{status}");
    let long = "x".repeat(100_000);
    for path in [
        format!("/v2/sessions/{long}"),
        format!("/v2/sessions?tag={long}"),
        format!("/assets/{long}"),
    ] {
        let status = server.get(&path, &[key(KEY)]).status;
        assert!((400..500).contains(&status), "{status}");
    }
    for path in [
        "/assets/..%2f..%2fCargo.toml",
        "/assets/../agentops.db",
        "/v2/sessions/..%2f..%2fetc%2fpasswd/logs",
    ] {
        assert_eq!(server.get(path, &[key(KEY)]).status, 404, "{path}");
    }
    reads(&server);
}
