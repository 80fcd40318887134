//! genai, a plain chat and a stream: recorded by its feature `otel` and the layer.
//!
//! ```sh
//! cargo run --manifest-path examples/llm/Cargo.toml --example genai_chat
//! ```
//! With `OPENAI_API_KEY` set it asks the model `OPENAI_MODEL` there, else a scripted provider on this machine. genai
//! tells of messages only where `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `true`, as cargo sets it here.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::io::Write as _;

use agentops_examples_llm::{Provider, Reply};
use anyhow::ensure;
use futures_util::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};
use tracing_subscriber::prelude::*;

#[agentops::session(tags = ["example", "genai"])]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::registry()
        .with(agentops::tracing::layer())
        .init();

    // The clients of this package are built without a cryptography of their own.
    drop(rustls::crypto::ring::default_provider().install_default());
    let scripted = Provider::start([
        Reply::text("Because air scatters blue light more than red.").tokens(24, 10),
        Reply::text("In the evening its light takes a longer way through the air.").tokens(46, 13),
    ])
    .await?;
    let client = match std::env::var("OPENAI_API_KEY") {
        Ok(_) => Client::builder().build()?,
        Err(_) => client_of(&scripted)?,
    };
    let model = std::env::var("OPENAI_MODEL").unwrap_or_else(|_| "gpt-4o-mini".to_owned());
    let request = ChatRequest::new(vec![ChatMessage::user("Why is the sky blue?")])
        .with_system("Answer in one sentence.");
    let answer = client.exec_chat(&model, request.clone(), None).await?;
    let said = answer.first_text().unwrap_or_default().to_owned();
    println!("{said}");

    let request = request
        .append_message(ChatMessage::assistant(said))
        .append_message(ChatMessage::user("And why is it red sometimes?"));
    // genai keeps of a stream what it is told to; what it keeps, its span tells.
    let options = ChatOptions::default()
        .with_capture_usage(true)
        .with_capture_content(true);
    let mut stream = client
        .exec_chat_stream(&model, request, Some(&options))
        .await?
        .stream;
    while let Some(event) = stream.next().await {
        if let ChatStreamEvent::Chunk(chunk) = event? {
            print!("{}", chunk.content);
            std::io::stdout().flush()?;
        }
    }
    println!();
    // The call lasts as long as its stream.
    drop(stream);
    if let Some(session) = agentops::current_session() {
        let stats = session.analytics().await?;
        println!("{stats:?}");
        ensure!(stats.llm_calls == 2, "the calls of the model are missing");
    }
    Ok(())
}

/// A client whose every request goes to the scripted provider.
fn client_of(provider: &Provider) -> anyhow::Result<Client> {
    let endpoint = Endpoint::from_owned(format!("{}/v1/", provider.origin()));
    let resolver = ServiceTargetResolver::from_resolver_fn(
        move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
            Ok(ServiceTarget {
                endpoint: endpoint.clone(),
                auth: AuthData::from_single("none"),
                model: ModelIden::new(AdapterKind::OpenAI, target.model.model_name),
            })
        },
    );
    Ok(Client::builder()
        .with_service_target_resolver(resolver)
        .build()?)
}
