//! A stretch of lines on their way to becoming one batch.

use agentops_protocol::{ProjectId, SessionId, Timestamp};
use agentops_spool::Line;
use agentops_store::{Mutation, Write};

use super::report::ImportReport;
use crate::ingest::normalise;

/// The writes of one batch in the making.
pub(super) struct Stretch<'a> {
    project: &'a ProjectId,
    received: Timestamp,
    pub(super) writes: Vec<Write>,
    /// Lines that became a write.
    pub(super) taken: u64,
}

impl<'a> Stretch<'a> {
    pub(super) fn new(project: &'a ProjectId, received: Timestamp) -> Self {
        Self {
            project,
            received,
            writes: Vec::new(),
            taken: 0,
        }
    }

    /// Adds what a line means; one that means nothing is counted and logged.
    pub(super) fn push(&mut self, line: &Line, directory: &str, report: &mut ImportReport) {
        match self.read(line) {
            Ok(writes) if writes.is_empty() => report.refused += 1,
            Ok(writes) => {
                self.taken += 1;
                for write in writes {
                    self.join(write);
                }
            }
            Err(reason) => {
                report.refused += 1;
                tracing::warn!(
                    directory,
                    line = line.n,
                    reason,
                    "a line of the spool is not taken"
                );
            }
        }
    }

    fn read(&self, line: &Line) -> Result<Vec<Write>, String> {
        let session = SessionId::try_from(line.sid.clone()).map_err(|error| error.to_string())?;
        let mutations = normalise::spool_line(line.op, line.body.get(), &session, self.received);
        let mutations = mutations.map_err(|refusal| refusal.to_string())?;
        let write = |mutation| Write {
            project: self.project.clone(),
            session: session.clone(),
            received: self.received,
            mutation,
        };
        Ok(mutations.into_iter().map(write).collect())
    }

    /// Events of one session that follow each other become one write.
    fn join(&mut self, write: Write) {
        if let Some(last) = self.writes.last_mut()
            && last.session == write.session
        {
            match (&mut last.mutation, write.mutation) {
                (Mutation::UpdateEvents(events), Mutation::UpdateEvents(more)) => {
                    events.extend(more);
                }
                (Mutation::CreateEvents(events), Mutation::CreateEvents(more)) => {
                    events.extend(more);
                }
                (_, mutation) => self.writes.push(Write { mutation, ..write }),
            }
        } else {
            self.writes.push(write);
        }
    }
}
