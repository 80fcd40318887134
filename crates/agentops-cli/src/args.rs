//! The command line. What it means is decided by the commands.

mod look;
mod spool;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use self::look::{CHECKED, SOURCES};
pub(crate) use self::look::{
    Compare, Delete, Doctor, Events, Export, Kind, List, Sessions, Show, Source, Stats, Tail,
};
pub(crate) use self::spool::{Flush, Inspect, Spool, Status};

/// Ends the help of the whole. The codes themselves are `exit::Exit`.
const CODES: &str = "\
Exit codes: 0 success, 1 failure (also: compare --baseline finds a difference,
doctor a fault, check damage), 2 wrong usage, 3 no such session, 4 the id's beginning
fits several sessions, 5 the server cannot be reached, 6 the server refuses the key,
7 the data directory cannot be used, 130 and 143 ended by SIGINT and SIGTERM. `run`
ends with the code of its command.

NO_COLOR turns colours off, CLICOLOR_FORCE turns them on where there is no terminal.";

/// Ends the help of `run`.
const RUNNING: &str = "\
The command runs in a session of its own: it finds the session in its environment,
and what it and its children record with the library goes there. Standard input,
output and error are the command's own; the session's tree comes last, on standard
error.

Where the session goes, the first that is given:
  --endpoint URL, --data-dir DIR, AGENTOPS_API_ENDPOINT or AGENTOPS_API_KEY,
  AGENTOPS_DATA_DIR, else the platform's data directory.

Signals: Ctrl-C and Ctrl-\\ reach the command from the terminal, and its end is
waited for; SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGCONT are passed on to it.

With --capture-llm the command finds a recorder's address in OPENAI_BASE_URL,
ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL and OLLAMA_HOST, and in OPENAI_API_BASE
and AZURE_OPENAI_ENDPOINT where they are set. What they were set to is where calls
are forwarded to, else the providers themselves. Keys pass through and are not kept.

Exit code: the command's own; 128 + N when signal N ended it, as shells say it;
127 when there is no such command, 126 when it cannot be run. Wrong usage is 2,
a server without a key 6, an unusable data directory 7; then nothing was run.";

/// Record, serve and look at the runs of agents.
#[derive(Debug, Parser)]
#[command(name = "agentops", version, about, arg_required_else_help = true, after_help = CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a command in a session, and show what it recorded
    #[command(after_help = RUNNING)]
    Run(Run),
    /// Serve the REST API and the pages over a data directory
    Serve(Serve),
    /// Look at recorded sessions
    #[command(subcommand, arg_required_else_help = true)]
    Sessions(Sessions),
    /// List events of all sessions, the newest arrival first
    #[command(after_help = SOURCES)]
    Events(Events),
    /// Look at what waits on this machine to be sent, and send it
    #[command(subcommand, arg_required_else_help = true)]
    Spool(Spool),
    /// Look whether recording and reading can work here, and say what to do
    #[command(after_help = CHECKED)]
    Doctor(Doctor),
    /// Keep the projects of a server apart
    #[command(subcommand, arg_required_else_help = true)]
    Projects(Projects),
    /// Make and revoke the keys by which programs reach a project
    #[command(subcommand, arg_required_else_help = true)]
    Keys(Keys),
    /// Print a link that logs one browser in, once
    Login(Login),
    /// Look up the costs of stored calls anew, where no program told them
    Reprice(Reprice),
    /// Look whether a database is whole and its counts are right
    Check(Store),
    /// Copy a database to a file, also while a server uses it
    Backup(Backup),
    /// Put a backup in the place of a database
    Restore(Restore),
    /// Print a script by which a shell completes these commands
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What to run, and where its session goes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) source: Source,
    /// A tag of the session; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Record the calls of language models that the command makes, in any language: their base URLs lead to a
    /// recorder on this machine, which forwards them
    #[arg(long)]
    pub(crate) capture_llm: bool,
    /// Do not print the session's tree at the end
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// The command and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// How to serve.
#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8717")]
    pub(crate) listen: SocketAddr,
    /// Directory of the database and the spool [default: AGENTOPS_DATA_DIR, else the platform's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address people reach the server by when it stands behind a proxy
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Chain of certificates, PEM: serve https
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Key of the first certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Prices of models, JSON as in the public LiteLLM list; they win over the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Take sessions away in which nothing happened for so many days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_days: Option<u32>,
    /// Take the oldest sessions away while the database holds more megabytes
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_mb: Option<u32>,
    /// Form of the log on standard error; RUST_LOG says what is logged
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Pretty)]
    pub(crate) log_format: LogFormat,
}

/// The log, for people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line of text an entry.
    Pretty,
    /// One JSON object an entry.
    Json,
}

/// What to do with projects. Works beside a running server.
#[derive(Debug, Subcommand)]
pub(crate) enum Projects {
    /// Make a project
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        store: Store,
    },
    /// List projects by name
    List(Store),
}

/// What to do with keys. Works beside a running server.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key; it is shown this once
    Create {
        #[command(flatten)]
        project: OfProject,
        #[command(flatten)]
        store: Store,
    },
    /// List keys: their ids, never the keys
    List {
        #[command(flatten)]
        project: OfProject,
        #[command(flatten)]
        store: Store,
    },
    /// Revoke a key; it and what was made with it end at once
    Revoke {
        /// The id that `keys list` shows
        id: String,
        #[command(flatten)]
        store: Store,
    },
}

/// Whose pages the browser will see.
#[derive(Debug, ClapArgs)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) project: OfProject,
    #[command(flatten)]
    pub(crate) store: Store,
}

/// Where a copy goes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Backup {
    /// The file to write; it must not exist yet
    pub(crate) file: PathBuf,
    /// Directory of the database [default: AGENTOPS_DATA_DIR, else the platform's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Where a copy comes from.
#[derive(Debug, ClapArgs)]
pub(crate) struct Restore {
    /// The file that `backup` wrote
    pub(crate) file: PathBuf,
    /// Directory of the database [default: AGENTOPS_DATA_DIR, else the platform's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Replace the database that is there
    #[arg(long)]
    pub(crate) replace: bool,
}

/// One project.
#[derive(Debug, ClapArgs)]
pub(crate) struct OfProject {
    /// Name or id of the project [default: the local one]
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
}

/// The data directory of a server.
#[derive(Debug, ClapArgs)]
pub(crate) struct Store {
    /// Directory of the database [default: AGENTOPS_DATA_DIR, else the platform's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// With which prices.
#[derive(Debug, ClapArgs)]
pub(crate) struct Reprice {
    #[command(flatten)]
    pub(crate) store: Store,
    /// Prices of models, as those of `agentops serve --prices`
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_follows_two_dashes_is_the_commands_own() {
        let words = ["agentops", "run", "--tag", "a", "--", "x", "--tag", "-q"];
        let Command::Run(run) = Args::try_parse_from(words).unwrap().command else {
            panic!("it is a run");
        };
        assert_eq!(run.command, ["x", "--tag", "-q"]);
        assert_eq!((run.tags, run.quiet), (vec!["a".to_owned()], false));
    }

    #[test]
    fn a_server_and_a_directory_exclude_each_other() {
        let words = [
            "agentops",
            "sessions",
            "list",
            "--endpoint",
            "http://x",
            "--data-dir",
            "/d",
        ];
        assert!(Args::try_parse_from(words).is_err());
        assert!(Args::try_parse_from(["agentops", "run"]).is_err());
        assert!(Args::try_parse_from(["agentops", "run", "true"]).is_err());
        for limit in ["0", "501"] {
            assert!(
                Args::try_parse_from(["agentops", "sessions", "list", "--limit", limit]).is_err()
            );
        }
    }
}
