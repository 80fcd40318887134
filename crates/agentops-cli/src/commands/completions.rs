//! `agentops completions`: a script by which a shell completes the commands.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;
use crate::output::Out;

pub(crate) fn run(shell: Shell, out: &mut Out) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "agentops", &mut script);
    out.own(&script)
}
