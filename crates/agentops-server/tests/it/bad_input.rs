//! What cannot be read is refused, says what and where, and spoils nothing.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::client::{KEY, Server, exchange, key};

const SESSION: &str = "550e8400-e29b-41d4-a716-446655440000";

/// A session with one event, which must still be there alone at the end.
fn prepared() -> (Server, String) {
    let server = Server::start();
    let jwt = server.session(SESSION);
    let first = br#"{"events":[{"id":"first","type":"tool","name":"kept"}]}"#;
    assert_eq!(server.post("/v2/create_events", &jwt, first).status, 200);
    (server, jwt)
}

fn untouched(server: &Server) {
    let export = server.export(SESSION);
    assert_eq!(export["tools"].as_array().unwrap().len(), 1);
    assert_eq!(export["tools"][0]["name"], "kept");
    assert_eq!(export["session"]["end_timestamp"], Value::Null);
    assert_eq!(export["stats"]["events"], 1);
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let (server, jwt) = prepared();
    let deep = format!(
        r#"{{"events":[{{"id":"x","params":{}{}}}]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let good = r#"{"id":"good","type":"tool"}"#;
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("create_events", b"".to_vec(), "body"),
        ("create_events", b"{".to_vec(), "body"),
        ("create_events", b"[]".to_vec(), "body"),
        ("create_events", b"\xff\xfe".to_vec(), "body"),
        (
            "create_events",
            b"{\"events\":[{\"id\":\"\xff\"}]}".to_vec(),
            "body",
        ),
        ("create_events", b"{}".to_vec(), "events"),
        ("create_events", br#"{"events":{}}"#.to_vec(), "events"),
        (
            "create_events",
            format!(r#"{{"events":[{good},7]}}"#).into_bytes(),
            "events[1]",
        ),
        (
            "create_events",
            format!(r#"{{"events":[{good},{{"id":1}}]}}"#).into_bytes(),
            "events[1].id",
        ),
        (
            "create_events",
            format!(r#"{{"events":[{good},{{"type":"llm","model":[]}}]}}"#).into_bytes(),
            "events[1].model",
        ),
        (
            "create_events",
            br#"{"events":[{"id":"x","type":"llm","prompt_tokens":"many"}]}"#.to_vec(),
            "events[0].prompt_tokens",
        ),
        (
            "create_events",
            br#"{"events":[{"id":"x","init_timestamp":"yesterday"}]}"#.to_vec(),
            "events[0].init_timestamp",
        ),
        (
            "create_events",
            br#"{"events":[{"id":"x","params":1e999}]}"#.to_vec(),
            "events[0].params",
        ),
        ("create_events", deep.into_bytes(), "events[0].params"),
        (
            "update_events",
            br#"{"events":[{"name":"nobody"}]}"#.to_vec(),
            "events[0].id",
        ),
        ("create_agent", br#"{"name":"nobody"}"#.to_vec(), "id"),
        ("create_thread", br#"{"id":7}"#.to_vec(), "id"),
        ("update_session", br#"{"session":[]}"#.to_vec(), "session"),
        (
            "update_session",
            br#"{"session":{"tags":"one"}}"#.to_vec(),
            "session.tags",
        ),
        (
            "update_session",
            br#"{"end_state":"Exploded"}"#.to_vec(),
            "end_state",
        ),
    ];
    for (route, body, place) in rows {
        for prefix in ["/", "/v2/"] {
            let path = format!("{prefix}{route}");
            let answer = server.post(&path, &jwt, &body).refused(400, &path);
            let message = answer["message"].as_str().unwrap();
            assert!(
                message.starts_with(&format!("{place}: ")),
                "{path} {place}: {message}"
            );
        }
    }
    let unknown = server
        .post("/v2/update_session", &jwt, br#"{"end_state":"Exploded"}"#)
        .json();
    for name in ["Success", "Fail", "Indeterminate"] {
        assert!(unknown["message"].as_str().unwrap().contains(name));
    }
    let unnamed = server
        .send("POST", "/v2/create_session", &[key(KEY)], b"{}")
        .refused(400, "/v2/create_session");
    assert!(
        unnamed["message"]
            .as_str()
            .unwrap()
            .starts_with("session.id: ")
    );
    server
        .send("POST", "/v2/reauthorize_jwt", &[key(KEY)], b"{}")
        .refused(400, "/v2/reauthorize_jwt");
    untouched(&server);
}

#[test]
fn archives_that_are_none_or_too_much() {
    let (server, jwt) = prepared();
    let bearer = format!("Bearer {jwt}");
    let post = |encoding: &str, body: &[u8]| {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Encoding", encoding),
        ];
        server.send("POST", "/v2/create_events", &headers, body)
    };
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..65 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    post("gzip", &bomb.finish().unwrap()).refused(413, "/v2/create_events");
    post("gzip", b"no archive").refused(400, "/v2/create_events");
    post("zstd", b"no archive").refused(400, "/v2/create_events");
    let unknown = post("br", b"no archive");
    assert_eq!(unknown.header("accept-encoding"), Some("gzip, zstd"));
    unknown.refused(415, "/v2/create_events");
    untouched(&server);
}

#[test]
fn requests_that_do_not_fit() {
    let (server, jwt) = prepared();
    let announced = format!(
        "POST /v2/create_events HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {jwt}\r\nContent-Length: 99999999999\r\n\r\n",
        server.address()
    );
    exchange(server.address(), announced.as_bytes()).refused(413, "/v2/create_events");
    server
        .get("/nothing/here", &[])
        .refused(404, "/nothing/here");
    let wrong = server.get("/v2/create_session", &[]);
    assert_eq!(wrong.header("allow"), Some("POST"));
    wrong.refused(405, "/v2/create_session");
    for limit in ["0", "501", "many", "-1"] {
        server
            .get(&format!("/v2/sessions?limit={limit}"), &[key(KEY)])
            .refused(400, "/v2/sessions");
    }
    server
        .get("/v2/sessions?cursor=nonsense", &[key(KEY)])
        .refused(400, "/v2/sessions");
    server
        .get("/v2/sessions/%ff/stats", &[key(KEY)])
        .refused(404, "/v2/sessions/%ff/stats");
    let bearer = format!("Bearer {jwt}");
    let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", "")];
    server
        .send("POST", "/v2/create_events", &headers, br#"{"events":[]}"#)
        .refused(400, "/v2/create_events");
    untouched(&server);
}

#[test]
fn memory_for_bodies_is_limited_for_all_together() {
    let server = Server::limited(|limits| limits.body_budget = 128 << 10);
    let jwt = server.session(SESSION);
    let event =
        json!({"events": [{"id": "large", "type": "tool", "params": "x".repeat(200 << 10)}]});
    let full = server.post("/v2/create_events", &jwt, event.to_string().as_bytes());
    assert_eq!(full.header("retry-after"), Some("1"));
    full.refused(503, "/v2/create_events");
    let event =
        json!({"events": [{"id": "small", "type": "tool", "params": "x".repeat(90 << 10)}]});
    for _ in 0..3 {
        assert_eq!(
            server
                .post("/v2/create_events", &jwt, event.to_string().as_bytes())
                .status,
            200
        );
    }
}

#[test]
fn a_body_that_never_comes_is_not_waited_for() {
    let server =
        Server::limited(|limits| limits.body_timeout = std::time::Duration::from_millis(50));
    let jwt = server.session(SESSION);
    let half = format!(
        "POST /v2/create_events HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {jwt}\r\nContent-Length: 100\r\n\r\n{{\"events\"",
        server.address()
    );
    exchange(server.address(), half.as_bytes()).refused(408, "/v2/create_events");
}

#[test]
fn what_only_python_writes_is_taken_and_shown_as_what_it_was() {
    let server = Server::start();
    let jwt = server.session("s");
    let body = br#"{"events": [
        {"id": "a", "event_type": "llms", "model": "m", "cost": NaN, "prompt_tokens": Infinity,
         "prompt": [{"role": "user", "content": "caf\udce9 \ud83d\ude00"}], "params": {"top_p": NaN, "\udc00": -Infinity}},
        {"id": "b", "event_type": "actions", "returns": [NaN, 1.5], "logs": "\ud800"}]}"#;
    for _ in 0..2 {
        let answer = server.post("/v2/create_events", &jwt, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let export = server.export("s");
    let call = &export["llms"][0];
    assert_eq!(
        (&call["cost"], &call["prompt_tokens"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        call["params"],
        serde_json::json!({"top_p": "NaN", "\u{fffd}": "-Infinity"})
    );
    assert_eq!(
        call["prompt"]["messages"][0]["content"],
        "caf\u{fffd} \u{1f600}"
    );
    let action = &export["actions"][0];
    assert_eq!(action["returns"], json!(["NaN", 1.5]));
    assert_eq!(action["logs"], "\u{fffd}");
    assert_eq!(export["actions"].as_array().unwrap().len(), 1);
    let update = br#"{"session": {"host_env": {"dir": "\udcff"}, "end_state_reason": "\udcff"}}"#;
    assert_eq!(server.post("/v2/update_session", &jwt, update).status, 200);
    assert_eq!(server.export("s")["session"]["host_env"]["dir"], "\u{fffd}");
}
