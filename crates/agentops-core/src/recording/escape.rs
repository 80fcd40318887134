//! Text as JSON spells it, as much of it as there is room for.

use super::shield::cut_text;

/// Whether a JSON string must spell some of it otherwise. Looks at eight bytes at a time: most texts are clean.
#[inline]
pub(crate) fn needs_escapes(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().any(|byte| is_escaped(*byte));
    };
    let (words, _) = bytes.as_chunks::<8>();
    let found = words
        .iter()
        .fold(0, |found, word| found | escapes_of_word(*word));
    found | escapes_of_word(*last) != 0
}

/// Not 0 if one of the bytes is a control character, a quote or a backslash: `x - n & !x` has its highest bit set
/// where a byte is less than `n`, or above one that is.
#[inline]
fn escapes_of_word(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_ne_bytes(bytes);
    let less = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    (less(word, 0x20) | less(quote, 1) | less(backslash, 1)) & (ONES << 7)
}

/// Whether JSON spells this byte of a string otherwise.
#[inline]
pub(crate) fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends a JSON string that holds as much of `text` as fits into `room` bytes of escaped text.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str, room: usize) {
    out.push(b'"');
    push_escaped(out, text, room);
    out.push(b'"');
}

/// Appends escaped text; `false` if not all of it fitted into `room` bytes.
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &str, room: usize) -> bool {
    let mut room = room;
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_escaped) {
        if !push_run(out, &rest[..at], &mut room)
            || !push_escape(out, rest.as_bytes()[at], &mut room)
        {
            return false;
        }
        rest = &rest[at + 1..];
    }
    push_run(out, rest, &mut room)
}

fn push_run(out: &mut Vec<u8>, run: &str, room: &mut usize) -> bool {
    let fits = cut_text(run, *room);
    out.extend_from_slice(fits.as_bytes());
    *room -= fits.len();
    fits.len() == run.len()
}

fn push_escape(out: &mut Vec<u8>, byte: u8, room: &mut usize) -> bool {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let long = [
        b'\\',
        b'u',
        b'0',
        b'0',
        HEX[usize::from(byte >> 4)],
        HEX[usize::from(byte & 15)],
    ];
    let escape: &[u8] = match byte {
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'\n' => b"\\n",
        b'\r' => b"\\r",
        b'\t' => b"\\t",
        _ => &long,
    };
    if escape.len() > *room {
        *room = 0;
        return false;
    }
    out.extend_from_slice(escape);
    *room -= escape.len();
    true
}

/// The inside of a JSON string that was cut anywhere, up to the last escape that is whole.
pub(crate) fn whole_escapes(inside: &str) -> &str {
    let bytes = inside.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let step = match bytes[at] {
            b'"' => break,
            b'\\' if bytes.get(at + 1) == Some(&b'u') => 6,
            b'\\' => 2,
            _ => 1,
        };
        if at + step > bytes.len() {
            break;
        }
        at += step;
    }
    // A character that was cut in half has become U+FFFD, which is not what the value said.
    inside[..at].trim_end_matches('\u{fffd}')
}
