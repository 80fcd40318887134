//! How each provider writes what the model says. Pure: no clock, no I/O.

mod anthropic;
mod format;
mod gemini;
mod ollama;
mod openai;
mod responses;

pub(crate) use format::{Asked, Format, Streamed};

/// Every path with its format.
pub(crate) const FORMATS: &[(&str, Format)] = &[
    ("/v1/chat/completions", openai::CHAT),
    ("/v1/embeddings", openai::EMBEDDINGS),
    ("/v1/responses", responses::RESPONSES),
    ("/v1/messages", anthropic::MESSAGES),
    ("/v1beta/models/{call}", gemini::GENERATE),
    ("/api/chat", ollama::CHAT),
    ("/api/generate", ollama::GENERATE),
    ("/api/embed", ollama::EMBED),
];
