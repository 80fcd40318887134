//! The tool attributes of rig and rmcp, above ours and below: the library sees the tool that it would see without us,
//! and each of its calls is one event.

mod rig_tools;
mod rmcp_tools;

use serde_json::{Value, json};

/// The tool calls of a session, without what differs from run to run; an error by its message.
fn tools(export: &Value) -> Value {
    let list = |name: &str| export[name].as_array().expect("a list").clone();
    let errors = list("errors");
    let shown = |event: &Value| {
        let fault = errors
            .iter()
            .find(|fault| fault["trigger_event_id"] == event["id"]);
        json!({
            "name": event["name"], "params": event["params"], "returns": event["returns"],
            "status": event["status"], "error": fault.map(|fault| &fault["details"]["message"]),
        })
    };
    list("tools").iter().map(shown).collect()
}

/// A call that went well.
fn ok(name: &str, params: &Value, returns: impl Into<Value>) -> Value {
    json!({"name": name, "params": params, "returns": returns.into(), "status": "ok", "error": null})
}

/// A call that failed.
fn failed(name: &str, params: &Value, error: &str) -> Value {
    json!({"name": name, "params": params, "returns": null, "status": "error", "error": error})
}
