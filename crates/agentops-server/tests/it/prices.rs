//! Prices of one's own.

use agentops_server::{ServerConfig, serve};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::client::{KEY, Server, key};

#[test]
fn a_file_adds_prices_and_is_named_beside_the_cost() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ours.json");
    let text = r#"{"our-model": {"input_cost_per_token": 0.01, "output_cost_per_token": 0.02}}"#;
    std::fs::write(&file, text).unwrap();
    let server = Server::with(|config| config.prices(Some(file)));
    let jwt = server.session("s");
    let call = json!({"events": [
        {"id": "a", "event_type": "llms", "model": "our-model", "prompt_tokens": 3, "completion_tokens": 2},
        {"id": "b", "event_type": "llms", "model": "gpt-4", "prompt_tokens": 150, "completion_tokens": 80},
    ]});
    let sent = server.post("/v2/create_events", &jwt, call.to_string().as_bytes());
    assert_eq!(sent.status, 200);
    let stats = server.get("/v2/sessions/s/stats", &[key(KEY)]).json();
    assert_eq!(stats["cost"], "0.07930");
    let source = stats["prices"]["source"].as_str().unwrap();
    assert!(source.starts_with("litellm ") && source.ends_with(" and ours.json"));
    assert_eq!(stats["prices"]["date"].as_str().unwrap().len(), 10);
    assert_eq!(server.export("s")["stats"]["prices"], stats["prices"]);
}

#[test]
fn a_file_that_cannot_be_used_keeps_the_server_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ours.json");
    let runtime = Runtime::new().unwrap();
    let start = || {
        let config = ServerConfig::new(dir.path().join("data")).prices(Some(file.clone()));
        let refused = runtime.block_on(serve(config.listen(([127, 0, 0, 1], 0).into())));
        refused.err().expect("it does not start").to_string()
    };
    assert!(start().contains("ours.json cannot be read"));
    std::fs::write(&file, r#"{"m": {"input_cost_per_tokens": 1}}"#).unwrap();
    let error = start();
    assert!(
        error.contains("\"m\": input_cost_per_tokens is not known"),
        "{error}"
    );
}
