//! The terminal: colours where there is one, and no control character of recorded text, ever.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// Standard output.
pub(crate) struct Screen<W> {
    out: W,
    coloured: bool,
}

/// How a piece of text stands out.
#[derive(Clone, Copy)]
pub(crate) enum Look {
    Plain,
    Strong,
    Faint,
    Bad,
}

impl Screen<std::io::Stdout> {
    pub(crate) fn stdout() -> Self {
        let out = std::io::stdout();
        let coloured =
            out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { out, coloured }
    }
}

impl<W: Write> Screen<W> {
    /// A screen that writes to `out`, without colours.
    #[cfg(test)]
    pub(crate) fn plain(out: W) -> Self {
        Self {
            out,
            coloured: false,
        }
    }

    /// Writes one piece. What stands in `text` must have gone through [`printable`] if others wrote it.
    pub(crate) fn put(&mut self, look: Look, text: impl Display) -> std::io::Result<()> {
        let code = match look {
            Look::Plain => "",
            Look::Strong => "\x1b[1m",
            Look::Faint => "\x1b[2m",
            Look::Bad => "\x1b[31m",
        };
        if self.coloured && !code.is_empty() {
            write!(self.out, "{code}{text}\x1b[0m")
        } else {
            write!(self.out, "{text}")
        }
    }

    pub(crate) fn line(&mut self, look: Look, text: impl Display) -> std::io::Result<()> {
        self.put(look, text)?;
        writeln!(self.out)
    }
}

/// One line of recorded text for the terminal: white space becomes one space, whatever could move
/// the cursor, colour the screen or turn the reading direction becomes `·`, and the rest beyond
/// `most` characters becomes `…`.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    let mut shown = String::new();
    for (count, letter) in words.flat_map(str::chars).enumerate() {
        if count == most {
            shown.push('…');
            break;
        }
        shown.push(if moves_the_terminal(letter) {
            '·'
        } else {
            letter
        });
    }
    shown
}

/// Like [`printable`], for a text of several lines.
pub(crate) fn printable_lines(text: &str, most: usize) -> Vec<String> {
    text.lines().map(|line| printable(line, most)).collect()
}

fn moves_the_terminal(letter: char) -> bool {
    let formats = matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    letter.is_control() || formats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_terminal_gets_through() {
        let evil = "a\x1b[2Jb\x07c\u{9b}31md\u{202e}e\rf\tg\nh\x7f";
        assert_eq!(printable(evil, 99), "a·[2Jb·c·31md·e f g h·");
        for code in (0..0x20).chain(0x7f..0xa0) {
            let letter = char::from_u32(code).unwrap();
            let shown = printable(&format!("x{letter}y"), 9);
            assert!(!shown.chars().any(char::is_control), "{code:#x}: {shown:?}");
        }
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(printable("äöü äöü", 5), "äöü ä…");
        assert_eq!(printable("äöü", 3), "äöü");
    }
}
