//! Limits of the wire: the client truncates to them, the server refuses what is over them.

/// Longest id, in bytes. The documentation allows any unique string; this bounds the index.
pub const ID_BYTES: usize = 128;

/// Deepest nesting of a recorded JSON value. Common readers stop at 128 levels, `serde_json` for
/// one, and an export wraps a value in a few of its own.
pub const JSON_DEPTH: usize = 120;

/// Most events in one request.
pub const EVENTS_PER_REQUEST: usize = 10_000;

/// Largest request body after decompression, in bytes.
pub const BODY_BYTES: usize = 64 * 1024 * 1024;

/// Most tags of a session.
pub const TAGS: usize = 1_000;

/// Longest tag, in bytes.
pub const TAG_BYTES: usize = 1_024;

/// Longest name of an event, a model, an agent or an error type, in bytes.
pub const NAME_BYTES: usize = 4_096;

/// Most reasons by which a session's losses are counted; this API knows seven.
pub const DROP_REASONS: usize = 64;
