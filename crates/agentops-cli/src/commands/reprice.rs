//! `agentops reprice`: the costs of stored calls anew, with the price book of this version and,
//! first, a file of prices.

use agentops_store::{Batch, Ingest as _, Mutation, PageSize, Query as _, SessionFilter, Write};
use anyhow::Context as _;

use super::admin::Admin;
use crate::args::Reprice;
use crate::output::Out;
use crate::progress::Progress;
use crate::text::counted;

pub(crate) fn run(args: &Reprice, out: &mut Out) -> anyhow::Result<()> {
    let admin = Admin::priced(&args.store, args.prices.as_deref())?;
    let now = agentops_server::system_clock()();
    let mut filter = SessionFilter::default();
    // From the oldest on: what begins meanwhile is priced with these prices already.
    filter.order.ascending = true;
    let (mut sessions, mut seen, mut cursor) = (0_u64, 0_u64, None);
    let progress = Progress::counted("repricing sessions".to_owned(), 0);
    loop {
        let page = admin
            .store
            .sessions(None, &filter, PageSize::MAX, cursor.as_ref());
        let page = page.context("cannot read the sessions")?;
        // How many there are nobody knows before the last page.
        progress.of(Some(seen + page.rows.len() as u64));
        for row in &page.rows {
            seen += 1;
            progress.at(seen);
            if row.stats.llms == 0 {
                continue;
            }
            let project = row.session.project_id.parse();
            let write = Write {
                project: project.context("a stored project cannot be read")?,
                session: row.session.id.clone(),
                received: now,
                mutation: Mutation::Reprice,
            };
            let batch = Batch {
                writes: vec![write],
                idempotency_key: None,
                cursor: None,
            };
            // One at a time: a server beside this keeps its turn.
            let stored = admin
                .store
                .submit(batch)
                .and_then(agentops_store::Pending::wait);
            stored.context("cannot store the costs")?;
            sessions += 1;
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if args.store.json {
        return out.json(&format!("{{\"sessions\":{sessions}}}"));
    }
    let sessions = counted(sessions, "session");
    out.line(format!("looked up the costs of {sessions} anew"))
}
