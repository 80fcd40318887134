//! Events by hand: for calls that no attribute can see, such as those of a client library.
//!
//! Shows a session started by `init`, the four kinds of event, an agent they belong to, tags, and
//! an end with a reason.
//!
//! ```sh
//! cargo run --example manual_events
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use agentops::{ActionEvent, Config, EndState, ErrorEvent, LlmEvent, ToolEvent, Usage};
use serde_json::json;

#[tokio::main]
async fn main() {
    let session = agentops::init(Config::from_env().default_tags(["example"]));
    session.add_tags(["manual"]);
    let researcher = session.create_agent("Researcher");

    // What is over is recorded whole.
    let messages = [json!({"role": "user", "content": "Which table holds the users?"})];
    let answer = json!({"role": "assistant", "content": "The table is called users."});
    session.record(
        LlmEvent::new("gpt-4")
            .prompt(&messages)
            .completion(&answer)
            .usage(Usage::new(150, 80)),
    );

    // What takes its time is visible while it runs.
    let inside = researcher.enter();
    let query = session.start(ToolEvent::new("database_query").params("SELECT * FROM users"));
    let rows = ["ada", "grace", "edsger"];
    query.finish(&rows);

    let write = session.start(ActionEvent::new("write_report").params(&rows));
    let result: Result<(), std::io::Error> = Err(std::io::Error::other("the disk is full"));
    match result {
        Ok(()) => write.finish(&()),
        Err(error) => write.fail(&error),
    }
    drop(inside);

    session.record(ErrorEvent::new("Timeout").message("the first try took too long"));

    let ended = session
        .end(EndState::Success)
        .reason("the report can wait")
        .await;
    println!("{}", ended.stats_line());
    println!(
        "{} spent, everything written: {}",
        ended
            .cost
            .map_or("an unknown sum".to_owned(), |cost| format!("${cost}")),
        ended.delivered
    );
    println!(
        "look at it: cargo run -p agentops-cli -- sessions show {}",
        session.id()
    );
}
