//! What was answered, read whole or put together from the chunks of a stream.

use agentops_protocol::{Usage, Usd};
use serde_json::{Map, Value, json};

use super::draft::{Choice, Draft, Vectors};
use super::{Format, ProviderError, anthropic, gemini, libraries, ollama, openai, responses};

/// What a provider answered, as far as it came.
///
/// ```
/// # use agentops_core::llm::{Answer, Format};
/// use serde_json::json;
///
/// let mut answer = Answer::new(Format::OpenAiChat);
/// answer.read(&json!({ "model": "gpt-4o", "choices": [{ "index": 0, "delta": { "content": "fo" } }] }));
/// answer.read(&json!({ "choices": [{ "index": 0, "delta": { "content": "ur" }, "finish_reason": "stop" }] }));
/// answer.read(&json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 1 } }));
/// assert_eq!(answer.completion(), Some(json!({ "role": "assistant", "content": "four" })));
/// assert_eq!(answer.usage().total(), Some(10));
/// assert_eq!(answer.finish_reason(), Some("stop"));
/// ```
#[derive(Debug, Clone)]
pub struct Answer {
    format: Format,
    draft: Draft,
}

impl Answer {
    /// Nothing yet.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            draft: Draft::new(),
        }
    }

    /// Reads a whole response, or the next chunk of a stream.
    pub fn read(&mut self, json: &Value) {
        let draft = &mut self.draft;
        match self.format {
            Format::OpenAiChat => openai::chat(draft, json),
            Format::OpenAiCompletions => openai::completions(draft, json),
            Format::OpenAiResponses => responses::read(draft, json),
            Format::OpenAiEmbeddings => openai::embeddings(draft, json),
            Format::Anthropic => anthropic::read(draft, json),
            Format::Gemini => gemini::read(draft, json),
            Format::GeminiEmbed => gemini::embed(draft, json),
            Format::OllamaChat | Format::OllamaGenerate => ollama::read(draft, json),
            Format::OllamaEmbed => ollama::embed(draft, json),
            Format::Rig => libraries::rig(draft, json),
            Format::Genai => libraries::genai(draft, json),
        }
        if self.draft.error.is_none() {
            self.draft.error = ProviderError::read(json);
        }
    }

    /// The answer as a chat message, `{"role":"assistant","content":…,"tool_calls":[…]}`; for embeddings how many there
    /// are and how long; `None` if nothing was answered.
    #[must_use]
    pub fn completion(&self) -> Option<Value> {
        if let Some(Vectors { count, dimensions }) = self.draft.vectors {
            return Some(json!({ "embeddings": count, "dimensions": dimensions }));
        }
        let choice = self.draft.choices.first()?;
        (!choice.is_empty()).then(|| choice.message())
    }

    /// Tokens, as far as they are known. Cached ones are part of the prompt and reasoning is part of the completion,
    /// whatever the provider's own way is.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.draft.usage
    }

    /// What the provider itself charges, where it says so (OpenRouter).
    #[must_use]
    pub fn cost(&self) -> Option<Usd> {
        self.draft.cost
    }

    /// The model that answered, by the provider's name.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.draft.model.as_deref()
    }

    /// Why it stopped, in the provider's word.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.draft.choices.first()?.finish_reason.as_deref()
    }

    /// What the provider says went wrong.
    #[must_use]
    pub fn error(&self) -> Option<&ProviderError> {
        self.draft.error.as_ref()
    }

    /// Whether the provider said that this is all.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.draft.done
    }

    /// Whether anything was answered yet: text, reasoning, a tool call.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.draft.vectors.is_some() || self.draft.choices.iter().any(|choice| !choice.is_empty())
    }

    /// What is worth knowing beside the completion: finish reason, response id, the answering model, further choices.
    #[must_use]
    pub fn details(&self) -> Option<Value> {
        let mut details = Map::new();
        let mut put = |key: &str, text: Option<&str>| {
            if let Some(text) = text {
                details.insert(key.to_owned(), text.into());
            }
        };
        put("finish_reason", self.finish_reason());
        put("response_id", self.draft.id.as_deref());
        put("response_model", self.model());
        if self.draft.choices.len() > 1 {
            let others: Vec<Value> = self.draft.choices[1..]
                .iter()
                .map(Choice::message)
                .collect();
            details.insert("other_choices".to_owned(), others.into());
        }
        (!details.is_empty()).then_some(Value::Object(details))
    }
}
