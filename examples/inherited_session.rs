//! Inherited sessions: two processes, one session.
//!
//! The program starts a session and then itself once more as a child. The environment tells the
//! child which session to join; what both did ends up in one tree.
//!
//! ```sh
//! cargo run --example inherited_session
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::process::Command;
use std::time::Duration;

use agentops::{Config, EndState, Session, record_action, record_tool};
use anyhow::{Context, ensure};

/// The argument that makes this program the child.
const CHILD: &str = "--child";

/// How long the child waits until what it did is on its way.
const PATIENCE: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    // In the child, init finds the session in the environment and joins it.
    let session = agentops::init(Config::from_env().default_tags(["example"]));
    if std::env::args().nth(1).as_deref() == Some(CHILD) {
        work(std::process::id());
        // The session is not the child's to end; it only sees its own part off.
        session.flush_blocking(PATIENCE);
        return Ok(());
    }
    work(std::process::id());
    delegate(&session)?;
    let ended = session.end(EndState::Success).wait();
    println!("this process's part: {}", ended.stats_line());
    show_whole(&session)
}

/// Runs this program once more, inside the current call.
#[record_action(skip(session))]
fn delegate(session: &Session) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let status = Command::new(program)
        .arg(CHILD)
        .envs(session.env())
        .status()?;
    ensure!(status.success(), "the child ended with {status}");
    Ok(())
}

#[record_tool]
fn work(process: u32) -> String {
    format!("done in process {process}")
}

/// What both processes did, from where the session is kept.
#[tokio::main(flavor = "current_thread")]
async fn show_whole(session: &Session) -> anyhow::Result<()> {
    let export = agentops::export(session.id()).await?;
    let tools = export["tools"]
        .as_array()
        .context("the export lists no tools")?;
    println!("session {} holds {} tool calls:", session.id(), tools.len());
    for tool in tools {
        println!("  {} {}", tool["name"], tool["returns"]);
    }
    ensure!(tools.len() == 2, "the child's call is missing");
    Ok(())
}
