//! Analytics: what a session has done and cost so far, while it runs.
//!
//! ```sh
//! cargo run --example analytics
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use agentops::{Config, EndState, LlmEvent, Usage, record_action, record_tool};

#[record_tool]
fn look_up(city: &str) -> Result<u32, String> {
    match city {
        "Paris" => Ok(2_102_650),
        "Lisbon" => Ok(545_796),
        other => Err(format!("{other} is not in the table")),
    }
}

#[record_action]
fn compare(cities: &[&str]) -> Option<u32> {
    cities.iter().filter_map(|city| look_up(city).ok()).max()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let session = agentops::init(Config::from_env().default_tags(["example", "analytics"]));
    compare(&["Paris", "Lisbon", "Atlantis"]);
    session.record(
        LlmEvent::new("gpt-4")
            .prompt("Which city is larger, Paris or Lisbon?")
            .completion("Paris.")
            .usage(Usage::new(150, 80)),
    );

    let analytics = session.analytics().await?;
    println!(
        "{} tokens in, {} out",
        analytics.prompt_tokens, analytics.completion_tokens
    );
    println!("{}\n", serde_json::to_string_pretty(&analytics)?);

    let ended = session.end(EndState::Success).await;
    println!("{}", ended.stats_line());
    Ok(())
}
