//! The words of the commands on the spool.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// Ends the help of `flush`.
const SENT: &str = "\
Sent is what programs that are gone left for an endpoint with this very key. What was
recorded without an endpoint stays on this machine, whatever the key; what running
programs record they send themselves.

Exit codes: 0 all of it was sent, 1 some is left, else as of every command.";

/// What to do with the spool.
#[derive(Debug, Subcommand)]
pub(crate) enum Spool {
    /// Show what each program left, for whom, and how much of it waits
    Status(Status),
    /// Send what waits for a server
    #[command(after_help = SENT)]
    Flush(Flush),
    /// Print the lines of one program's directory
    Inspect(Inspect),
}

/// Whose spool.
#[derive(Debug, ClapArgs)]
pub(crate) struct Status {
    /// Directory of the spool [default: AGENTOPS_DATA_DIR, else the platform's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to send.
#[derive(Debug, ClapArgs)]
pub(crate) struct Flush {
    /// Only what waits for this server [default: AGENTOPS_API_ENDPOINT, else every one]
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The key it was recorded with [default: AGENTOPS_API_KEY]
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Directory of the spool [default: AGENTOPS_DATA_DIR, else the platform's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How many seconds a server that does not answer is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which lines to print.
#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    /// The directory's name, as `spool status` shows it, or an unmistakable part of it
    pub(crate) name: String,
    /// Directory of the spool [default: AGENTOPS_DATA_DIR, else the platform's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Only lines that nobody acknowledged
    #[arg(long)]
    pub(crate) waiting: bool,
    /// Print an object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// How many lines
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}
