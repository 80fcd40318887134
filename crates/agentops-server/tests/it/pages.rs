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
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let text = page.text();
        for forbidden in ["<style", " style=", " onclick=", "http://www.w3.org"] {
            assert!(!text.contains(forbidden), "{path} {forbidden}");
        }
        let scripts = text.split("<script").skip(1);
        for script in scripts {
            assert!(
                script.starts_with(" type=\"module\" src=\"/assets/"),
                "{script}"
            );
            assert!(script.contains(".js\"></script>"), "{script}");
        }
        let links = text.split("href=\"").skip(1);
        assert!(
            links
                .map(|link| &link[..1])
                .all(|first| first == "/" || first == "#")
        );
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
    let tabs = [
        "",
        "?tab=chat",
        "?tab=errors",
        "?tab=agents",
        "?tab=graphs",
        "?tab=logs",
        "?tab=raw",
        "?event=l",
        "?event=e",
        "/session.html",
    ];
    let event = "/events/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22'%3E%3C%2Fpre%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E%26amp%3B/panel";
    let pages = tabs
        .into_iter()
        .chain([event])
        .map(|tab| format!("{path}{tab}"));
    for path in pages.chain(["/".to_owned()]) {
        let page = server.get(&path, &[]);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let text = page.text();
        for forbidden in [
            "<img",
            "alert(2)</script",
            "<script>",
            "href=\"javascript",
            "src=\"javascript",
        ] {
            assert!(!text.contains(forbidden), "{path}: {forbidden}");
        }
        assert_eq!(
            text.matches("<pre").count(),
            text.matches("</pre>").count(),
            "{path}"
        );
        assert!(text.contains("img src=x onerror=alert(1)"), "{path}");
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
        "hot tea on desk",
        "memory full",
        "1 to 7 of 7",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let chosen = |id: &str| {
        let whole = server
            .get(&format!("/sessions/{SESSION}?event={id}"), &[])
            .text();
        let alone = server
            .get(&format!("/sessions/{SESSION}/events/{id}/panel"), &[])
            .text();
        assert!(whole.contains(alone.trim()), "{alone}");
        alone
    };
    assert!(chosen("inner").contains("how?") && chosen("inner").contains("hot"));
    assert!(
        chosen("outer").contains("<bdi>goal</bdi>") && chosen("outer").contains("Spill: hot tea")
    );
    assert!(chosen("err").contains("data-jump=\"outer\""));
    let outline = server
        .get(&format!("/sessions/{SESSION}/outline.json"), &[])
        .json();
    assert_eq!(outline["kind"], "aletaaa");
    assert_eq!(outline["depth"], json!([0, 1, 1, 0, 0, 0, 1]));
    assert_eq!(outline["status"], "ooerrrr");
    for (tab, part) in [
        ("chat", "how?"),
        ("errors", "hot tea on desk"),
        ("agents", "Default agent"),
        ("graphs", "Slowest calls"),
        ("logs", "No log"),
        ("raw", "Take it away"),
    ] {
        let page = server.get(&format!("/sessions/{SESSION}?tab={tab}"), &[]);
        assert!(
            page.status == 200 && page.text().contains(part),
            "{tab}: {part}"
        );
    }
    let place = |name: &str| {
        page.find(&format!("<bdi>{name}</bdi>"))
            .unwrap_or_else(|| panic!("{name} is missing"))
    };
    let level = |name: &str| {
        let before = &page[..page
            .find(&format!("<span class=\"name\"><bdi>{name}</bdi>"))
            .unwrap()];
        before.rsplit(", level ").next().unwrap()[..1]
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
    assert!(page.body.len() < 1 << 20, "{} bytes", page.body.len());
    let panel = server.get(&format!("/sessions/{SESSION}/events/e7/panel"), &[]);
    assert!(panel.body.len() < 512 << 10, "{} bytes", panel.body.len());
    assert!(panel.text().contains("more bytes in the event"));
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
fn files_are_kept_by_browsers_and_those_of_another_version_are_not() {
    let server = Server::start();
    let page = server.get("/", &[]).text();
    let sheet = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
    let sheet = sheet.split('"').next().unwrap();
    let answer = server.get(sheet, &[]);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/css; charset=utf-8"))
    );
    let keep = answer.header("cache-control").unwrap();
    assert!(keep.contains("immutable"), "{keep}");
    let old = server.get("/assets/0123456789abcdef/page.js", &[]);
    assert_eq!(
        (old.status, old.header("cache-control")),
        (200, Some("no-cache"))
    );
    assert_eq!(
        old.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    for name in [
        "..%2f..%2fCargo.toml",
        "style.css.bak",
        "..%2fx%2fstyle.css",
    ] {
        assert_eq!(server.get(&format!("/assets/x/{name}"), &[]).status, 404);
    }
}

#[test]
fn a_session_is_one_file_that_loads_nothing() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    create_events(
        &server,
        &jwt,
        &json!([
            {"id": "a", "type": "action", "action_type": "plan", "params": {"goal": "</script><b>"}},
            {"id": "e", "type": "error", "error_type": "Spill", "details": "hot", "trigger_event_id": "a"}
        ]),
    );
    let file = server.get(&format!("/sessions/{SESSION}/session.html"), &[]);
    assert_eq!(
        file.header("content-disposition"),
        Some("attachment; filename=\"session.html\"")
    );
    let text = file.text();
    assert!(
        text.contains(
            "http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;"
        )
    );
    assert_eq!(
        text.matches("<script").count(),
        2,
        "its data and its script"
    );
    assert_eq!(text.matches("</script>").count(), 2);
    assert!(!text.contains("<link") && !text.contains("import "));
    assert!(text.contains("Spill: hot") && text.contains("<bdi>goal</bdi>"));
    assert_eq!(server.get("/sessions/nobody/session.html", &[]).status, 404);
}

#[test]
fn the_list_is_narrowed_put_in_order_and_shortened() {
    let server = Server::start();
    for (id, tag) in [("one", "red"), ("two", "blue & red")] {
        let body =
            json!({"session": {"id": id, "tags": [tag], "init_timestamp": "2024-03-14T12:00:00Z"}});
        let made = server.send(
            "POST",
            "/v2/create_session",
            &[key(KEY)],
            body.to_string().as_bytes(),
        );
        assert_eq!(made.status, 200);
    }
    let has = |query: &str| {
        let page = server.get(&format!("/{query}"), &[]);
        assert_eq!(page.status, 200, "{query}");
        let text = page.text();
        [
            text.contains("data-row=\"one\""),
            text.contains("data-row=\"two\""),
        ]
    };
    assert_eq!(has(""), [true, true]);
    assert_eq!(has("?tag=red"), [true, false]);
    assert_eq!(has("?tag=blue+%26+red&status=running"), [false, true]);
    assert_eq!(has("?text=BLUE"), [false, true]);
    assert_eq!(has("?errors=true"), [false, false]);
    assert_eq!(has("?range=hour"), [false, false]);
    assert_eq!(
        has("?from=2024-03-14&to=2024-03-15&end_state=Indeterminate"),
        [true, true]
    );
    assert_eq!(server.get("/?end_state=Maybe", &[]).status, 400);
    let narrow = server.get("/?errors=true", &[]).text();
    assert!(narrow.contains("No session fits"));
    let gone = server.send(
        "POST",
        "/sessions/one/delete",
        &[("Origin", server.running().url())],
        b"",
    );
    assert_eq!((gone.status, gone.header("location")), (303, Some("/")));
    assert_eq!(has(""), [false, true]);
    let foreign = server.send(
        "POST",
        "/sessions/two/delete",
        &[("Origin", "http://evil.example")],
        b"",
    );
    assert_eq!(foreign.status, 403);
    assert_eq!(has(""), [false, true]);
}
