//! The shapes that are read, and telling them apart by what they hold.

use serde_json::Value;

/// Whose JSON it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// OpenAI's chat completions, spoken by most other hosts too.
    OpenAiChat,
    /// OpenAI's completions of a single text.
    OpenAiCompletions,
    /// OpenAI's responses.
    OpenAiResponses,
    /// OpenAI's embeddings.
    OpenAiEmbeddings,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's generateContent.
    Gemini,
    /// Gemini's embedContent and batchEmbedContents.
    GeminiEmbed,
    /// Ollama's chat.
    OllamaChat,
    /// Ollama's generate.
    OllamaGenerate,
    /// Ollama's embed and embeddings.
    OllamaEmbed,
    /// The responses of the crate rig, serialised.
    Rig,
    /// The responses and stream events of the crate genai, serialised.
    Genai,
}

impl Format {
    /// The shape of a response or of a chunk of a stream; `None` if it is none that is known.
    ///
    /// ```
    /// # use agentops_core::llm::Format;
    /// let answer = serde_json::json!({ "choices": [{ "message": { "content": "4" } }] });
    /// assert_eq!(Format::of_answer(&answer), Some(Format::OpenAiChat));
    /// assert_eq!(Format::of_answer(&serde_json::json!({ "rows": 3 })), None);
    /// ```
    #[must_use]
    pub fn of_answer(json: &Value) -> Option<Self> {
        let Value::Object(members) = json else {
            return of_genai_event(json);
        };
        let has = |key: &str| members.get(key).is_some_and(|value| !value.is_null());
        let is = |key: &str, word: &str| members.get(key).and_then(Value::as_str) == Some(word);
        let list = |key: &str| members.get(key).is_some_and(Value::is_array);
        let kind = members.get("type").and_then(Value::as_str).unwrap_or("");
        if has("model_iden") {
            return Some(Self::Genai);
        }
        if list("choice") && has("usage") {
            return Some(Self::Rig);
        }
        if list("choices") {
            let texts = is("object", "text_completion");
            return Some(if texts {
                Self::OpenAiCompletions
            } else {
                Self::OpenAiChat
            });
        }
        if kind.starts_with("response.") || is("object", "response") {
            return Some(Self::OpenAiResponses);
        }
        if kind.starts_with("message_")
            || kind.starts_with("content_block_")
            || (list("content") && (has("stop_reason") || kind == "message"))
        {
            return Some(Self::Anthropic);
        }
        if list("candidates") || has("usageMetadata") || has("promptFeedback") {
            return Some(Self::Gemini);
        }
        if has("done") || has("done_reason") {
            return Some(if has("message") {
                Self::OllamaChat
            } else {
                Self::OllamaGenerate
            });
        }
        if is("object", "list") && list("data") {
            return Some(Self::OpenAiEmbeddings);
        }
        if list("embeddings") || list("embedding") {
            return Some(Self::OllamaEmbed);
        }
        of_genai_event(json)
    }

    /// The shape of a request; `None` if it is none that is known.
    ///
    /// Chat requests of OpenAI, Anthropic and Ollama are told apart by little, and read alike.
    #[must_use]
    pub fn of_request(json: &Value) -> Option<Self> {
        let members = json.as_object()?;
        let has = |key: &str| members.get(key).is_some_and(|value| !value.is_null());
        if has("messages") {
            let anthropic = has("system") || has("anthropic_version") || has("stop_sequences");
            return Some(match (anthropic, has("keep_alive") || has("options")) {
                (true, _) => Self::Anthropic,
                (_, true) => Self::OllamaChat,
                _ => Self::OpenAiChat,
            });
        }
        if has("contents") {
            return Some(Self::Gemini);
        }
        if has("model") && has("input") {
            let response = has("instructions") || has("max_output_tokens") || has("tools");
            let listed = members["input"]
                .as_array()
                .is_some_and(|items| items.iter().any(Value::is_object));
            return Some(if response || listed {
                Self::OpenAiResponses
            } else {
                Self::OpenAiEmbeddings
            });
        }
        (has("model") && has("prompt")).then_some(Self::OpenAiCompletions)
    }
}

/// genai's stream events serialise as `{"Chunk":{…}}`, those without content as a string.
fn of_genai_event(json: &Value) -> Option<Format> {
    let known = |name: &str| {
        matches!(
            name,
            "Chunk" | "ReasoningChunk" | "ThoughtSignatureChunk" | "ToolCallChunk" | "End"
        )
    };
    match json {
        Value::Object(members) if members.len() == 1 => {
            let (name, inner) = members.iter().next()?;
            (known(name) && inner.is_object()).then_some(Format::Genai)
        }
        _ => None,
    }
}
