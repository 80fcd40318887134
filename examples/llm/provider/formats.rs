//! How each provider writes what the model says. Pure: no clock, no I/O.

mod anthropic;
mod format;
mod ollama;
mod openai;

pub(crate) use format::{Asked, Format, Streamed};

/// Every path with its format.
pub(crate) const FORMATS: &[(&str, Format)] = &[
    ("/v1/chat/completions", openai::CHAT),
    ("/v1/embeddings", openai::EMBEDDINGS),
    ("/v1/messages", anthropic::MESSAGES),
    ("/api/chat", ollama::CHAT),
];
