//! JSON that is made of the user's values to be read, and how much of it.

use serde_json::Value;

use crate::llm::Squeeze;

/// Longest JSON of a value that is read; an image of a request may be a part of it.
pub(super) const READ_LIMIT: usize = 8 << 20;

/// From which length on long strings are cut before JSON is read.
const SQUEEZE_FROM: usize = 256 << 10;

/// How much of a string is kept then.
const LONGEST_TEXT: usize = 128 << 10;

/// JSON of the user's values; its long strings are cut first where there is much of it.
pub(super) fn read(json: &[u8]) -> Option<Value> {
    if json.len() <= SQUEEZE_FROM {
        return serde_json::from_slice(json).ok();
    }
    let mut squeeze = Squeeze::new(READ_LIMIT, LONGEST_TEXT);
    squeeze.push(json);
    serde_json::from_slice(&squeeze.finish()?).ok()
}
