//! `agentops sessions export`: everything of a session, as JSON or as one page.

use std::io::IsTerminal as _;

use crate::args::Export;
use crate::backend::Backend;
use crate::exit::{Exit, Problem};
use crate::output::Out;

pub(crate) fn run(args: &Export, out: &mut Out) -> anyhow::Result<()> {
    if !args.html {
        let backend = Backend::open(&args.source)?;
        return out.json(&backend.export(&args.id)?);
    }
    if std::io::stdout().is_terminal() {
        let message = "a page is for a browser: write it to a file, `--html > session.html`";
        return Err(Problem::new(Exit::Usage, message).into());
    }
    let backend = Backend::open(&args.source)?;
    out.own(backend.page(&args.id)?.as_bytes())
}
