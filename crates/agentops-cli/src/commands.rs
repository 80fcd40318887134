//! What the commands do, one file each.

mod admin;
mod care;
mod compare;
mod completions;
mod delete;
mod doctor;
mod events;
mod export;
mod keys;
mod list;
mod login;
mod projects;
mod reprice;
mod run;
mod serve;
mod show;
mod spool;
mod stats;
mod tail;

use std::process::ExitCode;

use crate::args::{Args, Command, Sessions};
use crate::exit::Exit;
use crate::output::Out;

/// Does what the command line asks for; how this process is to end.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut out = Out::stdout();
    match args.command {
        Command::Run(run) => return run::run(&run),
        Command::Serve(serve) => serve::run(&serve, &mut out)?,
        Command::Sessions(Sessions::List(list)) => list::run(&list, &mut out)?,
        Command::Sessions(Sessions::Show(show)) => show::run(&show, &mut out)?,
        Command::Sessions(Sessions::Tail(tail)) => return tail::run(&tail, &mut out),
        Command::Sessions(Sessions::Stats(stats)) => stats::run(&stats, &mut out)?,
        Command::Sessions(Sessions::Delete(delete)) => delete::run(&delete, &mut out)?,
        Command::Sessions(Sessions::Compare(compare)) => return compare::run(&compare, &mut out),
        Command::Events(events) => events::run(&events, &mut out)?,
        Command::Spool(spool) => return spool::run(&spool, &mut out),
        Command::Doctor(doctor) => return doctor::run(&doctor, &mut out),
        Command::Completions { shell } => completions::run(shell, &mut out)?,
        Command::Sessions(Sessions::Export(export)) => export::run(&export, &mut out)?,
        Command::Projects(projects) => projects::run(&projects, &mut out)?,
        Command::Keys(keys) => keys::run(&keys, &mut out)?,
        Command::Login(login) => login::run(&login, &mut out)?,
        Command::Reprice(store) => reprice::run(&store, &mut out)?,
        Command::Check(store) => care::check(&store, &mut out)?,
        Command::Backup(backup) => care::backup(&backup, &mut out)?,
        Command::Restore(restore) => care::restore(&restore, &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Success.into())
}
