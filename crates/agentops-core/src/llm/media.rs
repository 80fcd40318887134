//! Inline data (images, audio, files, encrypted reasoning) becomes a note of what it was and how large.

use serde_json::{Map, Value};

use super::squeeze;
use super::text::floor;

/// Members that hold data whatever they look like.
const DATA_KEYS: &[&str] = &[
    "b64_json",
    "encrypted_content",
    "file_data",
    "image_data",
    "partial_image_b64",
    "signature",
    "thoughtSignature",
    "thought_signature",
];

/// Members that hold data if they look like base64.
const MAYBE_DATA_KEYS: &[&str] = &["data", "image", "images", "bytes", "content", "result"];

/// Members beside the data that say what it is.
const TYPE_KEYS: &[&str] = &[
    "media_type",
    "mime_type",
    "mimeType",
    "content_type",
    "format",
];

/// Shorter strings of members that may be data are left alone.
const SHORT: usize = 64;

/// How much of a string is looked at.
const SAMPLE: usize = 512;

/// Replaces all inline data in it.
pub(super) fn without_data(json: &mut Value) {
    walk(json, None, "");
}

fn walk(json: &mut Value, kind: Option<&str>, key: &str) {
    match json {
        Value::Array(items) => {
            for item in items {
                walk(item, kind, key);
            }
        }
        Value::Object(members) => {
            let kind = type_of(members);
            for (key, value) in members.iter_mut() {
                walk(value, kind.as_deref(), key);
            }
        }
        Value::String(text) => {
            if let Some(note) = note(text, kind, key) {
                *text = note;
            }
        }
        _ => {}
    }
}

fn type_of(members: &Map<String, Value>) -> Option<String> {
    TYPE_KEYS
        .iter()
        .find_map(|key| members.get(*key)?.as_str())
        .map(str::to_owned)
}

/// What stands for a string that is data; `None`: it is not.
fn note(text: &str, kind: Option<&str>, key: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("data:") {
        let head = &rest[..floor(rest, 128)];
        let (media, _) = head.split_once(";base64,")?;
        let media = media.split(';').next().unwrap_or(media);
        let body = &rest[rest.find(";base64,")? + ";base64,".len()..];
        return Some(shown(media, body));
    }
    let data = DATA_KEYS.contains(&key)
        || (MAYBE_DATA_KEYS.contains(&key) && text.len() >= SHORT && looks_encoded(text));
    data.then(|| shown(kind.unwrap_or("data"), text))
}

fn shown(media: &str, body: &str) -> String {
    let (kept, more) = squeeze::split_mark(body);
    let encoded = kept.trim_end_matches('=').len() as u64 + more;
    format!("[{media}, {} bytes]", encoded / 4 * 3 + encoded % 4 * 3 / 4)
}

/// Whether all that is looked at could be base64; 64 letters in a row without a space are no text.
fn looks_encoded(text: &str) -> bool {
    let (kept, _) = squeeze::split_mark(text);
    kept.bytes().take(SAMPLE).all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
    })
}
