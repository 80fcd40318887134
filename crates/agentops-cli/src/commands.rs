//! What the commands do, one file each.

mod export;
mod list;
mod serve;
mod show;

use crate::args::{Args, Command, Sessions};
use crate::output::Out;

/// Does what the command line asks for.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let mut out = Out::stdout();
    match args.command {
        Command::Serve(serve) => serve::run(&serve, &mut out)?,
        Command::Sessions(Sessions::List(list)) => list::run(&list, &mut out)?,
        Command::Sessions(Sessions::Show(show)) => show::run(&show, &mut out)?,
        Command::Sessions(Sessions::Export(export)) => export::run(&export, &mut out)?,
    }
    out.flush()
}
