//! A program that sets a panic hook of its own while a session is open: ours is gone, and an older panic's message must
//! not be told as this one's. Alone in its process, because the hook is the process's.
#![deny(warnings, clippy::all)]

use std::panic::catch_unwind;

#[agentops::record_tool(skip_all)]
fn fails(message: &str) {
    panic!("{message}");
}

#[test]
fn a_panic_that_our_hook_has_not_seen_has_no_message() {
    let captured = agentops::testing::capture(|session| {
        assert!(catch_unwind(|| fails("seen")).is_err());
        std::panic::set_hook(Box::new(|_| {}));
        assert!(catch_unwind(|| fails("not seen")).is_err());
        session.is_active()
    });
    assert!(captured.result);
    let tools = captured.events("tools");
    let statuses: Vec<_> = tools.iter().map(|tool| tool["status"].as_str()).collect();
    assert_eq!(statuses, [Some("panicked"), Some("panicked")]);
    let message = |at: usize| {
        let errors = captured.events("errors");
        let of = |error: &&serde_json::Value| error["trigger_event_id"] == tools[at]["id"];
        errors
            .iter()
            .find(of)
            .map(|error| error["details"]["message"].clone())
    };
    assert_eq!(message(0), Some("seen".into()));
    assert_eq!(message(1), Some(serde_json::Value::Null));
}
