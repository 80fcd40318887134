//! Looking through sessions and events, in every form.

use serde_json::{Value, json};

use crate::client::{KEY, Server, key, wait_for};

fn ids(answer: &Value, list: &str, id: &str) -> Vec<String> {
    let rows = answer[list].as_array().unwrap().iter();
    rows.map(|row| row[id].as_str().unwrap().to_owned())
        .collect()
}

fn recorded() -> Server {
    let server = Server::start();
    for (number, (model, state)) in [
        ("gpt-4", "Success"),
        ("unheard-of", "Fail"),
        ("gpt-4", "Indeterminate"),
    ]
    .into_iter()
    .enumerate()
    {
        let jwt = server.session(&format!("s{number}"));
        let update = json!({"session": {"init_timestamp": format!("2024-03-1{number}T12:00:00Z"),
            "end_timestamp": format!("2024-03-1{number}T12:00:0{}Z", 9 - number), "end_state": state, "tags": [format!("t{number}")]}});
        assert_eq!(
            server
                .post("/v2/update_session", &jwt, update.to_string().as_bytes())
                .status,
            200
        );
        let events = json!({"events": [
            {"id": "l", "event_type": "llms", "model": model, "prompt": "why", "prompt_tokens": 100 * (number + 1), "completion_tokens": 1,
             "init_timestamp": format!("2024-03-1{number}T12:00:01Z"), "end_timestamp": format!("2024-03-1{number}T12:00:02Z")},
            {"id": "t", "event_type": "tools", "name": "=search", "params": {"q": "a,b"}, "status": if number == 1 { "error" } else { "ok" },
             "init_timestamp": format!("2024-03-1{number}T12:00:02Z"), "end_timestamp": format!("2024-03-1{number}T12:00:03Z")},
        ]});
        assert_eq!(
            server
                .post("/v2/create_events", &jwt, events.to_string().as_bytes())
                .status,
            200
        );
    }
    server
}

#[test]
fn sessions_are_filtered_sorted_and_paged() {
    let server = recorded();
    let list = |query: &str| {
        let answer = server.get(&format!("/v2/sessions?{query}"), &[key(KEY)]);
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        ids(&answer.json(), "sessions", "session_id").join(" ")
    };
    for (query, expected) in [
        ("", "s2 s1 s0"),
        ("order=asc", "s0 s1 s2"),
        ("sort=duration", "s0 s1 s2"),
        ("sort=cost", "s2 s0 s1"),
        ("sort=tokens&order=asc", "s0 s1 s2"),
        ("text=S1", "s1"),
        ("tag=t2", "s2"),
        ("end_state=failed", "s1"),
        ("status=ended", "s2 s1 s0"),
        ("status=running", ""),
        ("model=gpt-4", "s2 s0"),
        ("min_duration=8", "s1 s0"),
        ("max_duration=7.5", "s2"),
        ("min_cost=0.000001", "s2 s0"),
        ("from=2024-03-11", "s2 s1"),
        ("to=2024-03-11T12:00:00%2B00:00", "s0"),
        ("errors=true", ""),
        ("agent=nobody", ""),
    ] {
        assert_eq!(list(query), expected, "{query}");
    }
    for query in [
        "limit=501",
        "sort=name",
        "order=up",
        "end_state=x",
        "status=x",
        "from=soon",
        "errors=x",
        "min_cost=x",
        "min_duration=-1",
        "cursor=x",
        "text=%00",
    ] {
        server
            .get(&format!("/v2/sessions?{query}"), &[key(KEY)])
            .refused(400, "/v2/sessions");
    }
    let first = server
        .get("/v2/sessions?sort=tokens&limit=2", &[key(KEY)])
        .json();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(list(&format!("sort=tokens&limit=2&cursor={cursor}")), "s0");
    server
        .get(&format!("/v2/sessions?cursor={cursor}"), &[key(KEY)])
        .refused(400, "/v2/sessions");
}

#[test]
fn what_looks_like_a_query_language_is_text() {
    let server = recorded();
    for text in [
        "' OR '1'='1",
        "\"; DROP TABLE sessions; --",
        "%",
        "_",
        "*",
        "NEAR(a b)",
        "a AND b",
        "x'00'",
        "\\",
        "🦀",
    ] {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let at =
            |path: &str, name: &str| server.get(&format!("{path}?{name}={encoded}"), &[key(KEY)]);
        for name in ["text", "tag", "agent", "model"] {
            let answer = at("/v2/sessions", name).json();
            assert_eq!(answer["sessions"], json!([]), "{name} {text}");
        }
        for path in ["/v2/events", "/v2/sessions/s0/events"] {
            assert_eq!(at(path, "name").json()["events"], json!([]), "{text}");
            for name in ["kind", "cursor", "from", "failed", "limit"] {
                at(path, name).refused(400, path);
            }
        }
        for name in ["sort", "order", "cursor", "end_state", "to", "min_cost"] {
            at("/v2/sessions", name).refused(400, "/v2/sessions");
        }
    }
    assert_eq!(
        server.get("/v2/sessions", &[key(KEY)]).json()["sessions"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn events_are_listed_with_bodies_on_demand() {
    let server = recorded();
    let path = "/v2/sessions/s1/events";
    let heads = server.get(path, &[key(KEY)]).json();
    assert_eq!(ids(&heads, "events", "id"), ["l", "t"]);
    let call = &heads["events"][0];
    assert_eq!(
        (&call["session_id"], &call["index"], &call["prompt"]),
        (&json!("s1"), &json!(0), &Value::Null)
    );
    let whole = server
        .get(&format!("{path}?bodies=true&kind=llm"), &[key(KEY)])
        .json();
    assert_eq!(whole["events"][0]["prompt"], "why");
    assert_eq!(whole["events"].as_array().unwrap().len(), 1);
    let one = server.get(&format!("{path}/l"), &[key(KEY)]).json();
    assert_eq!((&one["prompt"], &one["id"]), (&json!("why"), &json!("l")));
    let missing = format!("{path}/nobody");
    server.get(&missing, &[key(KEY)]).refused(404, &missing);

    let page = |query: &str| {
        server
            .get(&format!("/v2/events?{query}"), &[key(KEY)])
            .json()
    };
    let all = page("");
    assert_eq!(
        ids(&all, "events", "session_id"),
        ["s2", "s2", "s1", "s1", "s0", "s0"]
    );
    assert!(all["events"][0]["project_id"].is_string());
    assert_eq!(
        ids(&page("kind=llms"), "events", "session_id"),
        ["s2", "s1", "s0"]
    );
    assert_eq!(
        ids(&page("name=%3Dsearch&failed=true"), "events", "session_id"),
        ["s1"]
    );
    assert_eq!(
        ids(&page("name=gpt-4&from=2024-03-11"), "events", "session_id"),
        ["s2"]
    );
    let first = page("limit=4");
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = page(&format!("limit=4&cursor={cursor}"));
    assert_eq!(
        (ids(&rest, "events", "session_id"), &rest["next_cursor"]),
        (vec!["s0".to_owned(); 2], &Value::Null)
    );
}

#[test]
fn an_export_has_three_forms() {
    let server = recorded();
    let get = |format: &str| {
        server.get(
            &format!("/v2/sessions/s1/export?format={format}"),
            &[key(KEY)],
        )
    };
    assert_eq!(get("json").json(), server.export("s1"));
    let lines = get("jsonl");
    assert_eq!(lines.header("content-type"), Some("application/jsonl"));
    let lines: Vec<Value> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = lines
        .iter()
        .map(|line| line.as_object().unwrap().keys().next().unwrap().clone())
        .collect();
    assert_eq!(names, ["session", "agent", "event", "event", "stats"]);
    assert_eq!(lines[3]["event"], server.export("s1")["tools"][0]);
    let table = get("csv");
    assert_eq!(
        table.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    assert!(
        table
            .header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    let text = table.text();
    let rows: Vec<_> = text.split("\r\n").collect();
    assert!(rows[0].starts_with("id,event_type,name,status"), "{text}");
    assert!(rows[1].starts_with("l,llms,unheard-of,ok"), "{text}");
    assert!(rows[2].starts_with("t,tools,\"'=search\",error"), "{text}");
    assert!(rows[2].contains("\"{\"\"q\"\":\"\"a,b\"\"}\""), "{text}");
    server
        .get("/v2/sessions/s1/export?format=xml", &[key(KEY)])
        .refused(400, "/v2/sessions/s1/export");
}

#[test]
fn a_log_is_read_and_a_deleted_session_is_gone() {
    let server = recorded();
    let jwt = server.session("s0");
    let bearer = format!("Bearer {jwt}");
    let logs = json!({"logs": "\u{1b}[31mred\n"}).to_string();
    let sent = server.send(
        "PUT",
        "/v2/update_logs",
        &[("Authorization", &bearer)],
        logs.as_bytes(),
    );
    assert_eq!(sent.status, 200);
    assert_eq!(
        server.get("/v2/sessions/s0/logs", &[key(KEY)]).json()["logs"],
        "\u{1b}[31mred\n"
    );
    assert_eq!(
        server
            .send("DELETE", "/v2/sessions/s0", &[key(KEY)], b"")
            .status,
        204
    );
    for path in [
        "/v2/sessions/s0",
        "/v2/sessions/s0/events",
        "/v2/sessions/s0/logs",
        "/v2/sessions/s0/export",
    ] {
        server.get(path, &[key(KEY)]).refused(404, path);
    }
    server
        .send("DELETE", "/v2/sessions/s0", &[key(KEY)], b"")
        .refused(404, "/v2/sessions/s0");
    // A page of another site cannot do that.
    let cross = [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    server
        .send("DELETE", "/v2/sessions/s1", &cross, b"")
        .refused(403, "/v2/sessions/s1");
}

#[test]
fn what_was_recorded_is_found_soon_whatever_the_question_looks_like() {
    let server = recorded();
    let found = |question: &str| {
        let encoded: String = question
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        let answer = server.get(&format!("/v2/search?q={encoded}"), &[key(KEY)]);
        assert_eq!(answer.status, 200, "{question}: {}", answer.text());
        ids(&answer.json(), "events", "session_id").join(" ")
    };
    wait_for("the index", || (found("WHY gpt") == "s2 s0").then_some(()));
    for (question, expected) in [
        ("search a b", "s2 s1 s0"),
        ("unheard", "s1"),
        ("why nobody", ""),
        ("", ""),
        ("\"*\" NEAR(", ""),
        ("' OR 1=1 --", ""),
        ("why AND gpt", ""),
        ("text:why", ""),
        ("-why", "s2 s1 s0"),
        ("\u{0}", ""),
    ] {
        if question.contains('\0') {
            server
                .get("/v2/search?q=%00", &[key(KEY)])
                .refused(400, "/v2/search");
        } else {
            assert_eq!(found(question), expected, "{question}");
        }
    }
    let failed = server
        .get("/v2/search?q=search&failed=true&bodies=true", &[key(KEY)])
        .json();
    assert_eq!(failed["events"][0]["params"], json!({"q": "a,b"}));
    server.send("DELETE", "/v2/sessions/s2", &[key(KEY)], b"");
    assert_eq!(found("why gpt"), "s0");
}

#[test]
fn two_sessions_are_compared_and_others_are_not_seen() {
    let server = Server::start();
    let made = |id: &str, city: &str| {
        let (session, events) = (
            json!({"session": {"id": id}}).to_string(),
            json!({"events": [
                {"id": "plan", "event_type": "actions", "action_type": "plan", "params": {"days": 2}},
                {"id": "t", "parent_id": "plan", "event_type": "tools", "name": "weather", "params": {"city": city}},
            ]})
            .to_string(),
        );
        let answer = server.send(
            "POST",
            "/v2/create_session",
            &[key(KEY)],
            session.as_bytes(),
        );
        let jwt = answer.json()["jwt"].as_str().unwrap().to_owned();
        let sent = server.post("/v2/create_events", &jwt, events.as_bytes());
        assert_eq!(sent.status, 200, "{}", sent.text());
    };
    made("one", "Rome");
    made("two", "Oslo");
    let asked = |query: &str| server.get(&format!("/v2/compare?{query}"), &[key(KEY)]);
    let found = asked("a=one&b=two").json();
    assert_eq!(found["first_divergence"], 1, "{found}");
    assert_eq!(found["rows_by"]["changed"], 1);
    assert_eq!(found["a"]["session_id"], "one");
    assert_eq!(
        found["rows"][1]["differences"],
        json!([{"part": "arguments", "path": "params/city", "a": "\"Rome\"", "b": "\"Oslo\""}])
    );
    let same = asked("a=one&b=one&changed=true").json();
    assert_eq!(
        (&same["first_divergence"], &same["rows"]),
        (&json!(null), &json!([]))
    );
    asked("a=one&b=nobody").refused(404, "/v2/compare");
    asked("a=one").refused(400, "/v2/compare");
    let (theirs, _) = crate::access::project(&server, "theirs");
    let answer = server.get("/v2/compare?a=one&b=two", &[key(&theirs)]);
    answer.refused(404, "/v2/compare");
}
