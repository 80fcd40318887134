//! What Python's `json` module writes and no other reader takes: `NaN`, `Infinity`, and halves of
//! surrogate pairs, which it makes of file names that are not UTF-8. A whole batch must not be lost
//! for one of them.
//!
//! A number that is none becomes the string that names it, so that it is seen and not taken for
//! a number; where an event has a number of its own, it becomes `null`. A half of a pair becomes
//! U+FFFD. Nothing else is touched.

/// The numbers of events themselves, as opposed to those inside of recorded values.
const NUMBERS: [&[u8]; 7] = [
    b"\"cost\"",
    b"\"prompt_tokens\"",
    b"\"completion_tokens\"",
    b"\"cached_read_tokens\"",
    b"\"cached_write_tokens\"",
    b"\"reasoning_tokens\"",
    b"\"time_to_first_token\"",
];
/// How deep the fields of an event lie in `{"events":[{…}]}`.
const FIELDS: usize = 3;
const NAMES: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
const REPLACEMENT: &[u8] = b"\\ufffd";

/// The body as it can be read; `None` when there is nothing in it to repair.
#[must_use]
pub fn repaired(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // `copied` is how far the body has been copied or replaced.
    let (mut at, mut copied, mut depth) = (0, 0, 0_usize);
    let mut in_string = false;
    while let Some(&byte) = body.get(at) {
        let rest = &body[at..];
        let (length, replacement) = match byte {
            b'\\' if in_string => half_pair(rest),
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            _ if in_string => (1, None),
            b'{' | b'[' => {
                depth += 1;
                (1, None)
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                (1, None)
            }
            _ => match NAMES.iter().find(|name| rest.starts_with(name)) {
                Some(name) => (name.len(), Some(value(name, depth, &body[..at]))),
                None => (1, None),
            },
        };
        if let Some(replacement) = replacement {
            out.extend_from_slice(&body[copied..at]);
            out.extend_from_slice(&replacement);
            copied = at + length;
        }
        at += length;
    }
    (copied > 0).then(|| {
        out.extend_from_slice(&body[copied..]);
        out
    })
}

/// What stands for a number that is none.
fn value(name: &[u8], depth: usize, before: &[u8]) -> Vec<u8> {
    let key = before.trim_ascii_end().strip_suffix(b":");
    let key = key.unwrap_or_default().trim_ascii_end();
    if depth == FIELDS && NUMBERS.iter().any(|number| key.ends_with(number)) {
        b"null".to_vec()
    } else {
        [b"\"", name, b"\""].concat()
    }
}

/// The length of an escape, and what stands for it if it is half of a pair.
fn half_pair(escape: &[u8]) -> (usize, Option<Vec<u8>>) {
    match unit(escape) {
        Some(0xd800..=0xdbff) => match unit(&escape[6..]) {
            Some(0xdc00..=0xdfff) => (12, None),
            _ => (6, Some(REPLACEMENT.to_vec())),
        },
        Some(0xdc00..=0xdfff) => (6, Some(REPLACEMENT.to_vec())),
        Some(_) => (6, None),
        None => (2, None),
    }
}

/// The number of an escape like `\ud83d`.
fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    let text = std::str::from_utf8(digits).ok()?;
    let all_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(text, 16).ok().filter(|_| all_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<String> {
        repaired(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn numbers_that_are_none_become_their_names() {
        assert_eq!(
            of(r#"{"events": [{"cost" : NaN, "params": {"cost": -Infinity, "b": [NaN, Infinity]}}]}"#)
                .as_deref(),
            Some(
                r#"{"events": [{"cost" : null, "params": {"cost": "-Infinity", "b": ["NaN", "Infinity"]}}]}"#
            )
        );
    }

    #[test]
    fn halves_of_pairs_become_the_replacement() {
        assert_eq!(
            of(r#"["\udcff.txt","\ud83d\ude00","\ud83d\u0041\ud83d","\\ud800"]"#).as_deref(),
            Some(r#"["\ufffd.txt","\ud83d\ude00","\ufffd\u0041\ufffd","\\ud800"]"#)
        );
    }

    #[test]
    fn what_needs_nothing_is_left_alone_and_what_is_broken_panics_nowhere() {
        for body in [
            "",
            r#"{"NaN":"Infinity","a":1}"#,
            r#""\ud83d\ude00""#,
            "\"\\",
            "\"\\u",
            "\"\\u+123",
            "]]}}",
            "1e999",
        ] {
            assert_eq!(of(body), None, "{body}");
        }
        assert_eq!(of("\"\\ud800").as_deref(), Some("\"\\ufffd"));
        assert_eq!(of("\"\\ud800\\u").as_deref(), Some("\"\\ufffd\\u"));
    }
}
