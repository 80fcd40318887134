//! The only printer: lines and JSON on standard output, errors on standard error, and there too
//! what `run` shows beside the output of the command it runs.
//!
//! Recorded text is untrusted. Every text that is printed goes through [`text::clean`] here, and
//! colours are added here alone, so no caller can let a control character through.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use crate::{env, text};

/// Columns where there is no terminal.
const NO_TERMINAL: usize = 80;
/// Columns below which nothing sensible can be laid out.
const NARROWEST: usize = 40;

/// How a piece of a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Accent,
}

impl Style {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Accent => Some("36"),
        }
    }
}

/// One line, piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Line(Vec<(Style, String)>);

impl Line {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a piece.
    pub(crate) fn and(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }
}

impl Line {
    /// Pieces of clean text, cut to `columns` together.
    pub(crate) fn fit(columns: usize, pieces: impl IntoIterator<Item = (Style, String)>) -> Self {
        let mut left = columns;
        pieces
            .into_iter()
            .fold(Self::new(), |line, (style, piece)| {
                let piece = text::cut(&piece, left);
                left -= text::width(&piece);
                line.and(style, piece)
            })
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().and(Style::Plain, text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().and(Style::Plain, text)
    }
}

/// Whoever read the output has gone. Not a failure: it has seen enough.
#[derive(Debug, thiserror::Error)]
#[error("the output was closed")]
struct Closed;

/// Whether the failure is only that nobody reads on.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(<dyn std::error::Error>::is::<Closed>)
}

/// Says something beside the answer, on standard error.
pub(crate) fn note(text: &str) {
    let color = env::color(io::stderr().is_terminal());
    let line = Line::new()
        .and(Style::Accent, "note")
        .and(Style::Plain, format!(": {text}"));
    // Where standard error is closed nobody can be told.
    let _ = write_line(&mut io::stderr().lock(), color, line);
}

/// Asks on standard error and waits for an answer; only a yes is one. Where nobody can answer,
/// nothing is asked: `None`.
pub(crate) fn ask(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{} [y/N] ", text::clean(question))
        .and_then(|()| stderr.flush())
        .ok()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Prints a failure with its causes.
pub(crate) fn error(error: &anyhow::Error) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let color = env::color(io::stderr().is_terminal());
    let line = Line::new()
        .and(Style::Bad, "error")
        .and(Style::Plain, format!(": {}", causes.join(": ")));
    // The exit code says it where standard error is closed.
    let _ = write_line(&mut io::stderr().lock(), color, line);
}

/// Standard output, or what a test reads instead.
pub(crate) struct Out<W = BufWriter<io::Stdout>> {
    to: W,
    color: bool,
    /// Of the terminal; `None` where there is none.
    width: Option<usize>,
}

impl Out {
    /// Standard output as it is: colours on a terminal that wants them, its width.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self::new(BufWriter::new(stdout), terminal)
    }
}

impl Out<BufWriter<io::Stderr>> {
    /// Standard error, for what is printed beside another program's output.
    pub(crate) fn stderr() -> Self {
        let stderr = io::stderr();
        let terminal = stderr.is_terminal();
        Self::new(BufWriter::new(stderr), terminal)
    }
}

impl<W: Write> Out<W> {
    fn new(to: W, terminal: bool) -> Self {
        let size = terminal.then(terminal_size::terminal_size).flatten();
        let width = size.map(|(width, _)| usize::from(width.0).max(NARROWEST));
        Self {
            color: env::color(terminal),
            width,
            to,
        }
    }

    /// Columns to lay out for: the terminal's, else eighty.
    pub(crate) fn width(&self) -> usize {
        self.width.unwrap_or(NO_TERMINAL)
    }

    /// Columns after which a line would wrap: none where a program reads it.
    pub(crate) fn wraps_at(&self) -> usize {
        self.width.unwrap_or(usize::MAX)
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, line: impl Into<Line>) -> anyhow::Result<()> {
        write_line(&mut self.to, self.color, line.into()).map_err(told)
    }

    /// Prints a JSON text and ends the line. Its value is printed unchanged.
    pub(crate) fn json(&mut self, json: &str) -> anyhow::Result<()> {
        let json = text::clean_json(json);
        self.to
            .write_all(json.trim_end().as_bytes())
            .and_then(|()| self.to.write_all(b"\n"))
            .map_err(told)
    }

    /// Prints a text of this program's own as it stands.
    pub(crate) fn own(&mut self, text: &[u8]) -> anyhow::Result<()> {
        self.to.write_all(text).map_err(told)
    }

    /// Hands everything on. What is not flushed is not printed.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        self.to.flush().map_err(told)
    }
}

fn told(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Closed.into()
    } else {
        anyhow::Error::from(error).context("cannot write the output")
    }
}

fn write_line(to: &mut impl Write, color: bool, line: Line) -> io::Result<()> {
    for (style, text) in line.0 {
        let text = text::clean(&text);
        match style.code() {
            Some(code) if color => write!(to, "\x1b[{code}m{text}\x1b[0m")?,
            _ => to.write_all(text.as_bytes())?,
        }
    }
    to.write_all(b"\n")
}

#[cfg(test)]
impl Out<Vec<u8>> {
    /// Output into memory.
    pub(crate) fn memory(width: Option<usize>, color: bool) -> Self {
        Self {
            to: Vec::new(),
            color,
            width,
        }
    }

    /// What was printed.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.to).expect("only text is printed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_ours_alone() {
        let line = || {
            Line::new()
                .and(Style::Bad, "x\u{1b}[0m")
                .and(Style::Plain, "\u{202e}y\n")
        };
        let mut plain = Out::memory(None, false);
        plain.line(line()).unwrap();
        assert_eq!(plain.text(), "x\\u{1b}[0m\\u{202e}y\\n\n");
        let mut colored = Out::memory(None, true);
        colored.line(line()).unwrap();
        assert_eq!(
            colored.text(),
            "\u{1b}[31mx\\u{1b}[0m\u{1b}[0m\\u{202e}y\\n\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_told_from_other_failures() {
        assert!(is_closed(&told(io::ErrorKind::BrokenPipe.into())));
        assert!(!is_closed(&told(io::ErrorKind::StorageFull.into())));
    }
}
