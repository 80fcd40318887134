//! Plain reqwest against two providers, recorded by the layer: as a tower service, and as a middleware.
//!
//! Asks the scripted provider on this machine; with `OPENAI_API_KEY`, OpenAI for the first call.
//!
//! ```sh
//! cargo run --manifest-path examples/llm/Cargo.toml --example reqwest_plain
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use agentops::{Config, SummaryLine};
use agentops_examples_llm::{Provider, Reply};
use anyhow::Context as _;
use reqwest_middleware::ClientBuilder;
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt as _};

fn config() -> Config {
    Config::from_env()
        .default_tags(["example"])
        .summary(SummaryLine::Always)
}

#[agentops::session(config = config())]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // reqwest without a TLS feature of its own needs to be told its cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let provider = Provider::start([
        Reply::text("Four.").tokens(150, 80),
        Reply::text("Four, too.").tokens(1_000, 50).cached(800),
    ])
    .await?;
    let question = json!([{"role": "user", "content": "What is 2 + 2?"}]);

    // reqwest's client is a tower service.
    let (base, key) = match std::env::var("OPENAI_API_KEY") {
        Ok(key) => ("https://api.openai.com/v1".to_owned(), key),
        Err(_) => (format!("{}/v1", provider.origin()), "none".to_owned()),
    };
    let client = reqwest::Client::new();
    let request = client
        .post(format!("{base}/chat/completions"))
        .bearer_auth(key)
        .json(&json!({"model": "gpt-4o-mini", "messages": question}))
        .build()?;
    let recorded = ServiceBuilder::new()
        .layer(agentops::http::layer())
        .service(client);
    let answer: Value = recorded
        .oneshot(request)
        .await?
        .error_for_status()?
        .json()
        .await?;
    let text = answer["choices"][0]["message"]["content"].as_str();
    println!("{}", text.context("the answer has no text")?);

    // The same layer is a middleware.
    let recorded = ClientBuilder::new(reqwest::Client::new())
        .with(agentops::http::layer())
        .build();
    let answer: Value = recorded
        .post(format!("{}/v1/messages", provider.origin()))
        .json(&json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": question}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let text = answer["content"][0]["text"].as_str();
    println!("{}", text.context("the answer has no text")?);
    Ok(())
}
