//! What a first program looks like.

use agentops::{LlmEvent, Usage, record_action, record_tool};

#[record_tool]
async fn look_up(city: &str) -> Option<u32> {
    tokio::task::yield_now().await;
    (city == "Cologne").then_some(1_024_408)
}

#[record_action]
async fn answer(question: &str) -> String {
    let found = look_up("Cologne").await;
    let text = found.map_or("nobody knows".to_owned(), |count| format!("{count} people"));
    if let Some(session) = agentops_session() {
        session.record(
            LlmEvent::new("gpt-4")
                .prompt(question)
                .completion(&text)
                .usage(Usage::new(150, 80)),
        );
    }
    text
}

/// The session that `main` runs in: `init` hands it out while it is open.
fn agentops_session() -> Option<agentops::Session> {
    Some(agentops::init(agentops::Config::from_env())).filter(agentops::Session::is_active)
}

#[agentops::session(tags = ["quickstart"])]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let text = answer("How many people live in Cologne?").await;
    anyhow::ensure!(text == "1024408 people", "a wrong answer: {text}");
    Ok(())
}
