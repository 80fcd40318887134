//! The words of the commands that look at sessions and events.

use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs, Subcommand, ValueEnum};

/// Ends the help of every command that reads sessions.
pub(super) const SOURCES: &str = "\
Where sessions come from, the first that is given:
  --endpoint URL, --data-dir DIR, AGENTOPS_API_ENDPOINT, AGENTOPS_DATA_DIR,
  else the platform's data directory. A data directory that `agentops serve`
  has open is read through that server.

Exit codes: 0 success, 1 failure, 2 wrong usage, 3 no such session, 4 the id's
beginning fits several sessions, 5 the server cannot be reached, 6 the server
refuses the key, 7 the data directory cannot be used.";

/// Ends the help of `tail`.
const FOLLOWED: &str = "\
One line an event when it begins and one when it has ended; with --json one object a line:
{\"session\":{…}} when a session begins or ends, {\"event\":{…}} as `events --json` has them.

A server is followed by its stream of changes, and found again when it restarts; a data
directory without a server is read again and again.

Exit codes: 0 the session ended, 130 SIGINT, 143 SIGTERM, else as of every command.";

/// Ends the help of `compare`.
const COMPARED: &str = "\
Each of the two is a session's id (or its beginning), or the path of a file that
`sessions export` wrote: whatever has a slash in it or ends in .json.

Ids (those of tool calls in chats, too) and times are not compared. Signs: `-` only in the first, `+` only in the second,
`~` in both and not the same. The first divergence is the innermost cause: a result
counts when its call ends. At most 50,000 events a session.

Exit codes: 0, also where the two differ; with --baseline 1 when they differ; else as of
every command.";

/// Ends the help of `doctor`.
pub(super) const CHECKED: &str = "\
Looks at the settings of the environment and the options, the data directory and its
permissions, the free space, the spool, the server, its clock and the key. Changes nothing.

Exit codes: 0 nothing hinders, 1 something does.";

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// List sessions, newest first
    #[command(after_help = SOURCES)]
    List(List),
    /// Show one session and the tree of its events
    #[command(after_help = SOURCES)]
    Show(Show),
    /// Follow sessions as they are recorded, until interrupted or the session ends
    #[command(after_help = FOLLOWED)]
    Tail(Tail),
    /// Print the counts, tokens and cost of one session
    #[command(after_help = SOURCES)]
    Stats(Stats),
    /// Print everything of one session as JSON
    #[command(after_help = SOURCES)]
    Export(Export),
    /// Take sessions away for good
    #[command(after_help = SOURCES)]
    Delete(Delete),
    /// Lay two sessions side by side and say where they part
    #[command(after_help = COMPARED)]
    Compare(Compare),
}

/// Which part of a list, and in which form.
#[derive(Debug, ClapArgs)]
pub(crate) struct Page {
    /// Print the list as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// How many rows, 1 to 500
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) limit: u16,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "C")]
    pub(crate) cursor: Option<String>,
}

/// Which sessions to list.
#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) page: Page,
}

/// Which session to show.
#[derive(Debug, ClapArgs)]
pub(crate) struct Show {
    /// The session's id, or an unmistakable beginning of it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print everything of the session as JSON, as `export` does
    #[arg(long)]
    pub(crate) json: bool,
    /// How many events to show
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Which session to export.
#[derive(Debug, ClapArgs)]
pub(crate) struct Export {
    /// The session's id, or an unmistakable beginning of it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print JSON, as without any option
    #[arg(long, action = ArgAction::SetTrue, conflicts_with = "html")]
    pub(crate) json: bool,
    /// Print the session's page as one self-contained file
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) html: bool,
}

/// Where sessions are kept.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Source {
    /// A server that keeps sessions
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    pub(crate) endpoint: Option<String>,
    /// The key of that server [default: AGENTOPS_API_KEY]
    #[arg(long, value_name = "KEY", hide_default_value = true)]
    pub(crate) api_key: Option<String>,
    /// A local data directory that keeps sessions
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Which sessions to follow.
#[derive(Debug, ClapArgs)]
pub(crate) struct Tail {
    /// The session's id, or an unmistakable beginning of it; all sessions when left out
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print an object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// How many of the newest events to begin with
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=500))]
    pub(crate) last: u16,
}

/// Of which session.
#[derive(Debug, ClapArgs)]
pub(crate) struct Stats {
    /// The session's id, or an unmistakable beginning of it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the counts as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which sessions to take away.
#[derive(Debug, ClapArgs)]
pub(crate) struct Delete {
    /// The sessions' ids in full
    #[arg(required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Do not ask; needed where nobody can be asked
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print the ids that were taken away as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which two to compare.
#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    /// The first session, or a file with an export
    pub(crate) a: String,
    /// The second session, or a file with an export
    pub(crate) b: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The first is what the second must do: end with 1 when they differ
    #[arg(long)]
    pub(crate) baseline: bool,
    /// Show the rows that are the same, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Print the comparison as JSON, as `GET /v2/compare` answers it
    #[arg(long)]
    pub(crate) json: bool,
    /// How many rows to show
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// What an agent did.
    Actions,
    /// Calls of language models.
    Llms,
    /// Calls of tools.
    Tools,
    /// What went wrong.
    Errors,
}

/// Which events to list.
#[derive(Debug, ClapArgs)]
pub(crate) struct Events {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Only of this kind
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// Only of this name: an action's type, a tool's name, an error's type
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only calls of this model
    #[arg(long, conflicts_with_all = ["kind", "name"])]
    pub(crate) model: Option<String>,
    /// Only those that ended by an error or a panic
    #[arg(long)]
    pub(crate) failed: bool,
    /// Only those that began at this time or later: a day, or 2024-03-14T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only those that began before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// With --json: arguments, results, prompts and completions, too
    #[arg(long, requires = "json")]
    pub(crate) bodies: bool,
    #[command(flatten)]
    pub(crate) page: Page,
}

/// What to look at.
#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print what was found as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
