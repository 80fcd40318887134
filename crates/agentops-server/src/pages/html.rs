//! HTML that is made by hand, where a template cannot: trees and drawings.
//!
//! Markup goes in as it stands and is always of this program's own making; everything else goes
//! in as text, escaped.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

/// A piece of safe HTML.
#[derive(Debug, Default, Clone)]
pub(super) struct Html(String);

impl Html {
    /// Markup of this program's own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Anything, as text; good between tags and between double quotes.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        write!(Escaping(&mut self.0), "{text}").expect("a string takes everything");
        self
    }

    /// What was recorded, as text with its unprintable characters shown.
    pub(super) fn shown(&mut self, text: &str) -> &mut Self {
        self.text(clean(text))
    }

    /// Another piece.
    pub(super) fn add(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    /// HTML that a sanitiser let through.
    pub(super) fn sanitised(html: String) -> Self {
        Self(html)
    }
}

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(['&', '<', '>', '"', '\'']) {
            let (plain, last) = match part.char_indices().next_back() {
                Some((at, last)) if "&<>\"'".contains(last) => (&part[..at], Some(last)),
                _ => (part, None),
            };
            self.0.push_str(plain);
            self.0.push_str(match last {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some(_) => "&#39;",
                None => "",
            });
        }
        Ok(())
    }
}

/// A recorded text with what cannot be seen made visible, by its code: control characters, and
/// the characters that turn the direction of what follows, by which a text can pretend to be
/// another.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '\r' | '\n' | '\t' => clean.push(char),
            char if is_hidden(char) => {
                write!(clean, "\\u{{{:X}}}", u32::from(char)).expect("a string takes everything");
            }
            char => clean.push(char),
        }
    }
    Cow::Owned(clean)
}

fn is_hidden(char: char) -> bool {
    matches!(char,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{61c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_markup_of_ours_is_escaped() {
        let mut html = Html::default();
        html.raw("<b title=\"")
            .text("\"><script>")
            .raw("\">")
            .shown("a & 'b' <\u{1b}[31m")
            .raw("</b>");
        assert_eq!(
            html.to_string(),
            "<b title=\"&quot;&gt;&lt;script&gt;\">a &amp; &#39;b&#39; &lt;\\u{1B}[31m</b>"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(clean("tea\n\tété"), "tea\n\tété");
        assert_eq!(clean("a\u{202e}gpj.exe"), "a\\u{202E}gpj.exe");
        assert_eq!(clean("\0\u{7f}\u{9b}"), "\\u{0}\\u{7F}\\u{9B}");
    }
}
