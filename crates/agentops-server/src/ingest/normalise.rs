//! From an accepted form to a mutation. REST and the spool come through here, so that both mean
//! the same.

use agentops_protocol::accept::{self, Refusal};
use agentops_protocol::{SessionId, SessionPatch, Timestamp};
use agentops_spool::Op;
use agentops_store::{Image, Mutation};

use super::screenshots;

/// Reads a body, and reads it again repaired where it could not be read for what Python writes and
/// nobody else reads. What is well formed is read once and never touched.
fn lenient<T>(body: &[u8], read: impl Fn(&[u8]) -> Result<T, Refusal>) -> Result<T, Refusal> {
    let refusal = match read(body) {
        Ok(read) => return Ok(read),
        Err(refusal) => refusal,
    };
    let Some(repaired) = accept::repaired(body) else {
        return Err(refusal);
    };
    tracing::debug!(%refusal, "a body was repaired");
    read(&repaired)
}

/// A create_session body. The session's id is inside it.
pub(crate) fn new_session(body: &[u8]) -> Result<SessionPatch, Refusal> {
    lenient(body, accept::session)
}

/// An update_session body: the client's own word, or that of whoever found its spool.
pub(crate) fn update_session(body: &[u8]) -> Result<Mutation, Refusal> {
    let patch = lenient(body, accept::session)?;
    Ok(if patch.recovered {
        Mutation::Recover {
            reason: patch.end_state_reason.unwrap_or_default(),
        }
    } else {
        Mutation::UpdateSession(patch)
    })
}

/// A create_events body.
pub(crate) fn create_events(
    body: &[u8],
    session: &SessionId,
    received: Timestamp,
) -> Result<Vec<Mutation>, Refusal> {
    let read = |body: &[u8]| accept::create_events(body, session, received);
    let mut events = lenient(body, read)?;
    let images = screenshots::of_events(session, &mut events);
    Ok(with_images(images, Mutation::CreateEvents(events)))
}

/// An update_events body.
pub(crate) fn update_events(body: &[u8], session: &SessionId) -> Result<Vec<Mutation>, Refusal> {
    let mut patches = lenient(body, accept::update_events)?;
    let images = screenshots::of_patches(session, &mut patches);
    Ok(with_images(images, Mutation::UpdateEvents(patches)))
}

/// The images stand first: no event shows one that is not there.
fn with_images(images: Vec<Image>, events: Mutation) -> Vec<Mutation> {
    let images = (!images.is_empty()).then_some(Mutation::KeepImages(images));
    images.into_iter().chain([events]).collect()
}

/// A create_agent body.
pub(crate) fn agent(body: &[u8]) -> Result<Mutation, Refusal> {
    lenient(body, accept::agent).map(Mutation::UpsertAgent)
}

/// A create_thread body.
pub(crate) fn thread(body: &[u8]) -> Result<Mutation, Refusal> {
    lenient(body, accept::thread).map(Mutation::UpsertThread)
}

/// An update_logs body.
pub(crate) fn logs(body: &[u8]) -> Result<Mutation, Refusal> {
    lenient(body, accept::logs).map(Mutation::AppendLogs)
}

/// A line of the spool; nothing for an operation that this version does not know.
///
/// A finished event is a whole update: its canonical form has every field, so the update makes
/// the event where no `open` line came before, and completes it where one did, also when the
/// importer was restarted between the two and knows nothing of the first.
pub(crate) fn spool_line(
    op: Op,
    body: &str,
    session: &SessionId,
    received: Timestamp,
) -> Result<Vec<Mutation>, Refusal> {
    let bytes = body.as_bytes();
    let mutation = match op {
        Op::Session => Mutation::CreateSession(new_session(bytes)?),
        // A loss line says what the session has lost so far, and nothing else.
        Op::Update | Op::Loss => update_session(bytes)?,
        Op::Agent => agent(bytes)?,
        Op::Open => return create_events(&listed(body), session, received),
        Op::Event => return update_events(&listed(body), session),
        _ => return Ok(Vec::new()),
    };
    Ok(vec![mutation])
}

/// One event as a request has it.
fn listed(event: &str) -> Vec<u8> {
    format!("{{\"events\":[{event}]}}").into_bytes()
}
