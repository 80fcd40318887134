//! Programs that end in different ways: `endings WAY`.

use std::process::{ExitCode, Termination};

use agentops::record_tool;

#[record_tool]
fn work(way: &str) -> usize {
    way.len()
}

mod success {
    #[agentops::session(tags = ["ending"])]
    #[tokio::main]
    pub(super) async fn main() -> anyhow::Result<()> {
        super::work("success");
        Ok(())
    }
}

mod failure {
    use anyhow::Context as _;

    #[agentops::session]
    #[tokio::main]
    pub(super) async fn main() -> anyhow::Result<()> {
        super::work("failure");
        Err(std::io::Error::other("no such host")).context("cannot reach the model")
    }
}

mod panic {
    #[agentops::session]
    pub(super) fn main() {
        super::work("panic");
        panic!("out of {}", "ideas");
    }
}

mod code {
    #[agentops::session]
    pub(super) fn main() -> std::process::ExitCode {
        super::work("code");
        std::process::ExitCode::from(3)
    }
}

mod exit {
    #[agentops::session]
    pub(super) fn main() {
        super::work("exit");
        std::process::exit(0);
    }
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("success") => success::main().report(),
        Some("failure") => failure::main().report(),
        Some("panic") => {
            panic::main();
            ExitCode::SUCCESS
        }
        Some("code") => code::main().report(),
        Some("exit") => {
            exit::main();
            ExitCode::SUCCESS
        }
        other => panic!("no such way: {other:?}"),
    }
}
