//! Pages as a browser gets them: whole without scripts, and safe whatever was recorded.

use serde_json::json;

use crate::client::{KEY, Server, key};

const SESSION: &str = "550e8400-e29b-41d4-a716-446655440000";

fn create_events(server: &Server, jwt: &str, events: &serde_json::Value) {
    let answer = server.post(
        "/v2/create_events",
        jwt,
        json!({"events": events}).to_string().as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn the_empty_list_teaches() {
    let server = Server::start();
    let page = server.get("/", &[]);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let text = page.text();
    assert!(text.contains("#[agentops::record_action]"));
    assert!(text.contains(&format!("AGENTOPS_API_ENDPOINT={}", server.running().url())));
}

#[test]
fn no_page_can_run_or_load_anything_foreign() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    create_events(
        &server,
        &jwt,
        &json!([{"id": "e", "type": "tool", "name": "t"}]),
    );
    for path in ["/", &format!("/sessions/{SESSION}"), "/sessions/nobody"] {
        let page = server.get(path, &[]);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self' data:;"));
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let text = page.text();
        for forbidden in ["<script", " style=", " onclick=", "http://www.w3.org"] {
            assert!(!text.contains(forbidden), "{path} {forbidden}");
        }
        let links = text.split("href=\"").skip(1);
        assert!(links.map(|link| &link[..1]).all(|first| first == "/"));
    }
    let gone = server.get("/sessions/nobody", &[]);
    assert_eq!(
        (gone.status, gone.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
}

#[test]
fn what_was_recorded_stays_text() {
    let server = Server::start();
    let evil = "<img src=x onerror=alert(1)>\"'></pre><script>alert(2)</script>&amp;";
    let body = json!({"session": {
        "id": evil, "init_timestamp": "2024-03-14T12:00:00Z", "tags": [evil], "video": "javascript:alert(3)",
        "end_state": "Fail", "end_state_reason": evil, "host_env": {evil: evil}
    }});
    let created = server
        .send(
            "POST",
            "/v2/create_session",
            &[key(KEY)],
            body.to_string().as_bytes(),
        )
        .json();
    let jwt = created["jwt"].as_str().unwrap();
    server.post("/v2/update_session", jwt, body.to_string().as_bytes());
    create_events(
        &server,
        jwt,
        &json!([
            {"id": evil, "type": "action", "action_type": evil, "params": {evil: [evil]}, "returns": evil, "logs": evil,
             "screenshot": format!("javascript:{evil}"), "agent_id": evil, "status": evil},
            {"id": "l", "type": "llm", "model": evil, "prompt": [{"role": evil, "content": evil}], "completion": evil},
            {"id": "e", "type": "error", "error_type": evil, "details": evil, "code": evil, "trigger_event_id": evil}
        ]),
    );
    let logs = json!({"logs": evil}).to_string();
    server.send(
        "PUT",
        "/v2/update_logs",
        &[("Authorization", &format!("Bearer {jwt}"))],
        logs.as_bytes(),
    );
    let path = created["session_url"]
        .as_str()
        .unwrap()
        .strip_prefix(server.running().url())
        .unwrap();
    for path in ["/", path] {
        let page = server.get(path, &[]);
        assert_eq!(page.status, 200, "{}", page.text());
        let text = page.text();
        assert!(
            !text.contains("<img") && !text.contains("<script"),
            "{text}"
        );
        assert_eq!(
            text.matches("<pre>").count(),
            text.matches("</pre>").count()
        );
        assert!(!text.contains("href=\"javascript") && !text.contains("src=\"javascript"));
        assert!(text.contains("&#60;img src=x onerror=alert(1)&#62;"));
    }
}

#[test]
fn the_session_page_shows_the_tree_the_facts_and_the_values() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    create_events(
        &server,
        &jwt,
        &json!([
            {"id": "outer", "type": "action", "action_type": "plan", "params": {"goal": "tea"},
             "init_timestamp": "2024-03-14T12:00:01Z", "end_timestamp": "2024-03-14T12:00:04Z"},
            {"id": "inner", "parent_id": "outer", "type": "llm", "model": "gpt-4", "prompt": "how?", "completion": "hot",
             "prompt_tokens": 150, "completion_tokens": 80,
             "init_timestamp": "2024-03-14T12:00:02Z", "end_timestamp": "2024-03-14T12:00:03Z"},
            {"id": "err", "type": "error", "error_type": "Spill", "details": {"message": "hot tea on desk"},
             "trigger_event_id": "outer", "timestamp": "2024-03-14T12:00:03Z"},
            {"id": "open", "type": "tool", "name": "kettle", "init_timestamp": "2024-03-14T12:00:03Z"},
            {"id": "c1", "parent_id": "c2", "type": "action", "action_type": "circle one", "init_timestamp": "2024-03-14T12:00:03Z"},
            {"id": "c2", "parent_id": "c1", "type": "action", "action_type": "circle two", "init_timestamp": "2024-03-14T12:00:03Z"},
            {"id": "lost", "parent_id": "gone", "type": "action", "action_type": "orphan", "init_timestamp": "2024-03-14T12:00:03Z"}
        ]),
    );
    let end = json!({"end_timestamp": "2024-03-14T12:00:11Z", "end_state": "Success", "tags": ["kitchen"], "dropped": {"memory_full": 3}});
    server.post("/v2/update_session", &jwt, end.to_string().as_bytes());
    let page = server.get(&format!("/sessions/{SESSION}"), &[]).text();
    for part in [
        "plan",
        "kitchen",
        "Success",
        "$0.009300",
        "230 tokens",
        "11.00 s",
        "how?",
        "hot tea on desk",
        "memory_full",
        "1 to 7 of 7",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("\"goal\"") || page.contains("&#34;goal&#34;"));
    let place = |name: &str| {
        page.find(&format!("<bdi>{name}</bdi>"))
            .unwrap_or_else(|| panic!("{name} is missing"))
    };
    let level = |name: &str| {
        let before = &page[..page
            .find(&format!("<span class=\"name\"><bdi>{name}</bdi>"))
            .unwrap()];
        before.rsplit("aria-level=\"").next().unwrap()[..1]
            .parse::<u8>()
            .unwrap()
    };
    assert_eq!(
        [
            level("plan"),
            level("gpt-4"),
            level("Spill"),
            level("kettle")
        ],
        [1, 2, 2, 1]
    );
    assert_eq!(
        [level("circle one"), level("circle two"), level("orphan")],
        [1, 2, 1]
    );
    assert!(place("gpt-4") < place("kettle"));
    let list = server.get("/", &[]).text();
    for part in [
        "plan",
        "kitchen",
        "Success",
        "11.00 s",
        "$0.009300",
        &format!("href=\"/sessions/{SESSION}\""),
    ] {
        assert!(list.contains(part), "{part}");
    }
}

#[test]
fn five_hundred_events_a_page() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    let events: Vec<_> = (0..1_001)
        .map(|number| json!({"id": format!("e{number}"), "type": "tool", "name": format!("tool-{number}-"), "init_timestamp": format!("2024-03-14T12:{:02}:{:02}Z", number / 60, number % 60)}))
        .collect();
    create_events(&server, &jwt, &json!(events));
    let mut path = format!("/sessions/{SESSION}");
    let mut pages = Vec::new();
    loop {
        let text = server.get(&path, &[]).text();
        let next = text
            .split("<a rel=\"next\" href=\"")
            .nth(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned());
        pages.push(text);
        match next {
            Some(next) => path = next.replace("&#38;", "&"),
            None => break,
        }
    }
    assert_eq!(pages.len(), 3);
    assert!(pages[0].contains("1 to 500 of 1001") && pages[0].contains("tool-499-"));
    assert!(pages[1].contains("501 to 1000 of 1001") && pages[1].contains("tool-500-"));
    assert!(pages[2].contains("1001 to 1001 of 1001") && !pages[2].contains("tool-999-"));
    assert!(pages[1].contains(&format!("href=\"/sessions/{SESSION}\">From the beginning")));
}

#[test]
fn a_page_of_large_values_stays_small() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    let large = "long ".repeat(20_000);
    let events: Vec<_> = (0..400)
        .map(|number| json!({"id": format!("e{number}"), "type": "tool", "params": large}))
        .collect();
    create_events(&server, &jwt, &json!(events));
    let page = server.get(&format!("/sessions/{SESSION}"), &[]);
    assert!(page.body.len() < 6 << 20, "{} bytes", page.body.len());
    assert!(page.text().contains("more bytes in the export"));
}

#[test]
fn pages_are_for_who_sits_here() {
    let server = Server::start();
    for header in [("Host", "agentops.example"), ("X-Forwarded-For", "1.2.3.4")] {
        let page = server.get("/", &[header]);
        assert_eq!(page.status, 401);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(page.text().contains("http://127.0.0.1"));
        assert!(page.header("content-security-policy").is_some());
    }
}

#[test]
fn the_style_sheet_is_sent_once() {
    let server = Server::start();
    let sheet = server.get("/assets/style.css", &[]);
    assert_eq!(
        (sheet.status, sheet.header("content-type")),
        (200, Some("text/css; charset=utf-8"))
    );
    let tag = sheet.header("etag").unwrap();
    let again = server.get("/assets/style.css", &[("If-None-Match", tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(
        server.get("/assets/icon.svg", &[]).header("content-type"),
        Some("image/svg+xml")
    );
    for name in ["..%2f..%2fCargo.toml", "style.css.bak"] {
        assert_eq!(server.get(&format!("/assets/{name}"), &[]).status, 404);
    }
}
