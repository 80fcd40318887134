//! Counts tokens of calls that came without: in the background, and for who asks for a session's
//! cost first of all those of that session.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use agentops_protocol::{ProjectId, SessionId};
use agentops_store::{Batch, FoundEvent, IngestError, Mutation, QueryError, Write};

use super::tokens;
use crate::app::{App, Clock, Storage};
use crate::error::ApiError;

/// Calls that are looked at together.
const STEP: usize = 64;
/// How often it is looked whether any wait.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long who asks for a cost waits for it; what is not counted by then has no cost yet.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountError {
    #[error(transparent)]
    Read(#[from] QueryError),
    #[error(transparent)]
    Write(#[from] IngestError),
}

impl From<CountError> for ApiError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Read(error) => error.into(),
            CountError::Write(error) => error.into(),
        }
    }
}

/// Counts until told to stop.
pub(crate) fn keep_counting(app: &App, clock: &Clock, stop: &Receiver<()>) {
    let mut rest = INTERVAL;
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(rest) {
        let begun = Instant::now();
        rest = match step(&**app.store(), None, clock) {
            // Half of the time belongs to others.
            Ok(true) => begun.elapsed(),
            Ok(false) => INTERVAL,
            Err(error) => {
                tracing::debug!(%error, "tokens are counted later");
                INTERVAL
            }
        };
    }
}

/// Counts what waits in a session before its cost is read.
pub(crate) async fn finish(
    app: &App,
    project: &ProjectId,
    session: &SessionId,
) -> Result<(), ApiError> {
    let (project, session) = (project.clone(), session.clone());
    let clock = app.clock();
    let counted = app.read(move |store| {
        let begun = Instant::now();
        while step(store, Some((&project, &session)), &clock)? && begun.elapsed() < PATIENCE {}
        Ok::<_, CountError>(())
    });
    counted.await
}

/// Counts some calls; whether there were any.
fn step(
    store: &dyn Storage,
    of: Option<(&ProjectId, &SessionId)>,
    clock: &Clock,
) -> Result<bool, CountError> {
    let waiting = store.uncounted(of, STEP)?;
    let mut batch = Batch {
        writes: Vec::new(),
        idempotency_key: None,
        cursor: None,
    };
    for found in &waiting {
        batch.writes.push(write(found, clock));
    }
    if batch.writes.is_empty() {
        return Ok(false);
    }
    store.submit(batch)?.wait()?;
    Ok(true)
}

fn write(found: &FoundEvent, clock: &Clock) -> Write {
    Write {
        project: found.project.clone(),
        session: found.session.clone(),
        received: clock(),
        mutation: Mutation::CountTokens(vec![tokens::of(&found.event)]),
    }
}
