//! What a model or a person wrote, as Markdown: no markup of theirs survives, no image loads, and
//! links lead only where a reader can see that they lead.

use std::collections::HashSet;
use std::sync::OnceLock;

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use super::html::{Html, clean};

/// Longer texts are shown as they are: no document this long is read for its headings.
const LONGEST: usize = 64 << 10;

/// A text as HTML; `None` where it is too long for that.
pub(super) fn markdown(text: &str) -> Option<Html> {
    if text.len() > LONGEST {
        return None;
    }
    let text = clean(text);
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    // Raw markup is text to us, and an image is the words that stand for it.
    let events = Parser::new_ext(&text, options).filter_map(|event| match event {
        Event::Html(markup) | Event::InlineHtml(markup) => Some(Event::Text(markup)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::SoftBreak => Some(Event::HardBreak),
        other => Some(other),
    });
    let mut rendered = String::with_capacity(text.len() * 2);
    html::push_html(&mut rendered, events);
    Some(Html::sanitised(sanitiser().clean(&rendered).to_string()))
}

fn sanitiser() -> &'static Builder<'static> {
    static SANITISER: OnceLock<Builder<'static>> = OnceLock::new();
    SANITISER.get_or_init(|| {
        let tags = [
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "li",
            "ol",
            "p",
            "pre",
            "strong",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ];
        let mut builder = Builder::empty();
        builder
            .tags(HashSet::from(tags))
            .add_tag_attributes("a", ["href"])
            .url_schemes(HashSet::from(["http", "https", "mailto"]))
            .url_relative(ammonia::UrlRelative::Deny)
            .link_rel(Some("noopener noreferrer nofollow"))
            .set_tag_attribute_value("a", "target", "_blank");
        builder
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let html = markdown(text).unwrap().to_string();
        assert_eq!(html.trim_end(), expected);
    }

    #[test]
    fn markdown_becomes_html() {
        check("a **b** `c`", "<p>a <strong>b</strong> <code>c</code></p>");
        check(
            "[x](https://a.example/)",
            "<p><a href=\"https://a.example/\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">x</a></p>",
        );
    }

    #[test]
    fn nothing_foreign_runs_or_loads() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "![x](https://evil.example/pixel.png)",
            "<a href=\"javascript:alert(1)\" onclick=alert(1)>x</a>",
            "[x](//evil.example)",
            "<svg onload=alert(1)>",
            "```\n</code></pre><script>alert(1)</script>\n```",
        ] {
            let html = markdown(text).unwrap().to_string();
            let html = html.to_lowercase();
            for forbidden in [
                "<script",
                "<img",
                "<svg",
                "<a href=\"javascript",
                "<a href=\"data",
                "<a href=\"//",
                "<a onclick",
            ] {
                assert!(!html.contains(forbidden), "{text}: {html}");
            }
        }
    }

    #[test]
    fn a_book_is_not_markdown() {
        assert!(markdown(&"x".repeat(LONGEST + 1)).is_none());
    }
}
