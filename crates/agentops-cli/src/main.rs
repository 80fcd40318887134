//! `agentops`: run a command in a session, serve the data directory, and look at the sessions in it or on a server.

mod args;
mod backend;
mod commands;
mod env;
mod exit;
mod output;
mod progress;
mod text;
mod view;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match commands::run(args) {
        Ok(code) => code,
        Err(error) if output::is_closed(&error) => exit::Exit::Success.into(),
        Err(error) => {
            output::error(&error);
            exit::Exit::of(&error).into()
        }
    }
}
