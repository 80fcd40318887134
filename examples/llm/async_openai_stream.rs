//! A stream of async-openai, recorded by the layer in its HTTP service: no event is written by hand.
//!
//! Asks the scripted provider on this machine; with `OPENAI_API_KEY`, OpenAI (or `OPENAI_BASE_URL`).
//!
//! ```sh
//! cargo run --manifest-path examples/llm/Cargo.toml --example async_openai_stream
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use agentops::{Config, SummaryLine};
use agentops_examples_llm::{Provider, Reply};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::middleware::HttpRequestFactory;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, ChatCompletionStreamOptions,
    CreateChatCompletionRequestArgs,
};
use tokio_stream::StreamExt as _;
use tower::ServiceBuilder;

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
    let provider =
        Provider::start([Reply::text("A session is one run of an agent.").tokens(150, 80)]).await?;

    // async-openai makes its requests from factories, so that it can repeat them.
    let http = ServiceBuilder::new()
        .layer(OpenAIRetryLayer::default())
        .layer(
            agentops::http::layer()
                .requests_by(|factory: HttpRequestFactory| async move { factory.build().await }),
        )
        .service(reqwest::Client::new());
    let config = match std::env::var("OPENAI_API_KEY") {
        Ok(_) => OpenAIConfig::default(),
        Err(_) => OpenAIConfig::new().with_api_base(format!("{}/v1", provider.origin())),
    };
    let client = Client::with_config(config).with_http_service(http);

    let question = ChatCompletionRequestUserMessageArgs::default()
        .content("What is a session, in one sentence?")
        .build()?;
    let request = CreateChatCompletionRequestArgs::default()
        .model("gpt-4o-mini")
        .messages([question.into()])
        // Without it OpenAI says no tokens of a stream, and the server counts them.
        .stream_options(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        })
        .build()?;
    let mut stream = client.chat().create_stream(request).await?;
    while let Some(chunk) = stream.next().await {
        for choice in chunk?.choices {
            print!("{}", choice.delta.content.unwrap_or_default());
        }
    }
    println!();
    Ok(())
}
