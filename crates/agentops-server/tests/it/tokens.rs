//! Tokens that nobody told are counted.

use serde_json::json;

use crate::client::{KEY, Server, key, wait_for};

#[test]
fn a_cost_is_there_when_it_is_asked_for_though_nobody_told_the_tokens() {
    let server = Server::start();
    let jwt = server.session("s");
    let events = json!({"events": [
        {"id": "a", "event_type": "llms", "model": "gpt-4", "prompt": [{"role": "user", "content": "hello world"}],
         "completion": "tiktoken is great!", "end_timestamp": "2024-03-14T12:00:01Z"},
        {"id": "b", "event_type": "llms", "model": "gpt-4", "prompt": "x", "completion": "y", "prompt_tokens": 150,
         "completion_tokens": 80, "end_timestamp": "2024-03-14T12:00:01Z"},
    ]});
    let sent = server.post("/v2/create_events", &jwt, events.to_string().as_bytes());
    assert_eq!(sent.status, 200);
    let stats = server.get("/v2/sessions/s/stats", &[key(KEY)]).json();
    assert!(stats["cost"].is_string(), "{stats}");
    assert!(stats["prompt_tokens"].as_u64().unwrap() > 155, "{stats}");
    let calls = server.export("s")["llms"].clone();
    assert_eq!(
        (
            &calls[0]["completion_tokens"],
            &calls[0]["tokens_estimated"]
        ),
        (&json!(6), &json!(true))
    );
    assert_eq!(calls[1].get("tokens_estimated"), None);
}

#[test]
fn the_background_counts_what_nobody_asks_for() {
    let server = Server::start();
    let jwt = server.session("s");
    let event = json!({"events": [{"id": "a", "event_type": "llms", "model": "gpt-4o", "prompt": "hello",
        "completion": "world", "end_timestamp": "2024-03-14T12:00:01Z"}]});
    let sent = server.post("/v2/create_events", &jwt, event.to_string().as_bytes());
    assert_eq!(sent.status, 200);
    // The list of events waits for no count.
    wait_for("the count", || {
        let events = server.get("/v2/events", &[key(KEY)]).json();
        let call = &events["events"][0];
        (call["tokens_estimated"] == true && call["cost"].is_number()).then_some(())
    });
}
