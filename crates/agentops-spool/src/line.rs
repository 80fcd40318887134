//! The format of one line. Bytes in, values out: no file is opened here.
//!
//! Every line is one JSON object and ends with the CRC-32 of what stands before it, so that a rotten byte makes a line
//! unreadable and never makes it say something else:
//!
//! ```text
//! {"v":1,"writer":"…","pid":42,"endpoint":…,"key_fp":…,"owns":["…"],"crc":"0a1b2c3d"}   header
//! {"own":"<sid>","crc":"…"}                                                             the writer opened a session
//! {"release":"<sid>","crc":"…"}                                                         the writer ended it
//! {"n":1,"op":"event","sid":"…","body":{…},"crc":"…"}                                   operation
//! ```
//!
//! - A header is the first line of every segment, so that a segment is understood when those before it are deleted.
//!   `endpoint` and `key_fp` are null when unset; `endpoint: null` is never sent anywhere.
//! - `owns` names the sessions that the writer had opened and not ended when the segment began; `own` and `release`
//!   lines change that set. The set at the end of the last segment is what a dead writer left open.
//! - `n` counts the operations of one writer from 1, without a gap; a gap that a reader meets is a loss.
//! - `crc` is eight lower-case hex digits over all bytes before `,"crc"`, always last, so it is found by length.
//! - A line has no raw newline inside: JSON allows one only between tokens, where [`push_operation`] writes a space.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The longest line that is written or read, newline excluded.
pub const MAX_LINE_BYTES: usize = 16 << 20;

/// Version of the format, in every header.
const VERSION: u32 = 1;

/// Bytes of `,"crc":"0a1b2c3d"}`.
const CRC_LEN: usize = 18;

/// A place in a writer's directory: the byte `offset` of segment `segment`.
///
/// Everything before a position is ordered before it, so `a < b` means that `a` was written earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the segment, from 1.
    pub segment: u32,
    /// Byte offset in the segment.
    pub offset: u64,
}

impl Position {
    /// Where every directory begins.
    pub const START: Self = Self {
        segment: 1,
        offset: 0,
    };

    /// The first byte of a segment.
    pub(crate) const fn at_start_of(segment: u32) -> Self {
        Self { segment, offset: 0 }
    }
}

impl Default for Position {
    fn default() -> Self {
        Self::START
    }
}

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Op {
    /// A session begins or is joined.
    Session,
    /// An agent of the session.
    Agent,
    /// A finished event.
    Event,
    /// An event that is still running.
    Open,
    /// A change of the session.
    Update,
    /// Events that were dropped, by reason.
    Loss,
}

impl Op {
    /// The name on disk.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Agent => "agent",
            Self::Event => "event",
            Self::Open => "open",
            Self::Update => "update",
            Self::Loss => "loss",
        }
    }
}

/// Who writes a directory, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Name and version of the writing library.
    pub writer: String,
    /// The writing process.
    pub pid: u32,
    /// Where the lines are to be sent; `None`: they stay on this machine.
    pub endpoint: Option<String>,
    /// Fingerprint of the key they are to be sent with, never the key.
    pub key_fp: Option<String>,
    /// Sessions that the writer opened and has not ended.
    pub owns: BTreeSet<String>,
}

impl Header {
    /// A header of a writer whose lines stay on this machine.
    #[must_use]
    pub fn new(writer: impl Into<String>, pid: u32) -> Self {
        Self {
            writer: writer.into(),
            pid,
            endpoint: None,
            key_fp: None,
            owns: BTreeSet::new(),
        }
    }

    /// Where the lines are to be sent, and the fingerprint of the key.
    #[must_use]
    pub fn sent_to(mut self, endpoint: Option<String>, key_fp: Option<String>) -> Self {
        self.endpoint = endpoint;
        self.key_fp = key_fp;
        self
    }

    /// Sessions that the writer owns from the beginning.
    #[must_use]
    pub fn owning<S: Into<String>>(mut self, sids: impl IntoIterator<Item = S>) -> Self {
        self.owns.extend(sids.into_iter().map(Into::into));
        self
    }

    /// Whether a process with this endpoint and key may send the lines: both equal, and never for a local directory.
    #[must_use]
    pub fn may_be_sent_to(&self, endpoint: &str, key_fp: Option<&str>) -> bool {
        self.endpoint.as_deref() == Some(endpoint) && self.key_fp.as_deref() == key_fp
    }

    /// Adds a session to those owned.
    pub(crate) fn own(&mut self, sid: &str) {
        self.owns.insert(sid.to_owned());
    }

    /// Removes a session from those owned.
    pub(crate) fn release(&mut self, sid: &str) {
        self.owns.remove(sid);
    }
}

/// One operation, as read back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line {
    /// Number of the operation among those of its writer, from 1.
    pub n: u64,
    /// What it asks for.
    pub op: Op,
    /// The session it belongs to.
    pub sid: String,
    /// Its content, the bytes as they were appended.
    pub body: Box<RawValue>,
    /// Where the line begins.
    pub at: Position,
}

/// What a line turned out to be.
pub(crate) enum Entry {
    Header(Header),
    Own(String),
    Release(String),
    Operation {
        n: u64,
        op: Op,
        sid: String,
        body: Box<RawValue>,
    },
}

/// Appends an operation with its newline.
pub(crate) fn push_operation(out: &mut Vec<u8>, n: u64, op: Op, sid: &str, body: &[u8]) {
    let start = out.len();
    out.extend_from_slice(b"{\"n\":");
    push_number(out, n);
    out.extend_from_slice(b",\"op\":\"");
    out.extend_from_slice(op.as_str().as_bytes());
    out.extend_from_slice(b"\",\"sid\":");
    push_json(out, sid);
    out.extend_from_slice(b",\"body\":");
    let body_at = out.len();
    out.extend_from_slice(body);
    if memchr::memchr(b'\n', body).is_some() {
        out[body_at..]
            .iter_mut()
            .filter(|byte| **byte == b'\n')
            .for_each(|byte| *byte = b' ');
    }
    seal(out, start);
}

/// Appends a header with its newline.
pub(crate) fn push_header(out: &mut Vec<u8>, header: &Header) {
    let start = out.len();
    push_json(
        out,
        &HeaderLine {
            v: VERSION,
            writer: Cow::Borrowed(&header.writer),
            pid: header.pid,
            endpoint: header.endpoint.as_deref().map(Cow::Borrowed),
            key_fp: header.key_fp.as_deref().map(Cow::Borrowed),
            owns: header
                .owns
                .iter()
                .map(|sid| Cow::Borrowed(sid.as_str()))
                .collect(),
        },
    );
    out.pop();
    seal(out, start);
}

/// Appends the line that says a session is owned from here on.
pub(crate) fn push_own(out: &mut Vec<u8>, sid: &str) {
    push_ownership(out, b"{\"own\":", sid);
}

/// Appends the line that says a session is no longer owned.
pub(crate) fn push_release(out: &mut Vec<u8>, sid: &str) {
    push_ownership(out, b"{\"release\":", sid);
}

/// Reads one line without its newline; `None` if it is not one of ours or was damaged.
pub(crate) fn parse(line: &[u8]) -> Option<Entry> {
    if !is_sealed(line) {
        return None;
    }
    if line.starts_with(b"{\"n\":") {
        let line: OperationLine<'_> = serde_json::from_slice(line).ok()?;
        return Some(Entry::Operation {
            n: line.n,
            op: line.op,
            sid: line.sid.into_owned(),
            body: line.body,
        });
    }
    parse_ownership(line)
}

/// Like [`parse`] for those who only ask about ownership: operations are `None`, unread.
pub(crate) fn parse_ownership(line: &[u8]) -> Option<Entry> {
    if line.starts_with(b"{\"n\":") || !is_sealed(line) {
        return None;
    }
    if line.starts_with(b"{\"v\":") {
        let line: HeaderLine<'_> = serde_json::from_slice(line).ok()?;
        return (line.v == VERSION).then(|| Entry::Header(line.into_header()));
    }
    let line: OwnershipLine = serde_json::from_slice(line).ok()?;
    match (line.own, line.release) {
        (Some(sid), None) => Some(Entry::Own(sid)),
        (None, Some(sid)) => Some(Entry::Release(sid)),
        _ => None,
    }
}

/// A header as it stands on disk.
#[derive(Serialize, Deserialize)]
struct HeaderLine<'a> {
    v: u32,
    writer: Cow<'a, str>,
    pid: u32,
    endpoint: Option<Cow<'a, str>>,
    key_fp: Option<Cow<'a, str>>,
    owns: Vec<Cow<'a, str>>,
}

impl HeaderLine<'_> {
    fn into_header(self) -> Header {
        Header {
            writer: self.writer.into_owned(),
            pid: self.pid,
            endpoint: self.endpoint.map(Cow::into_owned),
            key_fp: self.key_fp.map(Cow::into_owned),
            owns: self.owns.into_iter().map(Cow::into_owned).collect(),
        }
    }
}

#[derive(Deserialize)]
struct OwnershipLine {
    own: Option<String>,
    release: Option<String>,
}

#[derive(Deserialize)]
struct OperationLine<'a> {
    n: u64,
    op: Op,
    #[serde(borrow)]
    sid: Cow<'a, str>,
    body: Box<RawValue>,
}

fn push_ownership(out: &mut Vec<u8>, key: &[u8], sid: &str) {
    let start = out.len();
    out.extend_from_slice(key);
    push_json(out, sid);
    seal(out, start);
}

fn push_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value)
        .expect("strings and numbers serialise, and a vector takes every write");
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    use std::io::Write as _;
    write!(out, "{number}").expect("a vector takes every write");
}

/// Closes the object that began at `start` by its checksum and a newline.
fn seal(out: &mut Vec<u8>, start: usize) {
    use std::io::Write as _;
    let crc = crc32fast::hash(&out[start..]);
    writeln!(out, ",\"crc\":\"{crc:08x}\"}}").expect("a vector takes every write");
}

/// Whether the line ends with the checksum of what stands before it.
fn is_sealed(line: &[u8]) -> bool {
    let Some((content, seal)) = line.len().checked_sub(CRC_LEN).map(|at| line.split_at(at)) else {
        return false;
    };
    let Some(digits) = seal
        .strip_prefix(b",\"crc\":\"")
        .and_then(|rest| rest.strip_suffix(b"\"}"))
    else {
        return false;
    };
    // Only the digits that `seal` writes: an upper-case or signed spelling of the same number is damage as well.
    let spelled_as_written = digits
        .iter()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    spelled_as_written
        && std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            == Some(crc32fast::hash(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push_operation(&mut out, 7, Op::Event, "s\"1\n", body);
        out
    }

    #[test]
    fn an_operation_reads_back_as_written() {
        let out = operation(br#"{"a":[1,2.50]}"#);
        assert!(
            out.starts_with(br#"{"n":7,"op":"event","sid":"s\"1\n","body":{"a":[1,2.50]},"crc":""#)
        );
        let Some(Entry::Operation { n, op, sid, body }) = parse(out.strip_suffix(b"\n").unwrap())
        else {
            panic!()
        };
        assert_eq!(
            (n, op, sid.as_str(), body.get()),
            (7, Op::Event, "s\"1\n", r#"{"a":[1,2.50]}"#)
        );
    }

    #[test]
    fn newlines_between_tokens_become_spaces() {
        let out = operation(b"{\n\"a\":1\n}");
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let Some(Entry::Operation { body, .. }) = parse(&out[..out.len() - 1]) else {
            panic!()
        };
        assert_eq!(body.get(), "{ \"a\":1 }");
    }

    #[test]
    fn every_damaged_byte_makes_the_line_unreadable() {
        let out = operation(br#"{"a":"text"}"#);
        let line = &out[..out.len() - 1];
        for at in 0..line.len() {
            for damage in [1u8, 0x20, 0x80, 0xff] {
                let mut line = line.to_vec();
                line[at] ^= damage;
                assert!(
                    parse(&line).is_none(),
                    "byte {at} ^ {damage:#x} was not noticed"
                );
            }
        }
    }

    #[test]
    fn a_header_reads_back_and_a_newer_version_does_not() {
        let header = Header::new("agentops 0.1", 42)
            .sent_to(Some("http://127.0.0.1:1".into()), Some("00ff".into()))
            .owning(["a", "b\"c"]);
        let mut out = Vec::new();
        push_header(&mut out, &header);
        let Some(Entry::Header(read)) = parse(&out[..out.len() - 1]) else {
            panic!()
        };
        assert_eq!(read, header);

        let mut newer = String::from_utf8(out)
            .unwrap()
            .replacen("\"v\":1", "\"v\":2", 1)
            .into_bytes();
        newer.truncate(newer.len() - CRC_LEN - 1);
        seal(&mut newer, 0);
        assert!(is_sealed(&newer[..newer.len() - 1]));
        assert!(parse(&newer[..newer.len() - 1]).is_none());
    }

    #[test]
    fn a_body_cannot_smuggle_in_a_second_value() {
        let out = operation(br#"1,"n":9"#);
        assert!(parse(&out[..out.len() - 1]).is_none());
    }

    #[test]
    fn only_the_same_endpoint_and_key_may_send() {
        let local = Header::new("w", 1);
        assert!(!local.may_be_sent_to("http://a", None));
        let sent = Header::new("w", 1).sent_to(Some("http://a".into()), Some("k".into()));
        assert!(sent.may_be_sent_to("http://a", Some("k")));
        assert!(!sent.may_be_sent_to("http://a", Some("other")));
        assert!(!sent.may_be_sent_to("http://a", None));
        assert!(!sent.may_be_sent_to("http://b", Some("k")));
    }
}
