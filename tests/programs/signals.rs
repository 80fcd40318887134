//! Programs that are sent signals: `signals WAY` prints `ready` when it may be.

use std::io::Write as _;
use std::process::{ExitCode, Termination as _};

use agentops::record_tool;

#[record_tool]
fn work(way: &str) -> usize {
    way.len()
}

mod waits {
    /// Ends with its standard input.
    #[agentops::session]
    pub(super) fn main() {
        super::work("waits");
        super::say("ready");
        for line in std::io::stdin().lines().map_while(Result::ok) {
            super::say(&format!("heard {line}"));
        }
    }
}

mod cleans_up {
    use std::process::ExitCode;

    #[agentops::session]
    #[tokio::main]
    pub(super) async fn main() -> ExitCode {
        super::work("cleans up");
        let signal = tokio::signal::ctrl_c();
        let mut signal = std::pin::pin!(signal);
        // Its first poll is what installs the handler.
        let _ = tokio::time::timeout(std::time::Duration::ZERO, &mut signal).await;
        super::say("ready");
        signal.await.expect("signals can be awaited");
        super::work("tidy");
        super::say("tidied up");
        ExitCode::from(7)
    }
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("waits") => {
            waits::main();
            ExitCode::SUCCESS
        }
        Some("cleans-up") => cleans_up::main().report(),
        other => panic!("no such way: {other:?}"),
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
