//! Every sample of the documentation, sent as it stands there.

use serde_json::{Value, json};

use crate::client::{KEY, Server, key};

const SESSION: &str = "550e8400-e29b-41d4-a716-446655440000";

fn sample(name: &str) -> Vec<u8> {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../agentops-protocol/golden/documentation/"
    );
    std::fs::read(format!("{golden}{name}")).unwrap()
}

#[test]
fn the_whole_documented_day_of_a_session() {
    for prefix in ["", "/v2"] {
        let server = Server::start();
        let at = |path: &str| format!("{prefix}{path}");
        let send = |path: &str, jwt: &str, name: &str| {
            let answer = server.post(&at(path), jwt, &sample(name));
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(
                answer.header("agentops-server"),
                Some(env!("CARGO_PKG_VERSION"))
            );
            answer.json()
        };
        let created = server.send(
            "POST",
            &at("/create_session"),
            &[key(KEY)],
            &sample("create_session.json"),
        );
        assert_eq!(created.header("accept-encoding"), Some("gzip, zstd"));
        let created = created.json();
        assert_eq!(created["status"], "Success");
        assert_eq!(created["session_id"], SESSION);
        let url = format!("{}/sessions/{SESSION}", server.running().url());
        assert_eq!(created["session_url"], url.as_str());
        let jwt = created["jwt"].as_str().unwrap();

        assert_eq!(send("/create_events", jwt, "create_events.json"), "Success");
        assert_eq!(
            send("/create_events", jwt, "create_events.minimal.json"),
            "Success"
        );
        assert_eq!(send("/update_events", jwt, "update_events.json"), "Success");
        assert_eq!(send("/create_agent", jwt, "create_agent.json"), "Success");
        let thread = server.post(
            &at("/create_thread"),
            jwt,
            br#"{"id":"t-1","agent_id":"agent-123"}"#,
        );
        assert_eq!(thread.json(), "Success");

        let again = server.send(
            "POST",
            &at("/reauthorize_jwt"),
            &[key(KEY)],
            &sample("reauthorize_jwt.json"),
        );
        assert_eq!(again.json()["status"], "Success");
        let jwt = again.json()["jwt"].as_str().unwrap().to_owned();

        let ended = send("/update_session", &jwt, "update_session.json");
        assert_eq!(ended["status"], "success");
        assert_eq!(ended["session_url"], url.as_str());
        // One call has no model, so the cost of the whole is not known.
        assert_eq!(ended["token_cost"], Value::Null);
        let stats = server
            .get(&at(&format!("/sessions/{SESSION}/stats")), &[key(KEY)])
            .json();
        assert_eq!(stats["cost_known"], "0.00930");
        assert_eq!(stats["prompt_tokens"], 150);

        let export = server
            .get(&at(&format!("/sessions/{SESSION}/export")), &[key(KEY)])
            .json();
        assert_eq!(export["session"]["end_state"], "Success");
        assert_eq!(
            export["session"]["end_state_reason"],
            "Task successfully completed"
        );
        assert_eq!(
            export["session"]["tags"],
            json!(["production", "updated-tag"])
        );
        // The third is the update that came before its create; what it changes says its kind.
        let llms = export["llms"].as_array().unwrap();
        assert_eq!(llms.len(), 3);
        assert!(llms.iter().any(|llm| llm["id"] == "event-id-123"));
        assert_eq!(export["tools"][0]["params"], "SELECT * FROM users");
        assert_eq!(export["tools"][0]["returns"], "Retrieved 5 users");
        assert_eq!(export["agents"][0]["name"], "Research Assistant");
        assert_eq!(
            export["threads"],
            json!([{"id": "t-1", "agent_id": "agent-123"}])
        );
    }
}

#[test]
fn the_cost_of_the_documented_call_is_exact() {
    let server = Server::start();
    let jwt = server.session(SESSION);
    server.post("/v2/create_events", &jwt, &sample("create_events.json"));
    let ended = server
        .post("/v2/update_session", &jwt, &sample("update_session.json"))
        .json();
    assert_eq!(ended["token_cost"], "0.00930");
}

#[test]
fn the_integration_example_runs() {
    let server = Server::start();
    let created = server.send(
        "POST",
        "/v2/create_session",
        &[key(KEY)],
        &sample("integration.create_session.json"),
    );
    let jwt = created.json()["jwt"].as_str().unwrap().to_owned();
    let id = created.json()["session_id"].as_str().unwrap().to_owned();
    assert_eq!(
        server
            .post(
                "/v2/create_events",
                &jwt,
                &sample("integration.create_events.json")
            )
            .status,
        200
    );
    let ended = server.post(
        "/v2/update_session",
        &jwt,
        &sample("integration.update_session.json"),
    );
    assert_eq!(ended.status, 200);
    let export = server.export(&id);
    assert_eq!(
        export["session"]["end_state"], "Success",
        "`completed` is a success"
    );
    assert_eq!(
        export["llms"][0]["prompt"],
        json!({"type": "string", "string": "Hello, world!"})
    );
}

#[test]
fn a_flat_session_body_and_the_other_name_of_create_session() {
    let server = Server::start();
    let flat = sample("create_session.flat.json");
    assert_eq!(
        server
            .send("POST", "/v2/sessions", &[key(KEY)], &flat)
            .json()["session_id"],
        SESSION
    );
    let list = server.get("/v2/sessions?limit=1", &[key(KEY)]).json();
    assert_eq!(list["sessions"][0]["session_id"], SESSION);
    assert_eq!(list["sessions"][0]["status"], "running");
    assert_eq!(list["next_cursor"], Value::Null);
}

#[test]
fn health_logs_ttd_and_reports() {
    let server = Server::start();
    assert_eq!(
        server.get("/health", &[]).json(),
        json!({"message": "Server Up"})
    );
    assert_eq!(
        server.get("/v2/health", &[]).json(),
        json!({"message": "Server Up"})
    );

    let jwt = server.session(SESSION);
    let bearer = format!("Bearer {jwt}");
    for text in ["one\n", "two\n"] {
        let body = json!({"logs": text}).to_string();
        let answer = server.send(
            "PUT",
            "/v2/update_logs",
            &[("Authorization", &bearer)],
            body.as_bytes(),
        );
        assert_eq!(answer.json()["status"], "success");
        let url = format!("{}/sessions/{SESSION}?tab=logs", server.running().url());
        assert_eq!(answer.json()["logs_url"], url.as_str());
    }
    let logs = format!("/sessions/{SESSION}?tab=logs");
    let page = server.get(&logs, &[]).text();
    assert!(page.contains("one\ntwo\n"));

    server.post("/create_events", &jwt, &sample("create_events.json"));
    let rows = server
        .get(&format!("/v2/ttd/{SESSION}"), &[key(KEY)])
        .json();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["ttd_id"], SESSION);
    assert_eq!(rows[0]["branch_name"], "main");
    assert_eq!(rows[0]["model"], "gpt-4");
    assert_eq!(rows[0]["prompt_tokens"], 150);

    for body in [
        &br#"{"sdk_version":"0.3.26","type":"ValueError","message":"m"}"#[..],
        b"{",
        b"",
        b"[]",
        br#"{"message":7}"#,
    ] {
        let answer = server.send("POST", "/v2/developer_errors", &[key(KEY)], body);
        assert_eq!((answer.status, answer.body.len()), (204, 0));
    }
    server
        .send("POST", "/v2/developer_errors", &[], b"{}")
        .refused(401, "/v2/developer_errors");
}
