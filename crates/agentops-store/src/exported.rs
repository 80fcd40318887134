//! What is added to stored events when they are shown: the default agent, the kind of an error's
//! trigger, and the export's form of prompts. Pure.

use agentops_protocol::{Agent, AgentId, Event, EventBody, EventId, EventKind, Json, SessionId};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The namespace of default agents' ids; a random UUID, never to change.
const NAMESPACE: Uuid = Uuid::from_u128(0x2b8e_0f6a_9c4d_4d35_8f52_6e1d_70a3_c91b);

/// The id of the agent to whom events belong that name none. It follows from the session, so
/// every reader gives the same, and nothing is stored for it.
pub(crate) fn default_agent_id(session: &SessionId) -> AgentId {
    Uuid::new_v5(&NAMESPACE, session.as_str().as_bytes()).into()
}

/// The agent to whom events belong that name none.
pub(crate) fn default_agent(session: &SessionId) -> Agent {
    Agent {
        id: default_agent_id(session),
        name: Some("Default Agent".to_owned()),
        logs: None,
    }
}

/// Adds what is not stored: the default agent, and the kind of an error's trigger wherever that
/// arrived before, after, or never.
pub(crate) fn finish(
    event: &mut Event,
    session: &SessionId,
    kind: impl FnOnce(&EventId) -> Option<EventKind>,
) {
    if event.agent_id.is_none() {
        event.agent_id = Some(default_agent_id(session));
    }
    if let EventBody::Error(error) = &mut event.body
        && let (Some(trigger), None) = (&error.trigger_event_id, error.trigger_event_type)
    {
        error.trigger_event_type = kind(trigger);
    }
}

/// Puts prompt and completion into the export's form: `{"type":"chatml","messages":…}` or
/// `{"type":"string","string":"…"}`. What is neither text nor messages stays as it is.
pub(crate) fn spell_out(event: &mut Event) {
    if let EventBody::Llm(llm) = &mut event.body {
        llm.prompt = llm.prompt.take().map(|prompt| typed(prompt, true));
        llm.completion = llm
            .completion
            .take()
            .map(|completion| typed(completion, false));
    }
}

fn typed(json: Json, listed: bool) -> Json {
    let text = json.get();
    let written = match text.as_bytes().first() {
        Some(b'"') => format!("{{\"type\":\"string\",\"string\":{text}}}"),
        Some(b'[') => format!("{{\"type\":\"chatml\",\"messages\":{text}}}"),
        Some(b'{') => match json.to_value() {
            value if value.get("type").is_some_and(is_form) => return json,
            value if value.get("role").is_none() => return json,
            _ if listed => format!("{{\"type\":\"chatml\",\"messages\":[{text}]}}"),
            _ => format!("{{\"type\":\"chatml\",\"messages\":{text}}}"),
        },
        _ => return json,
    };
    // Two more levels can leave the depth that is read back; then the value stays as it is.
    RawValue::from_string(written)
        .ok()
        .and_then(|raw| Json::from_raw(raw).ok())
        .unwrap_or(json)
}

fn is_form(kind: &serde_json::Value) -> bool {
    kind == "chatml" || kind == "string"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, listed: bool, shown: &str) {
        assert_eq!(typed(Json::parse(given).unwrap(), listed).get(), shown);
    }

    #[test]
    fn every_accepted_prompt_has_one_form_in_an_export() {
        check(r#""hi""#, true, r#"{"type":"string","string":"hi"}"#);
        check(
            r#"[{"role":"user"}]"#,
            true,
            r#"{"type":"chatml","messages":[{"role":"user"}]}"#,
        );
        check(
            r#"{"role":"user"}"#,
            true,
            r#"{"type":"chatml","messages":[{"role":"user"}]}"#,
        );
        check(
            r#"{"role":"user"}"#,
            false,
            r#"{"type":"chatml","messages":{"role":"user"}}"#,
        );
        for kept in [r#"{"type":"chatml","messages":[]}"#, r#"{"a":1}"#, "5"] {
            check(kept, true, kept);
        }
    }

    #[test]
    fn the_default_agent_follows_from_the_session() {
        let id = |text: &str| default_agent_id(&text.parse().unwrap());
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("b"));
    }
}
