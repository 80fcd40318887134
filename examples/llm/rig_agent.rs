//! A rig agent with a tool: every model call, tool call and the agent's run are recorded, and there is no line of
//! code for any of them but the layer.
//!
//! ```sh
//! cargo run --manifest-path examples/llm/Cargo.toml --example rig_agent
//! ```
//! With `OPENAI_API_KEY` set it asks that host (`OPENAI_BASE_URL`, `OPENAI_MODEL` choose another), else a scripted
//! provider on this machine.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::convert::Infallible;

use agentops_examples_llm::{Provider, Reply};
use anyhow::ensure;
use rig::prelude::*;
use rig::providers::openai::OpenAIConfig;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing_subscriber::prelude::*;

const QUESTION: &str = "How many days are 17 weeks? Use the tool.";

#[agentops::session(tags = ["example", "rig"])]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // All that there is to do.
    tracing_subscriber::registry()
        .with(agentops::tracing::layer())
        .init();

    // The clients of this package are built without a cryptography of their own.
    drop(rustls::crypto::ring::default_provider().install_default());
    let scripted = Provider::start([
        Reply::tool("multiply", json!({"a": 17, "b": 7})).tokens(85, 19),
        Reply::text("17 weeks are 119 days.").tokens(116, 9),
    ])
    .await?;
    let (config, model) = match OpenAIConfig::from_env() {
        Ok(config) => (
            config,
            std::env::var("OPENAI_MODEL").unwrap_or_else(|_| "gpt-4o-mini".to_owned()),
        ),
        Err(_) => {
            let config =
                OpenAIConfig::new("none").with_base_url(format!("{}/v1", scripted.origin()));
            (config, "gpt-4o-mini".to_owned())
        }
    };
    let clerk = AgentBuilder::new(config.client().chat(model))
        .name("Clerk")
        .preamble("Answer in one sentence.")
        // Without this, rig's spans tell of models and tokens, but not of what was said.
        .record_content_telemetry(true)
        .tool(Multiply)
        .build();
    let answer = clerk.prompt(QUESTION).max_turns(3).await?;
    println!("{}", answer.output());
    if let Some(session) = agentops::current_session() {
        let stats = session.analytics().await?;
        println!("{stats:?}");
        ensure!(stats.llm_calls >= 1, "the calls of the model are missing");
    }
    Ok(())
}

struct Multiply;

#[derive(Deserialize)]
struct Factors {
    a: i64,
    b: i64,
}

impl rig::tool::Tool for Multiply {
    const NAME: &'static str = "multiply";
    type Args = Factors;
    type Output = i64;
    type Error = Infallible;

    fn description(&self) -> String {
        "Multiplies two numbers".to_owned()
    }

    fn parameters(&self) -> Value {
        let number = json!({"type": "integer"});
        json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]})
    }

    async fn call(
        &self,
        _: &mut rig::tool::ToolContext,
        factors: Factors,
    ) -> Result<i64, Infallible> {
        Ok(factors.a * factors.b)
    }
}
