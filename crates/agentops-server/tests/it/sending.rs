//! Sending again, sending compressed, sending late.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::client::{KEY, Server, key};

const SESSION: &str = "550e8400-e29b-41d4-a716-446655440000";

#[test]
fn a_repeated_batch_changes_nothing_and_gets_the_stored_answer() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    let bearer = format!("Bearer {jwt}");
    let send = |path: &str, batch: &str, body: Value| {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Idempotency-Key", batch),
        ];
        let answer = server.send("POST", path, &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let call = |id: &str, cost: f64| json!({"events": [{"id": id, "type": "llm", "cost": cost}]});
    send("/v2/create_events", "b-1", call("one", 0.5));
    let first = send("/v2/update_session", "b-2", json!({"tags": ["first"]}));
    assert_eq!(first["token_cost"], "0.50000");
    send("/v2/create_events", "b-3", call("two", 0.25));
    send("/v2/update_session", "b-4", json!({"tags": ["second"]}));
    // The retry of an old request arrives late.
    let again = send("/v2/update_session", "b-2", json!({"tags": ["first"]}));
    assert_eq!(again["token_cost"], "0.50000");
    send("/v2/create_events", "b-1", call("another", 9.0));
    let export = server.export(SESSION);
    assert_eq!(export["session"]["tags"], json!(["second"]));
    assert_eq!(export["stats"]["cost"], "0.75000");
    // The id of a batch means something within its session only.
    let other = server.session("other");
    let headers = [
        ("Authorization", &*format!("Bearer {other}")),
        ("Idempotency-Key", "b-1"),
    ];
    server.send(
        "POST",
        "/v2/create_events",
        &headers,
        call("one", 0.5).to_string().as_bytes(),
    );
    assert_eq!(server.export("other")["stats"]["events"], 1);
}

#[test]
fn compressed_bodies_are_read() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    let bearer = format!("Bearer {jwt}");
    let body = |id: &str| {
        json!({"events": [{"id": id, "type": "tool", "params": "x".repeat(300 << 10)}]}).to_string()
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(body("gzip").as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(body("zstd").as_bytes(), 3).unwrap();
    for (encoding, body) in [
        ("gzip", gzip),
        ("zstd", zstd),
        ("identity", body("plain").into_bytes()),
    ] {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Encoding", encoding),
        ];
        let answer = server.send("POST", "/v2/create_events", &headers, &body);
        assert_eq!(answer.status, 200, "{encoding}: {}", answer.text());
    }
    let tools = server.export(SESSION)["tools"].clone();
    let mut ids: Vec<&str> = tools
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["gzip", "plain", "zstd"]);
    assert_eq!(tools[0]["params"].as_str().unwrap().len(), 300 << 10);
}

#[test]
fn a_running_call_is_seen_and_then_completed() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    let open = json!({"events": [{"id": "e", "event_type": "tools", "name": "search", "init_timestamp": "2024-03-14T12:00:01Z", "params": {"q": 1}}]});
    server.post("/v2/create_events", &jwt, open.to_string().as_bytes());
    let tool = server.export(SESSION)["tools"][0].clone();
    assert_eq!(
        (&tool["status"], &tool["end_timestamp"]),
        (&json!("running"), &Value::Null)
    );
    let done =
        json!({"events": [{"id": "e", "end_timestamp": "2024-03-14T12:00:02Z", "returns": [1]}]});
    server.post("/v2/update_events", &jwt, done.to_string().as_bytes());
    let tool = server.export(SESSION)["tools"][0].clone();
    assert_eq!(tool["status"], "ok");
    assert_eq!(
        (&tool["params"], &tool["returns"]),
        (&json!({"q": 1}), &json!([1]))
    );
}

#[test]
fn what_was_answered_is_there_after_a_restart() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    server.post(
        "/v2/create_events",
        &jwt,
        br#"{"events":[{"id":"e","type":"tool"}]}"#,
    );
    let before = server.export(SESSION);
    let dir = server.stop();
    let server = Server::in_dir(dir, |config| config);
    assert_eq!(server.export(SESSION), before);
    // Tokens outlive the process: their secret is in the catalog.
    assert_eq!(
        server
            .post(
                "/v2/create_events",
                &jwt,
                br#"{"events":[{"id":"f","type":"tool"}]}"#
            )
            .status,
        200
    );
    assert_eq!(server.export(SESSION)["stats"]["events"], 2);
}

#[test]
fn the_list_is_paged_newest_first() {
    let server = Server::start();
    for number in 0..5 {
        let body = json!({"id": format!("s{number}"), "init_timestamp": format!("2024-03-14T12:00:0{number}Z")});
        server.send(
            "POST",
            "/v2/create_session",
            &[key(KEY)],
            body.to_string().as_bytes(),
        );
    }
    let mut seen = Vec::new();
    let mut path = "/v2/sessions?limit=2".to_owned();
    loop {
        let page = server.get(&path, &[key(KEY)]).json();
        seen.extend(
            page["sessions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|session| session["session_id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        let cursor: String = cursor.bytes().map(|byte| format!("%{byte:02x}")).collect();
        path = format!("/v2/sessions?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["s4", "s3", "s2", "s1", "s0"]);
}

#[test]
fn many_senders_at_once_lose_nothing() {
    let server = Server::start();
    let shared = server.session("shared");
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let (server, shared) = (&server, &shared);
            scope.spawn(move || {
                let own = server.session(&format!("own-{sender}"));
                for batch in 0..10 {
                    let events: Vec<_> = (0..20)
                        .map(|event| json!({"id": format!("{sender}-{batch}-{event}"), "type": "tool"}))
                        .collect();
                    let body = json!({"events": events}).to_string();
                    for jwt in [&own, shared] {
                        let answer = server.post("/v2/create_events", jwt, body.as_bytes());
                        assert_eq!(answer.status, 200, "{}", answer.text());
                    }
                }
            });
        }
    });
    assert_eq!(server.export("shared")["stats"]["events"], 1_600);
    for sender in 0..8 {
        assert_eq!(
            server.export(&format!("own-{sender}"))["tools"]
                .as_array()
                .unwrap()
                .len(),
            200
        );
    }
}
