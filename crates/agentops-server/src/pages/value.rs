//! A recorded value as a tree that folds: nested `details`, so it needs no script.
//!
//! It is read from its text piece by piece, so keys stay in their order and numbers as they were
//! written. Depth, number of nodes and bytes are bounded: what does not fit is told.

use std::borrow::Cow;
use std::fmt;

use agentops_protocol::Json;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::html::Html;
use super::text;

/// Nodes shown of one value.
const NODES: usize = 2_000;
/// Deeper values are shown as their text.
const DEEPEST: usize = 32;
/// A longer string folds.
const LONG_STRING: usize = 400;
/// What is shown of one string.
const STRING_BYTES: usize = 16 << 10;
/// What a folded string shows of itself.
const GLANCE_CHARS: usize = 120;
/// Objects and lists up to this size are open from the beginning.
const SMALL: usize = 24;

/// The value as a tree.
pub(super) fn tree(json: &Json) -> Html {
    let mut writer = Writer {
        html: Html::default(),
        left: NODES,
    };
    writer.html.raw("<div class=\"json\">");
    writer.value(None, json.get(), 0);
    writer.html.raw("</div>");
    if writer.left == 0 {
        writer
            .html
            .raw("<p class=\"quiet\">There is more; the event's JSON has all of it.</p>");
    }
    writer.html
}

struct Writer {
    html: Html,
    left: usize,
}

impl Writer {
    fn value(&mut self, key: Option<&str>, json: &str, depth: usize) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let json = json.trim_start();
        match json.as_bytes().first() {
            Some(b'{') if depth < DEEPEST => {
                if let Ok(Members(members)) = serde_json::from_str(json) {
                    let members: Vec<_> = members
                        .iter()
                        .map(|(key, value)| (Some(key.as_ref()), value.get()))
                        .collect();
                    return self.group(key, &members, ("{", "}"), depth);
                }
            }
            Some(b'[') if depth < DEEPEST => {
                if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
                    let items: Vec<_> = items.iter().map(|item| (None, item.get())).collect();
                    return self.group(key, &items, ("[", "]"), depth);
                }
            }
            Some(b'"') => {
                if let Ok(string) = serde_json::from_str::<String>(json) {
                    return self.string(key, &string);
                }
            }
            _ => {}
        }
        let shown = text::cut(json.to_owned(), LONG_STRING);
        self.html.raw("<div class=\"leaf\">");
        self.key(key);
        self.html.raw("<span class=\"v\">").text(&shown.text);
        if shown.left_out > 0 {
            self.html.raw("…");
        }
        self.html.raw("</span></div>");
    }

    fn group(
        &mut self,
        key: Option<&str>,
        members: &[(Option<&str>, &str)],
        (open, close): (&'static str, &'static str),
        depth: usize,
    ) {
        if members.is_empty() {
            self.html.raw("<div class=\"leaf\">");
            self.key(key);
            self.html.raw("<span class=\"v\">").raw(open).raw(close);
            self.html.raw("</span></div>");
            return;
        }
        let is_open = depth == 0 || (depth < 3 && members.len() <= SMALL);
        self.html.raw(if is_open {
            "<details open><summary>"
        } else {
            "<details><summary>"
        });
        self.key(key);
        self.html
            .raw("<span class=\"count\">")
            .raw(open)
            .text(members.len())
            .raw(close);
        self.html.raw("</span></summary><div class=\"in\">");
        for (index, (name, value)) in members.iter().enumerate() {
            match name {
                Some(name) => self.value(Some(name), value, depth + 1),
                None => self.value(Some(&index.to_string()), value, depth + 1),
            }
        }
        self.html.raw("</div></details>");
    }

    fn string(&mut self, key: Option<&str>, string: &str) {
        if string.len() <= LONG_STRING {
            self.html.raw("<div class=\"leaf\">");
            self.key(key);
            self.html.raw("<span class=\"s\"><bdi>").shown(string);
            self.html.raw("</bdi></span></div>");
            return;
        }
        let glance: String = string.chars().take(GLANCE_CHARS).collect();
        self.html.raw("<details><summary>");
        self.key(key);
        self.html.raw("<span class=\"s\"><bdi>").shown(&glance);
        self.html
            .raw("…</bdi></span> <span class=\"count\">")
            .text(string.len());
        self.html
            .raw(" bytes</span></summary><div class=\"in s\"><bdi>");
        let shown = text::cut(string.to_owned(), STRING_BYTES);
        self.html.text(&shown.text).raw("</bdi>");
        if shown.left_out > 0 {
            self.html
                .raw("<p class=\"quiet\">")
                .text(text::count(shown.left_out as u64));
            self.html.raw(" more bytes in the event's JSON</p>");
        }
        self.html.raw("</div></details>");
    }

    fn key(&mut self, key: Option<&str>) {
        if let Some(key) = key {
            self.html
                .raw("<span class=\"key\"><bdi>")
                .shown(&text::brief(key));
            self.html.raw("</bdi></span> ");
        }
    }
}

/// The members of an object, in their order, doubles included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &RawValue>()? {
                    members.push((Cow::Owned(member.0), member.1));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(json: &str) -> String {
        tree(&Json::parse(json).unwrap()).to_string()
    }

    #[test]
    fn order_and_numbers_stay() {
        let html = html(r#"{"b":1.50,"a":12345678901234567890,"c":[]}"#);
        let at = |text: &str| {
            html.find(text)
                .unwrap_or_else(|| panic!("{text} in {html}"))
        };
        assert!(at("1.50") < at("12345678901234567890"));
        assert!(html.contains("[]") && html.contains("{3}"));
    }

    #[test]
    fn hostile_values_stay_text_and_are_bounded() {
        let evil = html(r#"{"<script>":"</bdi><img src=x>\u202e"}"#);
        assert!(!evil.contains("<script") && !evil.contains("<img"));
        assert!(evil.contains("\\u{202E}"));
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(html(&deep).matches("<details").count(), DEEPEST);
        let wide = format!("[{}1]", "1,".repeat(100_000));
        let wide = html(&wide);
        assert_eq!(wide.matches("class=\"leaf\"").count(), NODES - 1);
        assert!(wide.contains("There is more"));
        let long = html(&format!("\"{}\"", "x".repeat(1 << 20)));
        assert!(long.len() < 20 << 10 && long.contains("more bytes"));
    }
}
