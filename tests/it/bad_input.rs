//! What a server cannot use is refused as documented, and harms nothing that came before.

use std::io::Write as _;

use agentops_tests::{Rest, Server};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::common::{all_events, new_key, text};

const SESSION: &str = "the session";
const PATH: &str = "/v2/create_events";

/// A server with a session that has one event.
struct Prepared {
    _server: Server,
    rest: Rest,
    jwt: String,
}

fn prepared() -> Prepared {
    let server = Server::start();
    let rest = server.rest(&new_key());
    let jwt = rest.create_session(json!({ "id": SESSION }).to_string());
    let event = json!({ "events": [{ "id": "first", "type": "tool", "name": "kept" }] });
    assert_eq!(rest.post(PATH, &jwt, event.to_string()).ok(), "Success");
    Prepared {
        _server: server,
        rest,
        jwt,
    }
}

impl Prepared {
    /// What came before is still there, and nothing else.
    fn untouched(&self) {
        let export = self.rest.export("the%20session");
        let events = all_events(&export);
        assert_eq!(events.len(), 1, "{export}");
        assert_eq!(events[0]["name"], "kept");
        assert_eq!(export["session"]["end_timestamp"], Value::Null);
        assert_eq!(export["session"]["tags"], json!([]));
        let more = json!({ "events": [{ "id": "more", "type": "tool" }] });
        assert_eq!(
            self.rest.post(PATH, &self.jwt, more.to_string()).ok(),
            "Success"
        );
    }
}

#[test]
fn keys() {
    let it = prepared();
    let body = r#"{"id":"another"}"#;
    for path in [
        "/create_session",
        "/v2/create_session",
        "/v2/reauthorize_jwt",
    ] {
        it.rest.send("POST", path, &[], body).refused(401, path);
        for wrong in ["", "no-key", "11111111-1111-4111-8111-11111111111", "é"] {
            let headers = [("X-Agentops-Api-Key", wrong)];
            let refused = it
                .rest
                .send("POST", path, &headers, body)
                .refused(401, path);
            assert_eq!(refused["error"], "Invalid API key", "{wrong:?}");
        }
    }
    for path in ["/v2/sessions/the%20session/export", "/v2/sessions"] {
        it.rest.send("GET", path, &[], "").refused(401, path);
    }
    it.untouched();
}

fn part(json: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

#[test]
fn tokens() {
    let it = prepared();
    let good: Vec<&str> = it.jwt.split('.').collect();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(good[1]).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["session_id"], SESSION);
    let mut old = claims.clone();
    old["exp"] = json!(1_000_000_000);
    let wrong_secret = |claims: &Value| {
        let header = jsonwebtoken::decode_header(&it.jwt).unwrap();
        let secret = jsonwebtoken::EncodingKey::from_secret(b"not the secret of the server");
        jsonwebtoken::encode(&header, claims, &secret).unwrap()
    };
    let none = |name: &str| format!("{}.{}.", part(&json!({ "alg": name })), good[1]);
    let forged = [
        String::new(),
        "nonsense".to_owned(),
        wrong_secret(&claims),
        wrong_secret(&old),
        none("none"),
        none("None"),
        format!(
            "{}.{}.{}",
            part(&json!({ "alg": "none" })),
            good[1],
            good[2]
        ),
        format!("{}.{}.{}", good[0], part(&old), good[2]),
        format!("{}.{}", good[0], good[1]),
    ];
    for path in [
        "/create_events",
        PATH,
        "/v2/update_session",
        "/v2/create_agent",
    ] {
        for token in &forged {
            let refused = it
                .rest
                .post(path, token, r#"{"events":[]}"#)
                .refused(401, path);
            assert_eq!(refused["error"], "Invalid or expired JWT", "{token}");
            assert_eq!(
                refused["message"],
                "Please reauthorize using /reauthorize_jwt"
            );
        }
        it.rest.send("POST", path, &[], "{}").refused(401, path);
    }
    it.untouched();
}

#[test]
fn bodies_that_are_no_json() {
    let it = prepared();
    let deep = |open: &str, close: &str| {
        let value = open.repeat(100_000) + &close.repeat(100_000);
        format!(r#"{{"events":[{{"id":"x","params":{value}}}]}}"#).into_bytes()
    };
    for body in [
        b"".to_vec(),
        b"{".to_vec(),
        b"nonsense".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"events\":[{\"id\":\"x\",\"params\":\"\xc3\x28\"}]}".to_vec(),
        br#"{"events":[{"id":"x","params":1e999}]}"#.to_vec(),
        br#"{"events":[{"id":"x","params":[-1e999]}]}"#.to_vec(),
        br#"{"events":[{"id":"x"}]} and more"#.to_vec(),
        deep("[", "]"),
        deep("{\"a\":[", "]}"),
    ] {
        it.rest.post(PATH, &it.jwt, body).refused(400, PATH);
    }
    it.untouched();
}

#[test]
fn values_of_the_wrong_type_are_named() {
    let it = prepared();
    for (route, body, place) in [
        ("create_events", r#"[]"#, "body"),
        ("create_events", r#"{"events":7}"#, "events"),
        (
            "create_events",
            r#"{"events":[{"id":"a"},"b"]}"#,
            "events[1]",
        ),
        (
            "create_events",
            r#"{"events":[{"id":"a"},{"id":2}]}"#,
            "events[1].id",
        ),
        (
            "create_events",
            r#"{"events":[{"id":"a"},{},{"type":"llm","prompt_tokens":"many"}]}"#,
            "events[2].prompt_tokens",
        ),
        (
            "create_events",
            r#"{"events":[{"init_timestamp":"the day before yesterday"}]}"#,
            "events[0].init_timestamp",
        ),
        (
            "update_session",
            r#"{"session":{"tags":"one"}}"#,
            "session.tags",
        ),
        ("update_session", r#"{"end_timestamp":12}"#, "end_timestamp"),
        ("create_agent", r#"{"name":"nobody"}"#, "id"),
    ] {
        let path = format!("/v2/{route}");
        let refused = it.rest.post(&path, &it.jwt, body).refused(400, &path);
        let message = text(&refused, "message");
        assert!(
            message.starts_with(&format!("{place}: ")),
            "{body}: {message}"
        );
    }
    let ended = r#"{"session":{"end_state":"Exploded","tags":["never"]}}"#;
    let refused = it.rest.post("/v2/update_session", &it.jwt, ended);
    let refused = refused.refused(400, "/v2/update_session");
    for name in ["Success", "Fail", "Indeterminate"] {
        assert!(text(&refused, "message").contains(name), "{refused}");
    }
    it.untouched();
}

#[test]
fn routes_and_methods() {
    let it = prepared();
    for path in ["/v2/nothing", "/nothing/here", "/v3/create_session"] {
        it.rest.get(path).refused(404, path);
    }
    for (method, path) in [
        ("GET", "/v2/create_session"),
        ("PUT", "/create_events"),
        ("DELETE", "/v2/sessions/the%20session/export"),
    ] {
        let headers = [it.rest.key()];
        it.rest.send(method, path, &headers, "").refused(405, path);
    }
    let path = "/v2/sessions/no-such-session/export";
    it.rest.get(path).refused(404, path);
    it.untouched();
}

#[test]
fn archives() {
    let it = prepared();
    let bearer = format!("Bearer {}", it.jwt);
    let post = |encoding: &str, body: Vec<u8>| {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Encoding", encoding),
        ];
        it.rest.send("POST", PATH, &headers, body)
    };
    let gzip = |parts: usize, part: &[u8]| {
        let mut archive = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..parts {
            archive.write_all(part).unwrap();
        }
        archive.finish().unwrap()
    };
    let bomb = gzip(256, &[b' '; 1 << 20]);
    assert!(bomb.len() < 2 << 20, "small on the wire");
    post("gzip", bomb).refused(413, PATH);
    let good = gzip(1, br#"{"events":[]}"#);
    post("gzip", good[..good.len() / 2].to_vec()).refused(400, PATH);
    post("gzip", b"no archive".to_vec()).refused(400, PATH);
    post("br", b"no archive".to_vec()).refused(415, PATH);
    assert_eq!(post("gzip", good).ok(), "Success");
    it.untouched();
}
