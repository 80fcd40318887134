//! Quickstart: a small agent answers a question about the files of a folder, and you see what it did.
//!
//! ```sh
//! cargo run --example quickstart                             # this repository's own documents
//! cargo run --example quickstart -- ~/notes "When do we meet?"
//! ```
//!
//! No key, no network, nothing to install: a built-in responder stands in for the language model
//! (see `llm.rs` for choosing one), and the session goes to the local data directory.
//!
//! `agent.rs` and `tools.rs` hold the annotated functions, `tree.rs` draws the session.

mod agent;
mod llm;
mod screen;
mod tools;
mod tree;

use std::io::Write;
use std::path::Path;

use agentops::{Config, EndState, Session, SummaryLine};

use crate::llm::Llm;
use crate::screen::{Look, Screen, printable, printable_lines};
use crate::tools::Folder;

/// What is asked when nobody asks.
const QUESTION: &str = "What happens to recorded events when the process is killed?";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = Folder::new(args.next().unwrap_or_else(own_documents));
    let question = args.next().unwrap_or_else(|| QUESTION.to_owned());

    // Everything recorded from here on belongs to this session.
    let config = Config::from_env()
        .default_tags(["quickstart"])
        .summary(SummaryLine::Never);
    let session = agentops::init(config);

    let llm = Llm::from_env(session.clone()).await?;
    let result = agent::answer(&folder, &llm, &question).await;

    let end = match &result {
        Ok(_) => session.end(EndState::Success),
        Err(error) => session.end(EndState::Failure).reason(format!("{error:#}")),
    };
    let ended = end.await;

    let screen = &mut Screen::stdout();
    let answer = result.as_deref().unwrap_or("(no answer)");
    show_answer(screen, &question, answer, &llm.describe())?;
    screen.line(Look::Strong, ended.stats_line())?;
    match agentops::export(session.id()).await {
        Ok(export) => {
            tree::write(screen, &export)?;
            show_next(screen, &session)?;
        }
        Err(error) => screen.line(Look::Bad, error)?,
    }
    result.map(drop)
}

fn show_answer<W: Write>(
    screen: &mut Screen<W>,
    question: &str,
    answer: &str,
    model: &str,
) -> std::io::Result<()> {
    screen.line(Look::Strong, printable(question, 500))?;
    for line in printable_lines(answer, 1_000) {
        screen.line(Look::Plain, line)?;
    }
    screen.line(Look::Plain, "")?;
    for line in printable_lines(model, 200) {
        screen.line(Look::Faint, line)?;
    }
    screen.line(Look::Plain, "")
}

/// How to look at the session from here on.
fn show_next<W: Write>(screen: &mut Screen<W>, session: &Session) -> std::io::Result<()> {
    let id = printable(session.id(), 128);
    let mut command = format!("cargo run -p agentops-cli -- sessions show {id}");
    // Without a home the session lies in a temporary directory that the command cannot know.
    let dir = session.client().data_dir().map(Path::to_owned);
    if let Some(dir) = dir.filter(|dir| agentops::data_dir().as_ref() != Some(dir)) {
        command += &format!(" --data-dir {}", printable(&dir.display().to_string(), 500));
    }
    screen.line(Look::Plain, format_args!("\nLook closer: {command}"))?;
    if let Some(url) = session.url() {
        screen.line(
            Look::Plain,
            format_args!("or open {}", printable(&url, 500)),
        )?;
    }
    Ok(())
}

/// The folder of this repository.
fn own_documents() -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    examples.parent().unwrap_or(examples).display().to_string()
}
