//! The format of a record, and appending one.
//!
//! ```text
//! record  length u32 | tag u8 | body              length counts tag and body; numbers are little endian
//! start   tag 0 | kind u8 | id u64 | parent u64 | session u32 | agent u32 | at u64 | name length u32 | name | fields
//! end     tag 1 | outcome u8 | id u64 | session u32 | at u64 | fields length u32 | fields | error
//! ```
//!
//! `fields` are members of a JSON object without its braces, `error` is empty or one JSON object. The fields of an end
//! that begin with the member that names the event (`Kind::name_key`) say everything: name and fields of the start
//! do not count any more. Times are those of `clock::now`. Nothing of this leaves the process: it is read by the worker of the same build.

use super::buffers::{self, Room};
use super::context::Scope;
use super::cut::Cut;
use super::{AgentSlot, CallId, Kind, Outcome, Slot, clock};

const START: u8 = 0;
const END: u8 = 1;
const START_SIZE: usize = 4 + 2 + 8 + 8 + 4 + 4 + 8 + 4;
const END_SIZE: usize = 4 + 2 + 8 + 4 + 8 + 4;

/// What stands for a result when the thread's memory was used up.
const NO_ROOM: &str = "\"returns\":{\"truncated\":true,\"size_at_least\":0,\"prefix\":\"\"}";

/// One record, as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// A call began.
    Start {
        /// The call.
        id: CallId,
        /// The call around it.
        parent: CallId,
        /// Where it belongs.
        session: Slot,
        /// Who acts.
        agent: AgentSlot,
        /// What it is.
        kind: Kind,
        /// The function or tool.
        name: &'a str,
        /// When, by the process's clock.
        at: u64,
        /// Members of a JSON object.
        fields: &'a [u8],
    },
    /// A call ended.
    End {
        /// The call.
        id: CallId,
        /// Where it belongs.
        session: Slot,
        /// When, by the process's clock.
        at: u64,
        /// How.
        outcome: Outcome,
        /// Members of a JSON object.
        fields: &'a [u8],
        /// Empty, or a JSON object.
        error: &'a [u8],
    },
}

/// Reads the records of a buffer; stops at the first byte that is not one.
pub(crate) fn read(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut reader = Reader(rest);
        let length = reader.u32()? as usize;
        let record = decode(reader.bytes(length)?);
        debug_assert!(record.is_some(), "a record that cannot be read");
        rest = reader.0;
        record
    })
}

/// Appends the start of a call; `fields` writes members of its JSON object. `None` if memory is used up.
pub(crate) fn start(
    scope: Scope,
    kind: Kind,
    name: &str,
    fields: &mut dyn FnMut(&mut Cut<'_>),
) -> Option<CallId> {
    start_at(clock::now(), scope, kind, name, fields)
}

/// The same for a call that began at a time of its own.
pub(crate) fn start_at(
    at: u64,
    scope: Scope,
    kind: Kind,
    name: &str,
    fields: &mut dyn FnMut(&mut Cut<'_>),
) -> Option<CallId> {
    let mut scratch = buffers::scratch();
    fields(&mut Cut::new(&mut scratch));
    append_start(at, scope, kind, name, scratch)
}

/// Appends the end of a call.
pub(crate) fn end(
    id: CallId,
    session: Slot,
    outcome: Outcome,
    fields: &mut dyn FnMut(&mut Cut<'_>),
    error: &[u8],
) {
    end_at(clock::now(), id, session, outcome, fields, error);
}

/// The same for a call that ended at a time of its own.
pub(crate) fn end_at(
    at: u64,
    id: CallId,
    session: Slot,
    outcome: Outcome,
    fields: &mut dyn FnMut(&mut Cut<'_>),
    error: &[u8],
) {
    let mut scratch = buffers::scratch();
    fields(&mut Cut::new(&mut scratch));
    append_end(at, id, session, outcome, scratch, error);
}

/// Appends a start record whose fields are written already, into the thread's scratch bytes.
pub(crate) fn append_start(
    at: u64,
    scope: Scope,
    kind: Kind,
    name: &str,
    fields: Vec<u8>,
) -> Option<CallId> {
    let size = START_SIZE + name.len() + fields.len();
    buffers::start(scope.session, size, fields, |out, id, fields| {
        let mut head = [0u8; START_SIZE];
        head[0..4].copy_from_slice(&(size as u32 - 4).to_le_bytes());
        head[4] = START;
        head[5] = kind as u8;
        head[6..14].copy_from_slice(&id.0.to_le_bytes());
        head[14..22].copy_from_slice(&scope.parent.0.to_le_bytes());
        head[22..26].copy_from_slice(&scope.session.0.to_le_bytes());
        head[26..30].copy_from_slice(&scope.agent.0.to_le_bytes());
        head[30..38].copy_from_slice(&at.to_le_bytes());
        head[38..42].copy_from_slice(&(name.len() as u32).to_le_bytes());
        out.reserve(size);
        out.extend_from_slice(&head);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(fields);
    })
}

/// Appends an end record whose fields are written already, into the thread's scratch bytes.
pub(crate) fn append_end(
    at: u64,
    id: CallId,
    session: Slot,
    outcome: Outcome,
    fields: Vec<u8>,
    error: &[u8],
) {
    let size = END_SIZE + fields.len() + error.len();
    buffers::end(size, fields, |out, room, fields| {
        let fields = if room == Room::Full || fields.len() <= NO_ROOM.len() {
            fields
        } else {
            NO_ROOM.as_bytes()
        };
        let error = if room == Room::Outcome { &[] } else { error };
        let size = END_SIZE + fields.len() + error.len();
        let mut head = [0u8; END_SIZE];
        head[0..4].copy_from_slice(&(size as u32 - 4).to_le_bytes());
        head[4] = END;
        head[5] = outcome as u8;
        head[6..14].copy_from_slice(&id.0.to_le_bytes());
        head[14..18].copy_from_slice(&session.0.to_le_bytes());
        head[18..26].copy_from_slice(&at.to_le_bytes());
        head[26..30].copy_from_slice(&(fields.len() as u32).to_le_bytes());
        out.reserve(size);
        out.extend_from_slice(&head);
        out.extend_from_slice(fields);
        out.extend_from_slice(error);
    });
}

fn decode(body: &[u8]) -> Option<Record<'_>> {
    let mut reader = Reader(body);
    match reader.u8()? {
        START => {
            let kind = Kind::from_byte(reader.u8()?)?;
            let (id, parent) = (CallId(reader.u64()?), CallId(reader.u64()?));
            let (session, agent) = (Slot(reader.u32()?), AgentSlot(reader.u32()?));
            let at = reader.u64()?;
            let length = reader.u32()? as usize;
            let name = std::str::from_utf8(reader.bytes(length)?).ok()?;
            Some(Record::Start {
                id,
                parent,
                session,
                agent,
                kind,
                name,
                at,
                fields: reader.0,
            })
        }
        END => {
            let outcome = Outcome::from_byte(reader.u8()?)?;
            let (id, session, at) = (CallId(reader.u64()?), Slot(reader.u32()?), reader.u64()?);
            let length = reader.u32()? as usize;
            let fields = reader.bytes(length)?;
            Some(Record::End {
                id,
                session,
                at,
                outcome,
                fields,
                error: reader.0,
            })
        }
        _ => None,
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes(4)
            .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes(8)
            .map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
