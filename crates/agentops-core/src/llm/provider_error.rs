//! What a provider says when a call failed.

use std::fmt;

use serde_json::Value;

use super::media;
use super::text::floor;

/// Longest message that is kept.
const MAX_MESSAGE: usize = 8 << 10;

/// A provider's own words about a call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderError {
    /// The provider's name for it: `rate_limit_error`, `RESOURCE_EXHAUSTED`.
    pub kind: Option<String>,
    /// A code of the provider's: `invalid_api_key`, `429`.
    pub code: Option<String>,
    /// What it says, for people.
    pub message: String,
}

impl ProviderError {
    /// An error of which only the text is known.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        message.truncate(floor(&message, MAX_MESSAGE));
        Self {
            kind: None,
            code: None,
            message,
        }
    }

    /// Reads the body of a response with an error status, or a chunk that reports an error.
    ///
    /// ```
    /// # use agentops_core::llm::ProviderError;
    /// let body = serde_json::json!({ "error": { "message": "slow down", "type": "rate_limit_error" } });
    /// let error = ProviderError::read(&body).expect("it is one");
    /// assert_eq!((error.message.as_str(), error.kind.as_deref()), ("slow down", Some("rate_limit_error")));
    /// assert!(ProviderError::read(&serde_json::json!({ "choices": [] })).is_none());
    /// ```
    #[must_use]
    pub fn read(json: &Value) -> Option<Self> {
        // Gemini puts its errors into a list when the call was a stream.
        let json = match json {
            Value::Array(items) => items.first()?,
            other => other,
        };
        match json.get("error") {
            Some(Value::String(message)) => Some(Self::new(message)),
            Some(Value::Object(error)) => {
                let word = |key: &str| error.get(key).and_then(scalar);
                let message = word("message")
                    .or_else(|| word("type"))
                    .unwrap_or_else(|| "the provider gave no message".to_owned());
                Some(Self {
                    kind: word("type").or_else(|| word("status")),
                    code: word("code"),
                    ..Self::new(message)
                })
            }
            _ => None,
        }
    }

    /// What a body with an error status says: its error, else its `message`, `detail` or text.
    #[must_use]
    pub fn of_body(json: &Value) -> Option<Self> {
        Self::read(json).or_else(|| {
            let said = ["message", "detail", "error_message", "errors"]
                .iter()
                .find_map(|key| json.get(key).filter(|value| !value.is_null()))?;
            let mut said = said.clone();
            media::without_data(&mut said);
            Some(Self::new(scalar(&said).unwrap_or_else(|| said.to_string())))
        })
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProviderError {}
