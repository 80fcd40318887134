//! The three attributes and nothing else: `session` on main, `record_action`, `record_tool`.
//!
//! Main's own end is the session's: `Ok` is a success, an error or a panic a failure with its
//! reason. The line about the session comes from the SDK, on stderr.
//!
//! ```sh
//! cargo run --example annotated
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use agentops::{Config, SummaryLine, record_action, record_tool};

/// A tool call: `params` are the arguments, `returns` is what is inside `Ok`.
#[record_tool]
async fn look_up(word: &str) -> Result<&'static str, UnknownWord> {
    match word {
        "agent" => Ok("one who acts"),
        "session" => Ok("a sitting"),
        _ => Err(UnknownWord(word.to_owned())),
    }
}

/// An action under a name of its own; the dictionary calls inside become its children.
#[record_action(name = "explain")]
async fn explain_all(words: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for word in words {
        match look_up(word).await {
            Ok(meaning) => lines.push(format!("{word}: {meaning}")),
            // The failed call is recorded with its error; the program decides what it means.
            Err(error) => lines.push(error.to_string()),
        }
    }
    lines
}

#[derive(Debug, thiserror::Error)]
#[error("{0}: not in this dictionary")]
struct UnknownWord(String);

#[agentops::session(tags = ["example"], config = Config::from_env().summary(SummaryLine::Always))]
#[tokio::main]
async fn main() {
    for line in explain_all(&["agent", "session", "replay"]).await {
        println!("{line}");
    }
}
