//! Masking, before anything touches the disk or the network.
//!
//! Works on the JSON text itself, so that what is not masked stays byte for byte as it was
//! recorded, and costs one search where there is nothing to mask. Masked are: the values of keys
//! that name a secret (any case, `-` and `_` ignored, anywhere in nested JSON, also as the end of
//! a longer name as in `OPENAI_API_KEY`), `key: value` and `key=value` of the same names inside
//! strings (the `Debug` form), and the shapes of known tokens inside strings.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "[redacted]";

/// Names of secrets.
const KEYS: &[&str] = &[
    "api_key",
    "access_token",
    "refresh_token",
    "auth_token",
    "id_token",
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secret_key",
    "client_secret",
    "private_key",
    "authorization",
    "credentials",
    "cookie",
    "set_cookie",
];

/// How a known token begins, and how long its rest is at least.
const SHAPES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghs_", 16),
    ("github_pat_", 16),
    ("glpat-", 12),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("AKIA", 12),
    ("ASIA", 12),
    ("AIza", 24),
    ("Bearer ", 8),
];

const BEGIN_KEY: &str = "-----BEGIN ";
const END_KEY: &str = "-----END ";

/// The secrets to look for.
pub(crate) struct Redactor {
    keys: Vec<String>,
    /// Finds whether there can be anything to mask at all.
    hints: AhoCorasick,
}

impl Redactor {
    /// The built-in names and these.
    pub(crate) fn new(more: &[String]) -> Self {
        let names = || KEYS.iter().copied().chain(more.iter().map(String::as_str));
        let keys: Vec<String> = names().map(plain).filter(|key| !key.is_empty()).collect();
        // Whether there can be a name at all is searched for in its usual spellings.
        let spellings = names()
            .filter(|name| !plain(name).is_empty())
            .flat_map(|name| [plain(name), name.replace('-', "_"), name.replace('_', "-")]);
        let shapes = SHAPES.iter().map(|(start, _)| (*start).to_owned());
        let hints = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(spellings.chain(shapes).chain([BEGIN_KEY.to_owned()]))
            .expect("a few dozen short patterns");
        Self { keys, hints }
    }

    /// The text with every secret masked; `None` when there is nothing to mask.
    pub(crate) fn redact(&self, json: &[u8]) -> Option<Vec<u8>> {
        self.hints.find(json)?;
        let mut out = Vec::with_capacity(json.len() + 16);
        let mut changed = false;
        let mut at = 0;
        while at < json.len() {
            if json[at] != b'"' {
                out.push(json[at]);
                at += 1;
                continue;
            }
            let end = string_end(json, at);
            let content = &json[at + 1..end.saturating_sub(1).max(at + 1)];
            let after = skip_space(json, end);
            if json.get(after) == Some(&b':') {
                out.extend_from_slice(&json[at..=after]);
                at = after + 1;
                if self.names_a_secret(content) {
                    let value = skip_space(json, at);
                    let value_end = value_end(json, value);
                    // A count or a flag is no secret, and masking null would invent one.
                    if matches!(json.get(value), Some(b'"' | b'{' | b'[')) {
                        out.extend_from_slice(format!("\"{MASK}\"").as_bytes());
                        changed = true;
                        at = value_end;
                    }
                }
            } else {
                out.push(b'"');
                changed |= self.text(content, &mut out);
                out.push(b'"');
                at = end;
            }
        }
        changed.then_some(out)
    }

    fn names_a_secret(&self, name: &[u8]) -> bool {
        if !self.hints.is_match(name) {
            return false;
        }
        let name = plain(&String::from_utf8_lossy(name));
        self.keys.iter().any(|key| name.ends_with(key.as_str()))
    }

    /// Masks inside one string (its JSON spelling, without quotes).
    fn text(&self, text: &[u8], out: &mut Vec<u8>) -> bool {
        let mut done = 0;
        let mut from = 0;
        while let Some(hint) = self.hints.find(&text[from..]) {
            let (start, end) = (from + hint.start(), from + hint.end());
            let found = token(text, start).or_else(|| self.pair(text, end));
            from = match found {
                Some((secret, until)) if secret >= done => {
                    out.extend_from_slice(&text[done..secret]);
                    out.extend_from_slice(MASK.as_bytes());
                    done = until;
                    until
                }
                _ => start + 1,
            };
        }
        out.extend_from_slice(&text[done..]);
        done > 0
    }

    /// The value of `name: value` or `name=value`, where a name ends at `end`.
    fn pair(&self, text: &[u8], end: usize) -> Option<(usize, usize)> {
        let name_start = text[..end]
            .iter()
            .rposition(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')))
            .map_or(0, |at| at + 1);
        if !self.names_a_secret(&text[name_start..end]) {
            return None;
        }
        let mut at = end;
        // A quoted name: in the JSON spelling of a string its quote is `\"`.
        if text[at..].starts_with(b"\\\"") {
            at += 2;
        }
        at += text[at..].iter().take_while(|byte| **byte == b' ').count();
        if !matches!(text.get(at), Some(b':' | b'=')) {
            return None;
        }
        at += 1;
        at += text[at..].iter().take_while(|byte| **byte == b' ').count();
        for wrap in [&b"Some("[..], b"Bearer ", b"Basic "] {
            if text[at..].starts_with(wrap) {
                at += wrap.len();
            }
        }
        if text[at..].starts_with(b"\\\"") {
            let start = at + 2;
            let close = text[start..].windows(2).position(|pair| pair == b"\\\"");
            let until = close.map_or(text.len(), |length| start + length);
            return (until > start).then_some((start, until));
        }
        let length = text[at..]
            .iter()
            .take_while(|byte| !byte.is_ascii_whitespace() && !b",;)}]\\\"'&".contains(byte))
            .count();
        let value = &text[at..at + length];
        let says_nothing = matches!(value, b"None" | b"null" | b"true" | b"false")
            || value.iter().all(u8::is_ascii_digit);
        (length > 0 && !says_nothing).then_some((at, at + length))
    }
}

/// A known token at `start`: the secret part and where it ends.
fn token(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let rest = &text[start..];
    if rest.starts_with(BEGIN_KEY.as_bytes()) {
        let head = &rest[..rest.len().min(64)];
        contains(head, b"PRIVATE KEY").then_some(())?;
        let end = find(rest, END_KEY.as_bytes()).map_or(text.len(), |at| {
            let close = start + at + END_KEY.len();
            find(&text[close..], b"-----").map_or(text.len(), |more| close + more + 5)
        });
        return Some((start, end));
    }
    // `task-12` is no `sk-12`: a token begins a word.
    if start > 0 && text[start - 1].is_ascii_alphanumeric() && text[start - 1] != b'n' {
        return None;
    }
    for (prefix, least) in SHAPES {
        if !rest.starts_with(prefix.as_bytes()) {
            continue;
        }
        let length = rest[prefix.len()..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(byte))
            .count();
        if length >= *least {
            let shown = if prefix.ends_with(' ') {
                prefix.len()
            } else {
                0
            };
            return Some((start + shown, start + prefix.len() + length));
        }
    }
    None
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Lower case, letters and digits only.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| !matches!(letter, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The index after the closing quote of the string that opens at `at`.
fn string_end(json: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < json.len() {
        match json[end] {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    json.len()
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The index after the value that begins at `at`.
fn value_end(json: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while at < json.len() {
        match json[at] {
            b'"' => {
                at = string_end(json, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 1 { at + 1 } else { at },
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let redactor = Redactor::new(&["employee-id".to_owned()]);
        let out = redactor.redact(json.as_bytes());
        let out = out.map_or_else(|| json.to_owned(), |out| String::from_utf8(out).unwrap());
        assert_eq!(out, expected);
        let _: serde_json::Value = serde_json::from_str(&out).expect("still JSON");
    }

    #[test]
    fn the_values_of_secret_keys_are_masked_at_any_depth() {
        check(
            r#"{"params":{"cfg":{"API-Key":"abc","user":"ada","OPENAI_API_KEY" : ["a"]}},"n":1}"#,
            r#"{"params":{"cfg":{"API-Key":"[redacted]","user":"ada","OPENAI_API_KEY" :"[redacted]"}},"n":1}"#,
        );
        check(
            r#"{"Employee_ID":{"a":"}"},"b":2}"#,
            r#"{"Employee_ID":"[redacted]","b":2}"#,
        );
    }

    #[test]
    fn counts_flags_and_nulls_stay() {
        for json in [
            r#"{"prompt_tokens":150,"max_tokens":5}"#,
            r#"{"token":null,"password":false}"#,
            r#"{"tokens":["a","b"]}"#,
        ] {
            check(json, json);
        }
    }

    #[test]
    fn debug_text_is_masked() {
        check(
            r#"{"a":"Cfg { api_key: \"s3cret\", port: 80 }"}"#,
            r#"{"a":"Cfg { api_key: \"[redacted]\", port: 80 }"}"#,
        );
        check(
            r#"{"a":"Cfg { password: Some(\"x y\"), token: None }"}"#,
            r#"{"a":"Cfg { password: Some(\"[redacted]\"), token: None }"}"#,
        );
        check(
            r#"["url?token=abc123xyz&n=1"]"#,
            r#"["url?token=[redacted]&n=1"]"#,
        );
        check(
            r#"{"a":"the token is nice"}"#,
            r#"{"a":"the token is nice"}"#,
        );
    }

    #[test]
    fn known_tokens_are_masked_wherever_they_stand() {
        check(
            r#"{"a":"use sk-abcdefghijklmnop1234 now","b":"task-abcdefghijklmnop1234"}"#,
            r#"{"a":"use [redacted] now","b":"task-abcdefghijklmnop1234"}"#,
        );
        check(r#"["Bearer abcdefgh.ijk"]"#, r#"["Bearer [redacted]"]"#);
        check(r#"["AKIAIOSFODNN7EXAMPLE"]"#, r#"["[redacted]"]"#);
        check(
            r#"["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nok"]"#,
            r#"["[redacted]\nok"]"#,
        );
        check(r#"["a\nghp_abcdefghijklmnopqrst"]"#, r#"["a\n[redacted]"]"#);
    }
}
