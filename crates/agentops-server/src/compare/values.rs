//! Recorded values as they are compared.

use agentops_protocol::Json;
use serde_json::Value;

/// Members of chat messages that name a tool call, in the words of several providers: chosen anew
/// in every run.
const CALL_IDS: [&str; 3] = ["tool_call_id", "tool_use_id", "call_id"];
/// What an object with an `id` of a tool call has beside it.
const OF_A_CALL: [&str; 3] = ["function", "input", "arguments"];

/// A value of an event, as a tree; `None` for none and for null, which say the same.
pub(super) fn tree(json: Option<&Json>) -> Option<Value> {
    json.filter(|json| !json.is_null()).map(Json::to_value)
}

/// A chat, as a tree without the ids of tool calls.
pub(super) fn chat(json: Option<&Json>) -> Option<Value> {
    let mut chat = tree(json)?;
    forget_ids(&mut chat);
    Some(chat)
}

/// At most as deep as a recorded value may nest.
fn forget_ids(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !CALL_IDS.contains(&name.as_str()));
            if OF_A_CALL.iter().any(|name| members.contains_key(*name)) {
                members.remove("id");
            }
            members.values_mut().for_each(forget_ids);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_ids),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_tool_calls_are_forgotten_and_others_are_not() {
        let forgotten = |text: &str| chat(Some(&Json::parse(text).unwrap())).unwrap().to_string();
        assert_eq!(
            forgotten(
                r#"[{"role":"assistant","tool_calls":[{"id":"call_1","function":{"name":"f"}}]},
                {"role":"tool","tool_call_id":"call_1","content":"{\"id\":7}"}]"#
            ),
            r#"[{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]},{"content":"{\"id\":7}","role":"tool"}]"#
        );
        assert_eq!(
            forgotten(
                r#"[{"type":"tool_use","id":"toolu_1","name":"f","input":{"id":3}},{"id":"kept"}]"#
            ),
            r#"[{"input":{"id":3},"name":"f","type":"tool_use"},{"id":"kept"}]"#
        );
    }
}
