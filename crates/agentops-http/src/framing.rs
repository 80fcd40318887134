//! Bytes that come in any pieces, split into JSON values: server-sent events, lines, the items of one list, or one
//! value. What is held at a time is bounded; a value beyond that is passed over and counted.

use agentops_core::llm::Squeeze;
use serde_json::Value;

use crate::limits;

/// How a body is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `text/event-stream`.
    Events,
    /// A value a line.
    Lines,
    /// One list, an item at a time.
    Items,
    /// One value.
    Whole,
}

impl Framing {
    /// By content type; `None`: it is not JSON.
    pub(crate) fn of(content_type: Option<&str>, listed: bool) -> Option<Framing> {
        let Some(content_type) = content_type else {
            return Some(if listed {
                Framing::Items
            } else {
                Framing::Whole
            });
        };
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "text/event-stream" => Some(Framing::Events),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/json-lines"
            | "application/x-jsonlines" => Some(Framing::Lines),
            "application/json" if listed => Some(Framing::Items),
            "application/json" | "text/json" | "text/plain" | "text/html" => Some(Framing::Whole),
            other if other.ends_with("+json") => Some(Framing::Whole),
            _ => None,
        }
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// A value.
    Value(Value),
    /// The word by which OpenAI's streams end.
    Done,
    /// Something that is no JSON, or too large.
    Unread,
}

/// Splits a body.
#[derive(Debug)]
pub(crate) struct Splitter {
    framing: Framing,
    held: Option<Squeeze>,
    state: State,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The beginning of a body that may be no JSON.
    text: Vec<u8>,
}

/// Where in an event stream the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a field's name, of which so many bytes are those of `data:`.
    Name(usize),
    /// Behind `data:`; a single space is passed over.
    Value,
    Data,
    /// In a line that is none of ours.
    Other,
}

const DATA: &[u8] = b"data:";

impl Splitter {
    pub(crate) fn new(framing: Framing) -> Self {
        Self {
            framing,
            held: None,
            state: State::Name(0),
            depth: 0,
            in_string: false,
            escaped: false,
            text: Vec::new(),
        }
    }

    /// The next piece.
    pub(crate) fn push(&mut self, piece: &[u8], each: &mut dyn FnMut(Found)) {
        match self.framing {
            Framing::Events => self.events(piece, each),
            Framing::Lines => self.lines(piece, each),
            Framing::Items => self.items(piece, each),
            Framing::Whole => {
                let room = limits::TEXT.saturating_sub(self.text.len());
                self.text.extend_from_slice(&piece[..room.min(piece.len())]);
                self.hold(piece);
            }
        }
    }

    /// The body's end, or what came of it.
    pub(crate) fn end(&mut self, each: &mut dyn FnMut(Found)) {
        self.give(each);
    }

    /// The beginning of a body that was no JSON.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).trim().to_owned()
    }

    fn events(&mut self, piece: &[u8], each: &mut dyn FnMut(Found)) {
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            let line_end = matches!(byte, b'\n' | b'\r');
            match self.state {
                State::Name(0) if line_end => {
                    // An empty line ends the event; of `\r\n` the second half finds nothing more to give.
                    if byte == b'\n' || rest.get(1) != Some(&b'\n') {
                        self.give(each);
                    }
                    rest = &rest[1..];
                }
                State::Name(matched) if !line_end && byte == DATA[matched] => {
                    self.state = if matched + 1 == DATA.len() {
                        State::Value
                    } else {
                        State::Name(matched + 1)
                    };
                    rest = &rest[1..];
                }
                State::Name(_) => {
                    self.state = if line_end {
                        State::Name(0)
                    } else {
                        State::Other
                    };
                    rest = &rest[1..];
                }
                State::Value => {
                    // Several lines of data are one text.
                    if self.held.is_some() {
                        self.hold(b"\n");
                    }
                    self.state = State::Data;
                    rest = if byte == b' ' { &rest[1..] } else { rest };
                }
                State::Data | State::Other => {
                    let end = memchr::memchr2(b'\n', b'\r', rest);
                    let line = &rest[..end.unwrap_or(rest.len())];
                    if self.state == State::Data {
                        self.hold(line);
                    }
                    rest = &rest[line.len()..];
                    if end.is_some() {
                        // `\r\n` is one end of a line, wherever the pieces divide it.
                        let both = rest.starts_with(b"\r\n");
                        rest = &rest[if both { 2 } else { 1 }..];
                        self.state = State::Name(0);
                    }
                }
            }
        }
    }

    fn lines(&mut self, piece: &[u8], each: &mut dyn FnMut(Found)) {
        let mut rest = piece;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            self.hold(&rest[..at]);
            self.give(each);
            rest = &rest[at + 1..];
        }
        self.hold(rest);
    }

    /// The values directly inside the outermost brackets; a body that is no list is one value.
    fn items(&mut self, piece: &[u8], each: &mut dyn FnMut(Found)) {
        let mut from = 0;
        for (at, &byte) in piece.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'[' if self.depth == 0 => {
                    self.depth = 1;
                    from = at + 1;
                }
                b'{' if self.depth == 0 => self.depth = 2,
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' if self.depth > 2 => self.depth -= 1,
                b']' | b'}' if self.depth == 2 => {
                    self.depth = 1;
                    self.hold(&piece[from..=at]);
                    self.give(each);
                    from = at + 1;
                }
                b',' | b']' if self.depth == 1 => from = at + 1,
                _ => {}
            }
        }
        self.hold(&piece[from.min(piece.len())..]);
    }

    fn hold(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.held
                .get_or_insert_with(|| Squeeze::new(limits::CHUNK, limits::STRING))
                .push(bytes);
        }
    }

    fn give(&mut self, each: &mut dyn FnMut(Found)) {
        let Some(held) = self.held.take() else { return };
        let Some(text) = held.finish() else {
            return each(Found::Unread);
        };
        let text = text.trim_ascii();
        if text.is_empty() {
            return;
        }
        if text == b"[DONE]" {
            return each(Found::Done);
        }
        each(serde_json::from_slice(text).map_or(Found::Unread, Found::Value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(framing: Framing, body: &str, expected: &[&str]) {
        for step in 1..=body.len().clamp(1, 40) {
            let mut found = Vec::new();
            let mut splitter = Splitter::new(framing);
            let mut each = |one: Found| {
                found.push(match one {
                    Found::Value(value) => value.to_string(),
                    Found::Done => "done".to_owned(),
                    Found::Unread => "unread".to_owned(),
                });
            };
            for piece in body.as_bytes().chunks(step) {
                splitter.push(piece, &mut each);
            }
            splitter.end(&mut each);
            assert_eq!(found, expected, "in pieces of {step}");
        }
    }

    #[test]
    fn server_sent_events() {
        check(
            Framing::Events,
            "event: a\ndata: {\"n\":1}\n\n: comment\n\ndata:{\"n\":2}\r\n\r\nid: 7\ndata: {\ndata: \"n\":3}\n\ndata: [DONE]\n\n",
            &["{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "done"],
        );
        check(
            Framing::Events,
            "data: {\"n\":1}\r\rdatum: x\rdata: no\r\r",
            &["{\"n\":1}", "unread"],
        );
        // Broken off in the middle, the last event has not come.
        check(
            Framing::Events,
            "data: {\"n\":1}\n\ndata: {\"n\":",
            &["{\"n\":1}", "unread"],
        );
        check(Framing::Events, "\n\n\n", &[]);
    }

    #[test]
    fn lines_items_and_one_value() {
        check(
            Framing::Lines,
            "{\"n\":1}\r\n\n{\"n\":\"\\n\"}\n{\"n\":3}",
            &["{\"n\":1}", "{\"n\":\"\\n\"}", "{\"n\":3}"],
        );
        check(
            Framing::Items,
            "[{\"a\":[1,{\"b\":\"]}\\\"\"}]}\n,\n{\"n\":2}]\n",
            &["{\"a\":[1,{\"b\":\"]}\\\"\"}]}", "{\"n\":2}"],
        );
        check(
            Framing::Items,
            "{\"error\":{\"code\":429}}",
            &["{\"error\":{\"code\":429}}"],
        );
        check(Framing::Whole, " {\"n\":\n1}", &["{\"n\":1}"]);
        check(Framing::Whole, "<html>", &["unread"]);
    }

    #[test]
    fn a_hostile_body_is_held_within_bounds() {
        let mut splitter = Splitter::new(Framing::Events);
        splitter.push(b"data: ", &mut |_| panic!("not yet"));
        for _ in 0..100_000 {
            splitter.push(b"[1,2,3,4,5,6,7,8,9,", &mut |_| panic!("not yet"));
        }
        assert!(
            splitter
                .held
                .as_ref()
                .is_some_and(|held| held.len() <= limits::CHUNK)
        );
        let mut unread = 0;
        splitter.push(b"\n\ndata: {}\n\n", &mut |found| {
            unread += usize::from(matches!(found, Found::Unread));
        });
        assert_eq!(unread, 1);
    }

    #[test]
    fn framing_by_content_type() {
        let check =
            |kind: Option<&str>, listed, expected| assert_eq!(Framing::of(kind, listed), expected);
        check(
            Some("text/event-stream; charset=utf-8"),
            false,
            Some(Framing::Events),
        );
        check(Some("application/x-ndjson"), false, Some(Framing::Lines));
        check(
            Some("application/json; charset=UTF-8"),
            true,
            Some(Framing::Items),
        );
        check(Some("Application/JSON"), false, Some(Framing::Whole));
        check(
            Some("application/problem+json"),
            false,
            Some(Framing::Whole),
        );
        check(None, false, Some(Framing::Whole));
        check(Some("audio/mpeg"), false, None);
    }
}
