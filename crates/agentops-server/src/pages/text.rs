//! Numbers, times and recorded values as people read them.

use agentops_protocol::{Json, Timestamp, Usd};

use super::html::clean;

/// The longest name, tag or reason that is shown whole.
const BRIEF_CHARS: usize = 160;

/// `2024-03-14 12:00:00`, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {}", &text[..10], &text[11..19])
}

/// A duration in the unit that fits it.
pub(super) fn duration(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        1_000_000..60_000_000 => format!("{seconds}.{:02} s", micros % 1_000_000 / 10_000),
        60_000_000..3_600_000_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with what is counted.
pub(super) fn counted(number: u64, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {what}{s}", count(number))
}

/// An amount: cents where there are many, more digits where there are few.
pub(super) fn dollars(amount: Usd) -> String {
    let text = amount.to_six_decimals();
    let (whole, parts) = text.split_once('.').unwrap_or((&text, ""));
    if whole != "0" || parts.ends_with("0000") {
        return format!("${whole}.{}", &parts[..parts.len().min(2)]);
    }
    format!("${text}")
}

/// An amount; where some calls have no known price, the least it can be.
pub(super) fn cost(cost: Option<Usd>, known: Usd) -> String {
    match cost {
        Some(cost) => dollars(cost),
        None if known == Usd::ZERO => "unknown".to_owned(),
        None => format!("≥ {}", dollars(known)),
    }
}

/// Seconds as microseconds; nothing below zero.
pub(super) fn micros(seconds: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float is cast to the nearest value in range, NaN to zero"
    )]
    let micros = (seconds * 1e6).round() as u64;
    micros
}

/// A recorded text, cut where it is too long to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// What is shown.
    pub(super) text: String,
    /// How many bytes are not.
    pub(super) left_out: usize,
}

/// A recorded value: a string as its text, anything else as indented JSON. At most `limit` bytes
/// of it.
pub(super) fn value(json: &Json, limit: usize) -> Shown {
    let text = json.as_string().unwrap_or_else(|| indented(json.get()));
    cut(text, limit)
}

/// The beginning of a text, with what cannot be seen made visible.
pub(super) fn cut(mut text: String, limit: usize) -> Shown {
    if text.len() <= limit {
        let text = clean(&text).into_owned();
        return Shown { text, left_out: 0 };
    }
    // Zero is a boundary, so this ends.
    let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at));
    let end = end.unwrap_or_default();
    let left_out = text.len() - end;
    text.truncate(end);
    let text = clean(&text).into_owned();
    Shown { text, left_out }
}

/// A short text on one line of a page; a long one is cut with an ellipsis.
pub(super) fn brief(text: &str) -> String {
    let brief: String = text.chars().take(BRIEF_CHARS).collect();
    let is_cut = brief.len() < text.len();
    let mut brief = clean(&brief).into_owned();
    if is_cut {
        brief.push('…');
    }
    brief
}

/// JSON a value a line, keys in their order. Works on the text, so numbers stay as they were
/// written.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth: usize = 0;
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, behind) = rest.split_at(match first {
            '"' => string_end(rest),
            other => other.len_utf8(),
        });
        rest = behind.trim_start();
        match first {
            '{' | '[' => {
                out.push_str(token);
                depth += 1;
                if !rest.starts_with(['}', ']']) {
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !out.ends_with(['{', '[']) {
                    new_line(&mut out, depth);
                }
                out.push_str(token);
            }
            ',' => {
                out.push_str(token);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => out.push_str(&plain(token)),
            _ => out.push_str(token),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Where the string at the beginning of `json` ends.
fn string_end(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// A string without needless escapes: many writers escape whatever is not ASCII.
fn plain(token: &str) -> String {
    let text = serde_json::from_str::<String>(token);
    let text = text.and_then(|text| serde_json::to_string(&text));
    text.unwrap_or_else(|_| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_text_or_indented() {
        let shown = |json: &str| value(&Json::parse(json).unwrap(), 1_000).text;
        assert_eq!(shown(r#""a\nb""#), "a\nb");
        assert_eq!(
            shown(r#"{"b":[1.50,{}, []],"a":"x\"y\u00e9,{"}"#),
            "{\n  \"b\": [\n    1.50,\n    {},\n    []\n  ],\n  \"a\": \"x\\\"yé,{\"\n}"
        );
        assert_eq!(shown("null"), "null");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let shown = cut("éé".to_owned(), 3);
        assert_eq!(
            shown,
            Shown {
                text: "é".to_owned(),
                left_out: 2
            }
        );
    }

    #[test]
    fn a_brief_text_says_that_it_is_cut() {
        assert_eq!(brief("tea"), "tea");
        let long = "é".repeat(BRIEF_CHARS + 1);
        assert_eq!(brief(&long).chars().count(), BRIEF_CHARS + 1);
        assert!(brief(&long).ends_with('…'));
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        for (micros, text) in [
            (7, "7 µs"),
            (42_195, "42.1 ms"),
            (1_230_000, "1.23 s"),
            (192_000_000, "3 min 12 s"),
            (7_500_000_000, "2 h 05 min"),
        ] {
            assert_eq!(duration(micros), text);
        }
        assert_eq!(micros(-1.0), 0);
        assert_eq!(micros(1.5), 1_500_000);
    }

    #[test]
    fn numbers_and_costs() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        let known: Usd = "0.0093".parse().unwrap();
        assert_eq!(cost(Some(known), known), "$0.009300");
        assert_eq!(cost(None, known), "≥ $0.009300");
        assert_eq!(cost(None, Usd::ZERO), "unknown");
        for (amount, text) in [("0", "$0.00"), ("1.5", "$1.50"), ("123.456789", "$123.45")] {
            assert_eq!(dollars(amount.parse().unwrap()), text);
        }
        assert_eq!(counted(1, "tool"), "1 tool");
        assert_eq!(counted(2_000, "tool"), "2,000 tools");
    }
}
