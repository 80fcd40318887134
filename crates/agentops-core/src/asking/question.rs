//! What was asked, found in arguments: a provider's request among them, or by their names.

use serde_json::{Map, Value};

use super::json::read;
use crate::llm::{Format, Request};
use crate::observe::Facts;

/// Arguments that name the model.
const MODELS: &[&str] = &[
    "model",
    "model_name",
    "model_id",
    "model_iden",
    "deployment",
];

/// Arguments that are the model's instructions.
const SYSTEMS: &[&str] = &[
    "system",
    "system_prompt",
    "system_message",
    "preamble",
    "instructions",
];

/// Arguments that are what is asked, the likeliest first.
const PROMPTS: &[&str] = &[
    "messages",
    "chat_history",
    "prompt",
    "contents",
    "input",
    "chat_req",
    "chat",
    "conversation",
    "question",
    "query",
    "user_prompt",
    "user_message",
    "message",
    "text",
];

/// What the arguments of a call say was asked.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) model: Option<String>,
    pub(super) prompt: Option<Value>,
    pub(super) params: Option<Value>,
}

impl Asked {
    /// Reads `"params":{…}` and what the user said besides, each as JSON.
    pub(super) fn read(arguments: &[u8], model: Option<&[u8]>, prompt: Option<&[u8]>) -> Asked {
        let arguments = arguments.strip_prefix(b"\"params\":").unwrap_or(arguments);
        let mut rest = match read(arguments) {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        let mut asked = Asked::default();
        asked.take_request(&mut rest);
        if let Some(model) = model.and_then(read) {
            asked.model = name(&model);
        } else if asked.model.is_none() {
            asked.model = take(&mut rest, MODELS).and_then(|model| name(&model));
        }
        if let Some(prompt) = prompt.and_then(read) {
            asked.prompt = Some(normal(prompt, None));
        } else if asked.prompt.is_none() {
            asked.take_prompt(&mut rest);
        }
        asked.add_params(rest);
        asked
    }

    /// Tells what was asked.
    pub(super) fn tell(&self, facts: &mut Facts) {
        if let Some(model) = &self.model {
            facts.name(model);
        }
        if let Some(prompt) = &self.prompt {
            facts.prompt(prompt);
        }
        if let Some(params) = &self.params {
            facts.params(params);
        }
    }

    /// An argument that is a whole request.
    fn take_request(&mut self, rest: &mut Map<String, Value>) {
        let known = |value: &Value| {
            let history = value.get("chat_history").is_some_and(Value::is_array);
            let format = if history {
                Some(Format::OpenAiChat)
            } else {
                Format::of_request(value)
            };
            format.filter(|_| value.is_object())
        };
        let found = rest
            .iter()
            .find_map(|(key, value)| Some((key.clone(), known(value)?)));
        let Some((key, format)) = found else {
            return;
        };
        let mut body = rest.remove(&key).unwrap_or_default();
        // The crate rig's own request.
        if let Value::Object(members) = &mut body
            && let Some(history) = members.remove("chat_history")
        {
            members.insert("messages".to_owned(), history);
        }
        let request = Request::read(format, body);
        self.model = request.model;
        self.prompt = request.prompt;
        self.params = request.params.map(|mut params| {
            if let Value::Object(members) = &mut params {
                members.retain(|_, value| !value.is_null());
            }
            params
        });
        self.params
            .take_if(|params| params.as_object().is_some_and(Map::is_empty));
    }

    /// The arguments that are named as what is asked is.
    fn take_prompt(&mut self, rest: &mut Map<String, Value>) {
        let system = take(rest, SYSTEMS);
        let named = take(rest, PROMPTS).or_else(|| {
            // Messages by any name.
            let key = rest
                .iter()
                .find(|(_, value)| is_conversation(value))?
                .0
                .clone();
            rest.remove(&key)
        });
        let prompt = named.or_else(|| {
            // All that is left, and alone if it is one.
            let left = std::mem::take(rest);
            match left.len() {
                0 => None,
                1 => left.into_iter().next().map(|(_, value)| value),
                _ => Some(Value::Object(left)),
            }
        });
        self.prompt = match (prompt, system) {
            (Some(prompt), system) => Some(normal(prompt, system)),
            (None, system) => system,
        };
    }

    /// What is left of the arguments, beside the parameters of a request.
    fn add_params(&mut self, rest: Map<String, Value>) {
        if rest.is_empty() {
            return;
        }
        match &mut self.params {
            Some(Value::Object(params)) => params.extend(rest),
            params => *params = Some(Value::Object(rest)),
        }
    }
}

fn take(rest: &mut Map<String, Value>, keys: &[&str]) -> Option<Value> {
    let key = keys
        .iter()
        .find(|key| rest.get(**key).is_some_and(|value| !value.is_null()))?;
    rest.remove(*key)
}

/// A model's name; some libraries have it inside of an object.
fn name(model: &Value) -> Option<String> {
    let inside = || {
        let keys = ["model_name", "name", "model", "id"];
        keys.iter().find_map(|key| model.get(*key)?.as_str())
    };
    let name = model.as_str().or_else(inside)?;
    (!name.trim().is_empty()).then(|| name.to_owned())
}

fn is_conversation(value: &Value) -> bool {
    let is_message = |item: &Value| item.get("role").is_some();
    (value.as_array()).is_some_and(|items| !items.is_empty() && items.iter().all(is_message))
}

/// A prompt with its instructions first, as requests are read; inline images become their size.
fn normal(prompt: Value, system: Option<Value>) -> Value {
    let (format, key) = match prompt {
        Value::Array(_) => (Format::OpenAiChat, "messages"),
        _ => (Format::OllamaGenerate, "prompt"),
    };
    let mut body = Map::new();
    body.insert(key.to_owned(), prompt);
    if let Some(system) = system {
        body.insert("system".to_owned(), system);
    }
    Request::read(format, Value::Object(body))
        .prompt
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(arguments: Value, model: &str, prompt: Value, params: Value) {
        let json = format!("\"params\":{arguments}");
        let asked = Asked::read(json.as_bytes(), None, None);
        let seen = (
            asked.model.unwrap_or_default(),
            asked.prompt.unwrap_or_default(),
            asked.params.unwrap_or_default(),
        );
        assert_eq!(seen, (model.to_owned(), prompt, params));
    }

    #[test]
    fn a_request_among_the_arguments() {
        let hi = json!([{"role": "user", "content": "hi"}]);
        let request = json!({"model": "gpt-4o", "messages": hi, "temperature": 0.5, "stop": null});
        check(
            json!({"tries": 3, "request": request}),
            "gpt-4o",
            hi.clone(),
            json!({"temperature": 0.5, "tries": 3}),
        );
        // rig
        let request = json!({"model": null, "chat_history": hi, "documents": null});
        check(
            json!({"model": "m", "request": request}),
            "m",
            hi.clone(),
            Value::Null,
        );
        // genai
        let request = json!({"system": "Be brief.", "messages": hi, "tools": null});
        let prompt = json!([{"role": "system", "content": "Be brief."}, hi[0]]);
        check(
            json!({"model": {"model_name": "m"}, "chat_req": request}),
            "m",
            prompt,
            Value::Null,
        );
        // Gemini
        let request = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
        check(json!({"body": request}), "", hi, Value::Null);
    }

    #[test]
    fn arguments_by_their_names() {
        check(
            json!({"question": "2 + 2?"}),
            "",
            json!("2 + 2?"),
            Value::Null,
        );
        check(
            json!({"model": "gpt-4o", "prompt": "2 + 2?", "limit": 9}),
            "gpt-4o",
            json!("2 + 2?"),
            json!({"limit": 9}),
        );
        check(
            json!({"system": "Be brief.", "question": "2 + 2?"}),
            "",
            json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]),
            Value::Null,
        );
        let turns = json!([{"role": "user", "content": "hi"}]);
        check(
            json!({"limit": 1, "turns": turns}),
            "",
            turns,
            json!({"limit": 1}),
        );
    }

    #[test]
    fn arguments_of_other_names_are_what_is_asked() {
        check(json!({"topic": "bees"}), "", json!("bees"), Value::Null);
        let all = json!({"topic": "bees", "words": 100});
        check(all.clone(), "", all, Value::Null);
        check(json!({}), "", Value::Null, Value::Null);
    }

    #[test]
    fn what_the_user_says_comes_first() {
        let arguments = br#""params":{"model":"a","prompt":"b"}"#;
        let asked = Asked::read(arguments, Some(b"\"c\""), Some(b"\"d\""));
        assert_eq!(asked.model.as_deref(), Some("c"));
        assert_eq!(asked.prompt, Some(json!("d")));
        assert_eq!(asked.params, Some(json!({"model": "a", "prompt": "b"})));
    }
}
