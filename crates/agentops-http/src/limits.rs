//! What is kept of a call while it passes, at most.

/// Bytes of a request body, after long strings were cut.
pub const REQUEST: usize = 2 << 20;

/// Bytes of an answer in one piece, or of one event of a stream, after long strings were cut.
pub const CHUNK: usize = 1 << 20;

/// Bytes of one string in either; what a session keeps of a value is cut further (`max_field_bytes`).
pub const STRING: usize = 256 << 10;

/// Bytes of an answer that is no JSON: the text of an error page.
pub const TEXT: usize = 2 << 10;

/// Calls that failed and may be tried again, remembered to know the next attempt by.
pub const RETRIES: usize = 256;
