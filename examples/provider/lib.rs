//! A small model server for the examples: no network, no key, no download.
//!
//! [`Responder`] listens on the loopback interface and speaks the OpenAI chat-completions format,
//! so that an example talks to it exactly as it would to a language model: over HTTP, with
//! messages, a completion and a token usage. Behind it stands no language model but `extractive-1`,
//! which *quotes*: it ranks the sentences of the text it was given against the question and
//! answers with the best ones. It says so in every answer and never goes by another model's name.
//!
//! ```text
//! text   prompts into sentences, terms and tokens
//! rank   sentences against a question (BM25)
//! model  messages -> completion and usage
//! wire   the chat-completions format
//! server the listener
//! ```

mod model;
mod rank;
mod server;
mod text;
mod wire;

pub use model::MODEL;
pub use server::Responder;
pub use text::count_tokens;

/// The code of the front page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
