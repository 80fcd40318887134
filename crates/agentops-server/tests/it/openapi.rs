//! The document that describes the API: kept, true, and walked with another project's key.

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::access::project;
use crate::client::{KEY, Server, key};
use crate::schema::differs;

const SESSION: &str = "550e8400-e29b-41d4-a716-446655440000";
/// Stands in everything of the session that others may not see.
const MARK: &str = "for-our-eyes-only";
/// What begins as a JPEG and has the mark in it, and the name it is kept under.
const SCREENSHOT: &str = "data:image/jpeg;base64,/9j/Zm9yLW91ci1leWVzLW9ubHk=";
const IMAGE: &str = "5d16b1477d8cf8adfd447a4248aac4773b4c43e0c7a652ab9d650069f83ca2b5.jpg";

fn document(server: &Server) -> Value {
    let answer = server.get("/openapi.json", &[]);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    answer.json()
}

/// Every operation: path, method, description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (path.clone(), method.to_uppercase(), operation.clone())
        })
    });
    all.collect()
}

/// A session with an event of every kind, and its token.
fn recorded(server: &Server, issued: &str) -> String {
    let session = json!({"session": {"id": SESSION, "tags": [MARK], "host_env": {"OS": MARK}}});
    let body = session.to_string();
    let answer = server.send(
        "POST",
        "/v2/create_session",
        &[key(issued)],
        body.as_bytes(),
    );
    let jwt = answer.json()["jwt"].as_str().unwrap().to_owned();
    let events = json!({"events": [
        {"id": "a", "event_type": "actions", "action_type": MARK, "screenshot": SCREENSHOT, "params": {"x": MARK}},
        {"id": "l", "event_type": "llms", "model": "gpt-4", "prompt": [{"role": "user", "content": MARK}],
         "completion": MARK, "prompt_tokens": 150, "completion_tokens": 80},
        {"id": "t", "event_type": "tools", "name": MARK, "returns": [MARK], "status": "running"},
        {"id": "e", "event_type": "errors", "error_type": MARK, "details": MARK, "trigger_event_id": "t"},
    ]});
    let body = events.to_string();
    assert_eq!(
        server
            .post("/v2/create_events", &jwt, body.as_bytes())
            .status,
        200
    );
    let agent = json!({"id": MARK, "name": MARK}).to_string();
    assert_eq!(
        server
            .post("/v2/create_agent", &jwt, agent.as_bytes())
            .status,
        200
    );
    let bearer = format!("Bearer {jwt}");
    let logs = json!({"logs": MARK}).to_string();
    let sent = server.send(
        "PUT",
        "/v2/update_logs",
        &[("Authorization", &bearer)],
        logs.as_bytes(),
    );
    assert_eq!(sent.status, 200);
    jwt
}

/// A path that can be asked, up to its last parameter.
fn filled(path: &str) -> String {
    let path = path
        .replace("{id}", SESSION)
        .replace("{event}", "l")
        .replace("{image}", IMAGE);
    match path.as_str() {
        "/v2/compare" => format!("{path}?a={SESSION}&b={SESSION}&"),
        _ => path + "?",
    }
}

#[test]
fn the_document_is_the_kept_one() {
    let server = Server::start();
    let text = server.get("/v2/openapi.json", &[]).text();
    expect_file!["../../golden/openapi.json"].assert_eq(&(text.clone() + "\n"));
    let yaml = server.get("/v2/openapi.yaml", &[]);
    assert_eq!(yaml.header("content-type"), Some("application/yaml"));
    assert_eq!(yaml.text(), text);
}

#[test]
fn the_document_names_every_method_that_a_path_takes() {
    let server = Server::start();
    let document = document(&server);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let refused = server.send("PATCH", &filled(path), &[key(KEY)], b"");
        assert_eq!(refused.status, 405, "{path}");
        let allowed = refused.header("allow").unwrap().to_ascii_lowercase();
        let mut allowed: Vec<_> = allowed.split(',').filter(|name| *name != "head").collect();
        let mut told: Vec<_> = methods.as_object().unwrap().keys().collect();
        allowed.sort_unstable();
        told.sort();
        assert_eq!(allowed, told, "{path}");
    }
    let operations = operations(&document);
    let mut ids: Vec<_> = operations
        .iter()
        .map(|(.., told)| told["operationId"].to_string())
        .collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "every operation has an id of its own");
}

#[test]
fn answers_are_what_the_document_says() {
    let server = Server::start();
    let document = document(&server);
    recorded(&server, KEY);
    let mut checked = 0;
    for (path, method, told) in operations(&document) {
        let good = &told["responses"]["200"]["content"]["application/json"]["schema"];
        if method != "GET" || good.is_null() {
            continue;
        }
        for query in ["", "bodies=true&limit=500"] {
            let answer = server.get(&(filled(&path) + query), &[key(KEY)]);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert_eq!(differs(&document, good, &answer.json()), None, "{path}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
    let error = &document["components"]["schemas"]["Error"];
    for path in [
        "/v2/sessions/nobody/events",
        "/v2/sessions?limit=0",
        "/v2/events?kind=x",
        "/nowhere",
    ] {
        let refused = server.get(path, &[key(KEY)]);
        assert!((400..500).contains(&refused.status), "{path}");
        assert_eq!(differs(&document, error, &refused.json()), None, "{path}");
    }
}

#[test]
fn no_route_shows_or_changes_another_projects_session() {
    let server = Server::start();
    let (ours, _) = project(&server, "ours");
    let (theirs, _) = project(&server, "theirs");
    recorded(&server, &ours);
    let export = || {
        let path = format!("/v2/sessions/{SESSION}/export");
        server.get(&path, &[key(&ours)]).text()
    };
    let before = export();
    assert!(before.contains(MARK));
    // Their own session, of another id, for a token of theirs.
    let other = br#"{"session":{"id":"theirs"}}"#;
    let made = server
        .send("POST", "/v2/create_session", &[key(&theirs)], other)
        .json();
    let bearer = format!("Bearer {}", made["jwt"].as_str().unwrap());
    let body = json!({
        "session": {"id": SESSION, "session_id": SESSION, "end_state": "Fail", "tags": ["stolen"]},
        "session_id": SESSION, "id": "l", "logs": "stolen", "name": "stolen",
        "events": [{"id": "l", "event_type": "llms", "session_id": SESSION, "completion": "stolen"}],
    })
    .to_string();
    let mut walked = 0;
    for (path, method, _) in operations(&document(&server)) {
        // Answers without end; has a test of its own.
        if path.ends_with("/stream") {
            continue;
        }
        for header in [key(&theirs), ("Authorization", bearer.as_str())] {
            let both = [header, ("X-Agentops-Parent-Key", theirs.as_str())];
            let body = if method == "GET" {
                &b""[..]
            } else {
                body.as_bytes()
            };
            let answer = server.send(&method, &filled(&path), &both, body);
            assert!(
                !answer.text().contains(MARK),
                "{method} {path}: {}",
                answer.text()
            );
            assert!(answer.status < 500, "{method} {path}");
            walked += 1;
        }
    }
    assert!(walked > 60, "{walked}");
    assert_eq!(export(), before, "nothing of it changed");
    let path = format!("/v2/sessions/{SESSION}");
    let gone = server.send("DELETE", &path, &[key(&ours)], b"");
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    server.get(&path, &[key(&ours)]).refused(404, &path);
}
