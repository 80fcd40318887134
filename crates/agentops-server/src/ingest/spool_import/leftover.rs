//! What a dead program was doing when it died: the calls it opened and never finished.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use agentops_protocol::{EventId, SessionId};
use agentops_spool::{Line, Op, Position, Taken};
use serde::Deserialize;

/// Lines read at once, and their bytes.
const LINES: usize = 4_000;
const BYTES: usize = 4 << 20;
/// Most open calls that are looked after; more than any program has threads.
const MOST: usize = 100_000;

/// The calls that a directory opened and did not finish, by session. A call whose `open` line
/// stood in a segment that is gone is not among them: only in a session that its program left
/// open is it found then, by the recovery.
pub(super) fn unfinished(taken: &Taken) -> io::Result<BTreeMap<SessionId, Vec<EventId>>> {
    let mut open: BTreeSet<(String, String)> = BTreeSet::new();
    let mut reader = taken.reader();
    let mut position = Position::START;
    loop {
        let read = reader.next_batch(position, LINES, BYTES)?;
        if read.end == position {
            break;
        }
        position = read.end;
        for line in &read.lines {
            match (line.op, id_of(line)) {
                (Op::Open, Some(id)) if open.len() < MOST => {
                    open.insert((line.sid.clone(), id.into_owned()));
                }
                (Op::Event, Some(id)) => {
                    open.remove(&(line.sid.clone(), id.into_owned()));
                }
                _ => {}
            }
        }
    }
    let mut sessions: BTreeMap<SessionId, Vec<EventId>> = BTreeMap::new();
    for (session, event) in open {
        // What is no id was refused when it was imported.
        if let (Ok(session), Ok(event)) = (SessionId::try_from(session), EventId::try_from(event)) {
            sessions.entry(session).or_default().push(event);
        }
    }
    Ok(sessions)
}

fn id_of(line: &Line) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    let named: Named<'_> = serde_json::from_str(line.body.get()).ok()?;
    Some(named.id)
}
