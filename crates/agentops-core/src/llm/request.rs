//! What was asked.

use serde_json::{Map, Value, json};

use super::{Format, media};

/// Members of a request that never are parameters worth keeping: what is recorded elsewhere.
const ELSEWHERE: &[&str] = &["model", "messages", "stream", "stream_options", "raw"];

/// What was asked of a model.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// The model, where the body names it.
    pub model: Option<String>,
    /// Chat messages with the system's first, or a text, or texts to embed.
    pub prompt: Option<Value>,
    /// Everything else: tools, temperature, limits.
    pub params: Option<Value>,
    /// Whether the answer was asked for as a stream.
    pub stream: bool,
}

impl Request {
    /// Reads a request body; what is not there is left out.
    ///
    /// ```
    /// # use agentops_core::llm::{Format, Request};
    /// use serde_json::json;
    ///
    /// let body = json!({
    ///     "model": "claude-sonnet-4-5", "system": "Be brief.", "max_tokens": 9,
    ///     "messages": [{ "role": "user", "content": "2 + 2?" }],
    /// });
    /// let request = Request::read(Format::Anthropic, body);
    /// assert_eq!(request.model.as_deref(), Some("claude-sonnet-4-5"));
    /// assert_eq!(
    ///     request.prompt,
    ///     Some(json!([
    ///         { "role": "system", "content": "Be brief." },
    ///         { "role": "user", "content": "2 + 2?" },
    ///     ]))
    /// );
    /// assert_eq!(request.params, Some(json!({ "max_tokens": 9 })));
    /// ```
    #[must_use]
    pub fn read(format: Format, body: Value) -> Self {
        let Value::Object(mut body) = body else {
            return Self::default();
        };
        let model = body.get("model").and_then(Value::as_str).map(str::to_owned);
        let stream = match body.get("stream") {
            Some(Value::Bool(stream)) => *stream,
            // Ollama streams unless told not to.
            _ => matches!(format, Format::OllamaChat | Format::OllamaGenerate),
        };
        let mut prompt = match format {
            Format::Gemini => Some(gemini(&mut body)),
            Format::GeminiEmbed => take(&mut body, &["content", "requests"]),
            Format::OpenAiResponses => Some(responses(&mut body)),
            Format::OpenAiEmbeddings => take(&mut body, &["input"]),
            Format::OllamaEmbed => take(&mut body, &["input", "prompt"]),
            Format::OpenAiCompletions => take(&mut body, &["prompt"]),
            Format::OllamaGenerate => Some(generate(&mut body)),
            _ => Some(chat(&mut body)),
        };
        if let Some(prompt) = &mut prompt {
            media::without_data(prompt);
        }
        for key in ELSEWHERE {
            body.remove(*key);
        }
        let mut params = Value::Object(body);
        media::without_data(&mut params);
        Self {
            model,
            prompt: prompt.filter(|prompt| !prompt.is_null()),
            params: Some(params)
                .filter(|params| params.as_object().is_some_and(|all| !all.is_empty())),
            stream,
        }
    }
}

fn take(body: &mut Map<String, Value>, keys: &[&str]) -> Option<Value> {
    keys.iter().find_map(|key| body.remove(*key))
}

/// The system's words, if there are any, before the messages.
fn with_system(system: Option<Value>, messages: Vec<Value>) -> Value {
    let system = system.filter(|system| !system.is_null());
    let first = system.map(|content| json!({ "role": "system", "content": plain(content) }));
    first.into_iter().chain(messages).collect()
}

/// A list of one text is that text.
fn plain(content: Value) -> Value {
    if let Value::Array(parts) = &content
        && let [part] = parts.as_slice()
        && let Some(text) = part.get("text").and_then(Value::as_str)
    {
        return text.into();
    }
    content
}

fn chat(body: &mut Map<String, Value>) -> Value {
    let system = body.remove("system");
    match body.remove("messages") {
        Some(Value::Array(messages)) => with_system(system, messages),
        other => other.unwrap_or_default(),
    }
}

fn responses(body: &mut Map<String, Value>) -> Value {
    let instructions = body.remove("instructions");
    let items = match body.remove("input") {
        Some(Value::Array(items)) => items,
        Some(text @ Value::String(_)) => vec![json!({ "role": "user", "content": text })],
        _ => Vec::new(),
    };
    with_system(instructions, items)
}

fn generate(body: &mut Map<String, Value>) -> Value {
    let system = body.remove("system");
    let images = body.remove("images").filter(|images| !images.is_null());
    let Some(prompt) = body.remove("prompt") else {
        return Value::Null;
    };
    if images.is_none() && system.is_none() {
        return prompt;
    }
    let mut message = json!({ "role": "user", "content": prompt });
    if let Some(images) = images {
        message["images"] = images;
    }
    with_system(system, vec![message])
}

fn gemini(body: &mut Map<String, Value>) -> Value {
    let system = take(body, &["systemInstruction", "system_instruction"]);
    let system = system.map(|content| gemini_parts(content).1);
    let contents = match body.remove("contents") {
        Some(Value::Array(contents)) => contents,
        Some(content @ Value::Object(_)) => vec![content],
        _ => Vec::new(),
    };
    let messages = contents.into_iter().map(|content| {
        let (role, content) = gemini_parts(content);
        json!({ "role": role, "content": content })
    });
    with_system(system, messages.collect())
}

/// Role and content; a single text part is a plain string, anything else stays as it is.
fn gemini_parts(mut content: Value) -> (String, Value) {
    let role = match content.get("role").and_then(Value::as_str) {
        Some("model") => "assistant",
        Some(role) => role,
        None => "user",
    };
    let role = role.to_owned();
    let parts = content.get_mut("parts").map(Value::take).unwrap_or(content);
    let single = match &parts {
        Value::Array(parts) => match parts.as_slice() {
            [part] if part.as_object().is_some_and(|part| part.len() == 1) => {
                part.get("text").cloned()
            }
            _ => None,
        },
        _ => None,
    };
    (role, single.unwrap_or(parts))
}
