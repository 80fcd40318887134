//! What the JSON of language models' providers and libraries says: which model was asked what, what it answered, and
//! how many tokens that took. For the integrations; a program records calls by [`LlmEvent`](crate::LlmEvent).
//!
//! ```text
//! request body            -> Request { model, prompt, params, stream }
//! whole response          -> Answer, by one `read`
//! chunks of a stream      -> Answer, by a `read` each, with bounded memory; broken off, it holds what came
//! text of any length      -> Squeeze: the same JSON with its long strings cut, for those who cannot hold it
//! ```
//!
//! Pure: it must not do I/O, read a clock, or know of sessions. It never fails: what it does not know it leaves out,
//! and a provider's new field changes nothing. Inline images and audio become `[image/png, 1234 bytes]`.

mod answer;
mod anthropic;
mod draft;
mod format;
mod gemini;
mod libraries;
mod media;
mod ollama;
mod openai;
mod provider_error;
mod request;
mod responses;
mod squeeze;
mod text;
mod tokens;

pub use answer::Answer;
pub use format::Format;
pub use provider_error::ProviderError;
pub use request::Request;
pub use squeeze::Squeeze;

#[cfg(test)]
mod tests;
