//! What is added to recorded events when they are shown: the default agent, the kind of an
//! error's trigger, and the export's form of prompts. Whoever shows a session uses this, so that
//! it looks the same everywhere. Pure.

use serde_json::value::RawValue;

use super::{Event, EventBody, EventKind};
use crate::{Agent, EventId, Json, SessionId};

impl Event {
    /// Adds what nobody recorded: the default agent, and the kind of an error's trigger, wherever
    /// that arrived before, after, or never.
    pub fn fill_in(
        &mut self,
        session: &SessionId,
        kind: impl FnOnce(&EventId) -> Option<EventKind>,
    ) {
        if self.agent_id.is_none() {
            self.agent_id = Some(Agent::default_of(session).id);
        }
        if let EventBody::Error(error) = &mut self.body
            && let (Some(trigger), None) = (&error.trigger_event_id, error.trigger_event_type)
        {
            error.trigger_event_type = kind(trigger);
        }
    }

    /// Puts prompt and completion into the export's form: `{"type":"chatml","messages":…}` or
    /// `{"type":"string","string":"…"}`. What is neither text nor messages stays as it is.
    pub fn spell_out(&mut self) {
        if let EventBody::Llm(llm) = &mut self.body {
            llm.prompt = llm.prompt.take().map(|prompt| typed(prompt, true));
            let completion = llm.completion.take();
            llm.completion = completion.map(|completion| typed(completion, false));
        }
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
    fn an_error_is_told_the_kind_of_its_trigger_and_everybody_an_agent() {
        let session: SessionId = "s".parse().unwrap();
        let id: EventId = "e".parse().unwrap();
        let start = crate::Timestamp::from_micros(0);
        let mut event = Event::started(id.clone(), EventKind::Error, start);
        let EventBody::Error(error) = &mut event.body else {
            unreachable!("an error was made")
        };
        error.trigger_event_id = Some(id);
        event.fill_in(&session, |_| Some(EventKind::Tool));
        let EventBody::Error(error) = &event.body else {
            unreachable!("an error was made")
        };
        assert_eq!(error.trigger_event_type, Some(EventKind::Tool));
        assert_eq!(event.agent_id, Some(Agent::default_of(&session).id));
    }
}
