//! Recorded text made fit for a terminal: nothing in it can move the cursor, change colours or
//! reorder what stands around it. And widths, dates, durations for people.

use std::borrow::Cow;
use std::fmt::Write as _;

use agentops_protocol::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether a terminal would act on this character instead of showing it: C0, DEL and C1 controls,
/// line separators, marks that turn or override the direction of text, invisible tags.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` on one line, with every hostile character written out.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => clean.push_str("\\n"),
            '\t' => clean.push_str("\\t"),
            '\r' => clean.push_str("\\r"),
            c if is_hostile(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// JSON of the same value in which no hostile character stands as itself. Outside of strings a
/// JSON text has none but white space.
pub(crate) fn clean_json(json: &str) -> Cow<'_, str> {
    let hostile = |c: char| is_hostile(c) && c != '\n' && c != '\t';
    if !json.contains(hostile) {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if c == '\r' {
            clean.push(' ');
        } else if hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(clean, "\\u{unit:04x}").expect("a string takes everything");
            }
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// Columns that clean text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Clean text cut to at most `columns`, with an ellipsis where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut left = columns.saturating_sub(1);
    let mut kept = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// Clean text in exactly `columns`, cut or filled with spaces.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let mut text = cut(text, columns).into_owned();
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Clean text at the right of so many columns, in full.
pub(crate) fn right(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{}{text}", " ".repeat(missing))
}

/// A day and a time in UTC, to the second.
pub(crate) fn date(at: Timestamp) -> String {
    at.to_string()[..19].replace('T', " ")
}

/// A duration in the unit that says most.
pub(crate) fn duration(micros: i64) -> String {
    let micros = micros.max(0);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => {
            format!(
                "{}.{:02} s",
                micros / 1_000_000,
                micros % 1_000_000 / 10_000
            )
        }
        60_000_000..3_600_000_000 => {
            format!(
                "{} m {:02} s",
                micros / 60_000_000,
                micros % 60_000_000 / 1_000_000
            )
        }
        _ => {
            format!(
                "{} h {:02} m",
                micros / 3_600_000_000,
                micros % 3_600_000_000 / 60_000_000
            )
        }
    }
}

/// Bytes in the unit that says most.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let fitting = UNITS
        .into_iter()
        .zip((1..).map(|power| 1_u64 << (10 * power)));
    match fitting.take_while(|(_, unit)| *unit <= bytes).last() {
        None => format!("{bytes} B"),
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    }
}

/// A duration that is counted in seconds.
pub(crate) fn seconds(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float that is out of range stops at its end"
    )]
    let micros = (seconds * 1e6) as i64;
    duration(micros)
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        many => format!("{many} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_passes() {
        let hostile = "a\u{1b}[31m\u{7}\u{9b}2J\u{202e}gpj\u{2066}\r\n\t\0\u{7f}\u{e0041}\u{2028}";
        let clean = clean(hostile);
        assert!(!clean.contains(is_hostile), "{clean:?}");
        assert_eq!(
            clean,
            "a\\u{1b}[31m\\u{7}\\u{9b}2J\\u{202e}gpj\\u{2066}\\r\\n\\t\\u{0}\\u{7f}\\u{e0041}\\u{2028}"
        );
        assert_eq!(super::clean("日本語 é 🦀"), "日本語 é 🦀");
    }

    #[test]
    fn clean_json_says_the_same() {
        let json = "{\"a\":\r\n\t\"\u{9b}\u{202e}\u{7f}\u{e0041}é\"}";
        let clean = clean_json(json);
        assert!(!clean.contains(|c: char| is_hostile(c) && c != '\n' && c != '\t'));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&clean), value(json));
    }

    #[test]
    fn wide_text_is_cut_to_columns() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(pad("日本語", 4), "日… ");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(right("語", 4), "  語");
        assert_eq!(right("語語語", 4), "語語語");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (20 << 30, "20.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_are_short() {
        for (micros, text) in [
            (-5, "0 µs"),
            (850, "850 µs"),
            (1_990, "1.9 ms"),
            (12_900, "12 ms"),
            (1_239_000, "1.23 s"),
            (125_000_000, "2 m 05 s"),
            (7_380_000_000, "2 h 03 m"),
        ] {
            assert_eq!(duration(micros), text);
            assert_eq!(seconds(micros as f64 / 1e6), text);
        }
    }
}
