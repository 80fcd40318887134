//! Who is let in, and what the others are told.

use agentops_protocol::{ProjectId, Timestamp};
use agentops_server::create_key;
use serde_json::json;

use crate::client::{KEY, Server, key};

const SESSION: &str = "550e8400-e29b-41d4-a716-446655440000";
const BODY: &[u8] = br#"{"session":{"id":"550e8400-e29b-41d4-a716-446655440000"}}"#;

/// A project of its own, and a key of it.
pub(crate) fn project(server: &Server, name: &str) -> (String, String) {
    let store = server.running().app().store();
    let id: ProjectId = name.parse().unwrap();
    store.create_project(&id, name).unwrap();
    let (key, info) = create_key(&**store, &id, Timestamp::from_micros(0)).unwrap();
    assert!(!format!("{key:?}").contains(&key.reveal()[8..]));
    assert_eq!(info.prefix, &key.reveal()[..8]);
    (key.reveal().to_owned(), info.id)
}

#[test]
fn keys_that_are_missing_malformed_or_unknown() {
    let server = Server::start();
    let create =
        |headers: &[(&str, &str)]| server.send("POST", "/v2/create_session", headers, BODY);
    for headers in [
        &[][..],
        &[key("")],
        &[key("not-a-key")],
        &[key("ä")],
        &[("X-Other", KEY)],
    ] {
        let body = create(headers).refused(401, "/v2/create_session");
        assert_eq!(body["error"], "Invalid API key");
        assert_eq!(body["message"], "Please check your API key and try again");
    }
    // Well-formed, and the request is open.
    assert_eq!(create(&[key(KEY)]).status, 200);
    let stale = [
        key(KEY),
        ("Authorization", "Bearer stale"),
        ("X-Agentops-Parent-Key", "unknown"),
    ];
    assert_eq!(create(&stale).status, 200);
    // The same from outside, as far as the headers tell.
    for (name, value) in [
        ("Host", "agentops.example"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("Forwarded", "for=1.2.3.4"),
        ("Via", "1.1 proxy"),
    ] {
        create(&[key(KEY), (name, value)]).refused(401, "/v2/create_session");
    }
    let (issued, _) = project(&server, "research");
    assert_eq!(
        create(&[key(&issued), ("Host", "agentops.example")]).status,
        200
    );
    let url =
        create(&[key(&issued), ("Host", "agentops.example:81")]).json()["session_url"].clone();
    assert_eq!(
        url,
        format!("http://agentops.example:81/sessions/{SESSION}").as_str()
    );
}

#[test]
fn a_revoked_key_takes_its_tokens_with_it() {
    let server = Server::start();
    let (issued, id) = project(&server, "research");
    let jwt = server
        .send("POST", "/v2/create_session", &[key(&issued)], BODY)
        .json()["jwt"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        server
            .post("/v2/create_events", &jwt, br#"{"events":[]}"#)
            .status,
        200
    );
    assert!(
        server
            .running()
            .app()
            .store()
            .revoke_key(&id, Timestamp::from_micros(1))
            .unwrap()
    );
    server
        .post("/v2/create_events", &jwt, br#"{"events":[]}"#)
        .refused(401, "/v2/create_events");
    // Well-formed as it is, it is not let in as any other key either.
    server
        .send("POST", "/v2/create_session", &[key(&issued)], BODY)
        .refused(401, "/v2/create_session");
}

#[test]
fn tokens_that_are_not_ours() {
    let server = Server::start();
    let good = server.session(SESSION);
    let parts: Vec<&str> = good.split('.').collect();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
    let flipped = format!(
        "{}.{}.{}",
        parts[0],
        parts[1],
        parts[2].chars().rev().collect::<String>()
    );
    let captured = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzZXNzaW9uX2lkIjogIjcxYWY5MDczLTU4YjctNDA2MS04MGY1LWIwZDViMjEzN2Q0OSIsICJleHAiOiAxNzk1Mzg0NjA3LjU5NTEyMzh9.cx5JMtOvITgVf7LmIe9YNm75rw05kdq8SM7CDgoP_v8";
    let events = br#"{"events":[{"id":"e","type":"tool"}]}"#;
    for token in ["", "x", "a.b.c", &none, &flipped, captured] {
        let body = server
            .post("/create_events", token, events)
            .refused(401, "/create_events");
        assert_eq!(body["error"], "Invalid or expired JWT");
        assert_eq!(body["message"], "Please reauthorize using /reauthorize_jwt");
    }
    server
        .send(
            "POST",
            "/v2/create_events",
            &[("Authorization", &good)],
            events,
        )
        .refused(401, "/v2/create_events");
    server
        .send("POST", "/v2/create_events", &[key(KEY)], events)
        .refused(401, "/v2/create_events");
    assert_eq!(server.export(SESSION)["tools"], json!([]));
    // A token of open mode is no more from outside than the key was.
    let bearer = format!("Bearer {good}");
    let outside = [
        ("Authorization", bearer.as_str()),
        ("Host", "agentops.example"),
    ];
    server
        .send("POST", "/v2/create_events", &outside, events)
        .refused(401, "/v2/create_events");
    assert_eq!(server.post("/v2/create_events", &good, events).status, 200);
}

#[test]
fn projects_do_not_see_each_other() {
    let server = Server::start();
    let (ours, _) = project(&server, "ours");
    let (theirs, _) = project(&server, "theirs");
    let jwt = server
        .send("POST", "/v2/create_session", &[key(&ours)], BODY)
        .json()["jwt"]
        .as_str()
        .unwrap()
        .to_owned();
    server.post(
        "/v2/create_events",
        &jwt,
        br#"{"events":[{"id":"secret","type":"tool"}]}"#,
    );
    for path in ["stats", "export"] {
        let path = format!("/v2/sessions/{SESSION}/{path}");
        assert_eq!(server.get(&path, &[key(&ours)]).status, 200);
        let hidden = server.get(&path, &[key(&theirs)]).refused(404, &path);
        let unknown = path.replace(SESSION, "nobody");
        let missing = server.get(&unknown, &[key(&theirs)]).refused(404, &unknown);
        assert_eq!(
            hidden["message"], missing["message"],
            "nothing tells the two apart"
        );
    }
    let ttd = format!("/v2/ttd/{SESSION}");
    server.get(&ttd, &[key(&theirs)]).refused(404, &ttd);
    let reauthorize = json!({"session_id": SESSION}).to_string();
    server
        .send(
            "POST",
            "/v2/reauthorize_jwt",
            &[key(&theirs)],
            reauthorize.as_bytes(),
        )
        .refused(404, "/v2/reauthorize_jwt");
    assert_eq!(
        server.get("/v2/sessions", &[key(&theirs)]).json()["sessions"],
        json!([])
    );
    // The same id is simply another session there.
    assert_eq!(
        server
            .send("POST", "/v2/create_session", &[key(&theirs)], BODY)
            .status,
        200
    );
    let export = server
        .get(&format!("/v2/sessions/{SESSION}/export"), &[key(&theirs)])
        .json();
    assert_eq!(export["tools"], json!([]));
    assert_eq!(export["session"]["project_id"], "theirs");
    // Nor do pages show more than the local project.
    assert_eq!(server.get(&format!("/sessions/{SESSION}"), &[]).status, 404);
}

#[test]
fn another_sites_page_cannot_send() {
    let server = Server::start();
    let cross = [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    server
        .send("POST", "/v2/create_session", &cross, BODY)
        .refused(403, "/v2/create_session");
}

#[test]
fn ids_of_any_kind_are_found_by_their_path() {
    let server = Server::start();
    for id in ["a/b c", "日本語", "50%", "q?x=1#y", "..x", "\"quoted\""] {
        let jwt = server.session(id);
        server.post(
            "/v2/create_events",
            &jwt,
            br#"{"events":[{"id":"e","type":"tool","name":"t"}]}"#,
        );
        let path: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(server.export(&path)["session"]["session_id"], id);
        let created = server.send(
            "POST",
            "/v2/create_session",
            &[key(KEY)],
            json!({"id": id}).to_string().as_bytes(),
        );
        let url = created.json()["session_url"].as_str().unwrap().to_owned();
        let path = url.strip_prefix(server.running().url()).unwrap();
        assert_eq!(server.get(path, &[]).status, 200, "{url}");
        assert!(
            server
                .get("/", &[])
                .text()
                .contains(&format!("href=\"{path}\"")),
            "{path}"
        );
    }
}

#[test]
fn a_parent_key_reads_the_session_and_no_more() {
    let server = Server::start();
    let (ours, _) = project(&server, "ours");
    let (parent, parent_id) = project(&server, "parent");
    let (stranger, _) = project(&server, "stranger");
    let path = format!("/v2/sessions/{SESSION}/export");
    let headers = [key(&ours), ("X-Agentops-Parent-Key", parent.as_str())];
    let made = server.send("POST", "/v2/create_session", &headers, BODY);
    assert_eq!(made.status, 200, "{}", made.text());
    let jwt = made.json()["jwt"].as_str().unwrap().to_owned();
    let events = br#"{"events":[{"id":"e","type":"tool"}]}"#;
    assert_eq!(server.post("/v2/create_events", &jwt, events).status, 200);
    let seen = server.get(&path, &[key(&parent)]);
    assert_eq!(seen.json()["session"]["project_id"], "ours");
    assert_eq!(seen.json()["tools"][0]["id"], "e");
    let listed =
        |issued: &str| server.get("/v2/sessions", &[key(issued)]).json()["sessions"].clone();
    assert_eq!(listed(&parent).as_array().unwrap().len(), 1);
    assert_eq!(listed(&stranger), json!([]));
    server.get(&path, &[key(&stranger)]).refused(404, &path);
    // A token would let it write.
    let body = json!({"session_id": SESSION}).to_string();
    server
        .send(
            "POST",
            "/v2/reauthorize_jwt",
            &[key(&parent)],
            body.as_bytes(),
        )
        .refused(404, "/v2/reauthorize_jwt");
    // What it makes under this id is its own.
    assert_eq!(
        server
            .send("POST", "/v2/create_session", &[key(&parent)], BODY)
            .status,
        200
    );
    assert_eq!(
        server.get(&path, &[key(&parent)]).json()["tools"],
        json!([])
    );
    assert_eq!(
        server.get(&path, &[key(&ours)]).json()["tools"][0]["id"],
        "e"
    );
    let store = server.running().app().store();
    assert!(
        store
            .revoke_key(&parent_id, Timestamp::from_micros(1))
            .unwrap()
    );
    let other = br#"{"session":{"id":"other"}}"#;
    assert_eq!(
        server
            .send("POST", "/v2/create_session", &headers, other)
            .status,
        200
    );
    let shared = store.session(Some(&"parent".parse().unwrap()), &"other".parse().unwrap());
    assert!(shared.unwrap().is_none(), "a revoked key shares nothing");
}

#[test]
fn a_server_behind_a_proxy_lets_nobody_in_without_a_key() {
    let server = Server::with(|config| config.public_url(Some("https://ops.example".to_owned())));
    // A proxy that writes the host anew and leaves no trace.
    server
        .send("POST", "/v2/create_session", &[key(KEY)], BODY)
        .refused(401, "/v2/create_session");
    assert_eq!(server.get("/", &[]).status, 401);
    let (issued, _) = project(&server, "ours");
    let made = server.send("POST", "/v2/create_session", &[key(&issued)], BODY);
    let url = made.json()["session_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://ops.example/sessions/"), "{url}");
    let near = Server::with(|config| config.public_url(Some("http://localhost:8717".to_owned())));
    assert_eq!(
        near.send("POST", "/v2/create_session", &[key(KEY)], BODY)
            .status,
        200
    );
}
