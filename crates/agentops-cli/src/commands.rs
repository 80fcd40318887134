//! What the commands do, one file each.

mod admin;
mod care;
mod export;
mod keys;
mod list;
mod login;
mod projects;
mod reprice;
mod run;
mod serve;
mod show;

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
