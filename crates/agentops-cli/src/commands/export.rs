//! `agentops sessions export`: everything of a session, as JSON.

use crate::args::Export;
use crate::backend::Backend;
use crate::output::Out;

pub(crate) fn run(args: &Export, out: &mut Out) -> anyhow::Result<()> {
    let backend = Backend::open(&args.source)?;
    out.json(&backend.export(&args.id)?)
}
