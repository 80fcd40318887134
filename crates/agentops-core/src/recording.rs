//! The user's thread: what happens between a call and the worker.
//!
//! A recorded call writes a *start record* and an *end record* into a byte buffer its thread owns; the worker
//! swaps the buffers out, joins the records to events and does everything slow. So this half must never block on
//! I/O, never panic, never hold a lock of its own while code of the user runs (`Serialize`, `Debug`, `Display`,
//! closures), and never allocate once a thread has warmed up. It knows sessions and agents only by number.
//!
//! Files, in the order in which they may import each other: [`clock`], [`shield`] (user code and its panics),
//! [`locks`] (that serde would take), [`levels`] (how deep a value may be), [`escape`] (text in JSON), [`cut`] (size-limited JSON), [`capture`]
//! (how a value is written), [`buffers`] (a thread's bytes), [`record`] (their format), [`context`] (who is current), [`end`] (what a result says), [`fault`]
//! (how an error is written), [`call`] (one call, from start to outcome), [`guard`] (around a body that stays in its place), [`early`] (`?` in a body that stays where it
//! is), [`future`], [`stream`], [`follow`] (which results are recorded to their end).

pub(crate) mod buffers;
pub(crate) mod call;
pub(crate) mod capture;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod cut;
pub(crate) mod early;
pub(crate) mod end;
pub(crate) mod escape;
pub(crate) mod fault;
pub(crate) mod follow;
pub(crate) mod future;
pub(crate) mod guard;
pub(crate) mod levels;
pub(crate) mod locks;
pub(crate) mod record;
pub(crate) mod shield;
pub(crate) mod stream;

use std::sync::OnceLock;

use uuid::Uuid;

/// A session in this process, counting from 1; 0 is none. The two highest bits are flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    /// Arguments, results and messages stay unread: only names, times and outcomes are recorded.
    pub(crate) const METADATA_ONLY: u32 = 1 << 31;
    /// A scope in which nothing is recorded; it hides the scopes around it.
    pub(crate) const OFF: u32 = 1 << 30;
    /// No session.
    pub(crate) const NONE: Slot = Slot(0);

    /// The number without its flags.
    pub(crate) fn index(self) -> u32 {
        self.0 & !(Self::METADATA_ONLY | Self::OFF)
    }

    /// Whether something recorded under this slot goes anywhere.
    pub(crate) fn records(self) -> bool {
        self.0 & Self::OFF == 0 && self.index() != 0
    }

    /// Whether values may be looked at.
    pub(crate) fn wants_content(self) -> bool {
        self.0 & Self::METADATA_ONLY == 0
    }
}

/// An agent of a session in this process; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AgentSlot(pub(crate) u32);

/// A call in this process: 24 bits of thread, 39 bits of counter, and in bit 0 "the error event of that call".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallId(pub(crate) u64);

impl CallId {
    /// No call.
    pub(crate) const NONE: CallId = CallId(0);

    /// Whether this stands for no call.
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The id of the error event that belongs to this call.
    pub(crate) fn error_of(self) -> CallId {
        CallId(self.0 | 1)
    }

    /// The id as it leaves the process: a version 8 UUID of 58 bits drawn once a process and these 64. Nothing is
    /// hashed away, so two ids of a process never meet.
    pub(crate) fn uuid(self) -> Uuid {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        let process = *PROCESS.get_or_init(|| {
            Uuid::new_v4().as_u64_pair().0 ^ Uuid::new_v4().as_u64_pair().1.rotate_left(32)
        });
        let process = process >> 6;
        let high = (process >> 10) << 16 | 0x8 << 12 | (process & 0x3ff) << 2 | self.0 >> 62;
        let low = 0b10 << 62 | self.0 & (u64::MAX >> 2);
        Uuid::from_u64_pair(high, low)
    }
}

/// What kind of event a record starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A step of the agent.
    Action = 0,
    /// A call of a language model.
    Llm = 1,
    /// A call of a tool.
    Tool = 2,
    /// An error that belongs to no recorded call.
    Error = 3,
}

impl Kind {
    /// The member that names an event of this kind, as it stands in JSON.
    pub(crate) fn name_key(self) -> &'static str {
        match self {
            Kind::Action => "\"action_type\":",
            Kind::Llm => "\"model\":",
            Kind::Tool => "\"name\":",
            Kind::Error => "\"error_type\":",
        }
    }

    /// The kind a byte of a record stands for.
    pub(crate) fn from_byte(byte: u8) -> Option<Kind> {
        [Kind::Action, Kind::Llm, Kind::Tool, Kind::Error]
            .get(usize::from(byte))
            .copied()
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Outcome {
    /// It returned a value.
    Ok = 0,
    /// It returned an error.
    Error = 1,
    /// It panicked.
    Panicked = 2,
    /// It was dropped before it ended.
    Cancelled = 3,
}

impl Outcome {
    /// The outcome a byte of a record stands for.
    pub(crate) fn from_byte(byte: u8) -> Option<Outcome> {
        [
            Outcome::Ok,
            Outcome::Error,
            Outcome::Panicked,
            Outcome::Cancelled,
        ]
        .get(usize::from(byte))
        .copied()
    }
}

#[cfg(test)]
mod macro_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_and_its_error_have_two_uuids_of_version_8() {
        let call = CallId(0x0000_0300_0000_002a << 1);
        assert_ne!(call.uuid(), call.error_of().uuid());
        assert_eq!(call.uuid().get_version_num(), 8);
        assert_eq!(call.uuid().get_variant(), uuid::Variant::RFC4122);
        assert_eq!(call.uuid(), CallId(call.0).uuid());
    }

    #[test]
    fn every_bit_of_a_call_id_reaches_its_uuid() {
        let zero = CallId(0).uuid().as_u128();
        let mut seen = 0u128;
        for bit in 0..64 {
            let changed = CallId(1 << bit).uuid().as_u128() ^ zero;
            assert_eq!(changed.count_ones(), 1, "bit {bit}");
            assert_eq!(seen & changed, 0, "bit {bit}");
            seen |= changed;
        }
    }

    #[test]
    fn flags_are_not_part_of_the_number() {
        let slot = Slot(7 | Slot::METADATA_ONLY);
        assert_eq!(slot.index(), 7);
        assert!(slot.records() && !slot.wants_content());
        assert!(!Slot(7 | Slot::OFF).records());
        assert!(!Slot::NONE.records());
    }
}
