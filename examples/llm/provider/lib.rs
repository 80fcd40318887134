//! A scripted model provider on the loopback interface: no network, no key, no model.
//!
//! [`Provider`] is a real HTTP server that speaks the providers' formats, whole answers and streams. What it answers
//! is a script of [`Reply`]s in the order of the requests; each says what the model says and each format how that is
//! written, so one script serves every client library.
//!
//! | path | format |
//! |---|---|
//! | `POST /v1/chat/completions`, `/v1/responses`, `/v1/embeddings` | OpenAI |
//! | `POST /v1/messages` | Anthropic |
//! | `POST /v1beta/models/MODEL:generateContent`, `:streamGenerateContent` | Gemini |
//! | `POST /api/chat`, `/api/generate`, `/api/embed` | Ollama |
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use agentops_examples_llm::{Provider, Reply};
//!
//! let provider = Provider::start([
//!     Reply::text("4").tokens(12, 1),
//!     Reply::error(429, "slow down"),
//!     Reply::text("a stream of four words").stalls_after(2),
//! ])
//! .await?;
//! assert!(provider.origin().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod formats;
mod reply;
mod server;

pub use reply::Reply;
pub use server::{Provider, Request};
