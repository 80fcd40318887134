//! JSON of any length in bounded memory: its long strings are cut while it passes.

/// Stands in front of the number of bytes that were left out of a string.
const MARK: &str = "\u{2026}[+";

/// How much of a string without a space, as base64 has none, is kept.
const MAX_UNBROKEN: usize = 4 << 10;

/// Copies JSON text and cuts its strings. Whatever it is given, it holds at most what it was made for.
///
/// ```
/// # use agentops_core::llm::Squeeze;
/// let mut squeeze = Squeeze::new(1 << 20, 8);
/// squeeze.push(br#"{"text":"a b c d e f g","n":1}"#);
/// let json = squeeze.finish().expect("it fits");
/// assert_eq!(json, "{\"text\":\"a b c d \u{2026}[+5 bytes]\",\"n\":1}".as_bytes());
/// ```
#[derive(Debug, Clone)]
pub struct Squeeze {
    out: Vec<u8>,
    most: usize,
    longest: usize,
    in_string: bool,
    /// Bytes of an escape sequence that are still to come: it is never cut in two.
    escape: Escape,
    /// Bytes of the current string, kept or not.
    length: usize,
    /// Bytes since the last space in it.
    unbroken: usize,
    cut: usize,
    /// The last escape was the first half of a pair; the second half must follow it.
    half: bool,
    overflown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    Hex(u8),
}

impl Squeeze {
    /// Keeps at most `most` bytes of it, and of each string about `longest`.
    #[must_use]
    pub fn new(most: usize, longest: usize) -> Self {
        Self {
            out: Vec::new(),
            most,
            longest,
            in_string: false,
            escape: Escape::None,
            length: 0,
            unbroken: 0,
            cut: 0,
            half: false,
            overflown: false,
        }
    }

    /// The next piece of the text, cut anywhere.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !self.overflown
            && let Some((first, tail)) = rest.split_first()
        {
            if self.in_string && self.escape == Escape::None && *first != b'"' && *first != b'\\' {
                let run = rest
                    .iter()
                    .position(|byte| matches!(byte, b'"' | b'\\'))
                    .unwrap_or(rest.len());
                self.run(&rest[..run]);
                rest = &rest[run..];
            } else {
                self.byte(*first);
                rest = tail;
            }
        }
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The text; `None` if it was too long even so.
    #[must_use]
    pub fn finish(self) -> Option<Vec<u8>> {
        (!self.overflown).then_some(self.out)
    }

    /// A stretch of a string without quotes and escapes.
    fn run(&mut self, bytes: &[u8]) {
        if self.cut > 0 {
            self.cut += bytes.len();
            return;
        }
        let space = bytes
            .iter()
            .rposition(|byte| *byte == b' ' || !byte.is_ascii());
        let limit = self.longest.saturating_sub(self.length);
        let kept = match space {
            None => limit.min(MAX_UNBROKEN.saturating_sub(self.unbroken)),
            Some(_) => limit,
        };
        let kept = kept.min(bytes.len());
        self.keep(&bytes[..kept]);
        if kept < bytes.len() {
            self.mend();
        }
        self.length += kept;
        self.half = false;
        self.unbroken = match space {
            Some(at) => bytes.len() - at,
            None => self.unbroken + kept,
        };
        self.cut += bytes.len() - kept;
    }

    fn byte(&mut self, byte: u8) {
        if !self.in_string {
            self.in_string = byte == b'"';
            (self.length, self.unbroken, self.cut) = (0, 0, 0);
            self.keep(&[byte]);
            return;
        }
        match self.escape {
            Escape::None if byte == b'"' => {
                if self.cut > 0 {
                    let mark = format!("{MARK}{} bytes]", self.cut);
                    self.keep(mark.as_bytes());
                }
                self.in_string = false;
                self.keep(&[byte]);
            }
            Escape::None => {
                // A backslash: all others are part of a run. The whole sequence is kept or none of it.
                if self.cut == 0 && self.length >= self.longest && !self.half {
                    self.cut = 1;
                    self.mend();
                } else {
                    self.piece(byte);
                }
                self.escape = Escape::Begun;
            }
            Escape::Begun => {
                self.piece(byte);
                self.escape = if byte == b'u' {
                    self.half = false;
                    Escape::Hex(4)
                } else {
                    // `\n` is a space.
                    self.unbroken = 0;
                    Escape::None
                };
            }
            Escape::Hex(left) => {
                self.piece(byte);
                self.half = match left {
                    4 => byte.eq_ignore_ascii_case(&b'd'),
                    3 => self.half && matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
                    _ => self.half,
                };
                self.escape = if left > 1 {
                    Escape::Hex(left - 1)
                } else {
                    Escape::None
                };
            }
        }
    }

    fn piece(&mut self, byte: u8) {
        if self.cut > 0 {
            self.cut += 1;
        } else {
            self.length += 1;
            self.keep(&[byte]);
        }
    }

    /// Takes a character off that was cut in two.
    fn mend(&mut self) {
        let tail = self.out.len().saturating_sub(3);
        let lead = self.out[tail..].iter().rposition(|byte| *byte >= 0xC0);
        if let Some(at) = lead.map(|at| tail + at)
            && std::str::from_utf8(&self.out[at..]).is_err()
        {
            self.cut += self.out.len() - at;
            self.out.truncate(at);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.out.len() + bytes.len() > self.most {
            self.overflown = true;
            self.out = Vec::new();
        } else {
            self.out.extend_from_slice(bytes);
        }
    }
}

/// A cut string's beginning, and how many bytes were left out.
pub(super) fn split_mark(text: &str) -> (&str, u64) {
    let marked = || {
        let (kept, number) = text.strip_suffix(" bytes]")?.rsplit_once(MARK)?;
        Some((kept, number.parse().ok()?))
    };
    marked().unwrap_or((text, 0))
}
