//! Messages as a conversation.

use super::html::{Html, clean};
use super::markdown::markdown;
use super::messages::{Message, Part};
use super::{text, value};

/// Messages shown of one call; the earlier ones fold.
const SHOWN: usize = 200;
/// What is shown of one text that is too long for Markdown.
const TEXT_BYTES: usize = 64 << 10;

/// The messages, the last one the answer or not.
pub(super) fn conversation(messages: &[Message]) -> Html {
    let mut html = Html::default();
    html.raw("<ol class=\"chat\">");
    let left_out = messages.len().saturating_sub(SHOWN);
    if left_out > 0 {
        html.raw("<li class=\"quiet\">").text(left_out);
        html.raw(" earlier messages are in the event's JSON</li>");
    }
    for message in &messages[left_out..] {
        one(&mut html, message);
    }
    html.raw("</ol>");
    html
}

fn one(html: &mut Html, message: &Message) {
    let side = match message.role.as_str() {
        "assistant" | "model" | "ai" => "<li class=\"msg is-model\"><p class=\"role\">",
        "system" | "developer" => "<li class=\"msg is-system\"><p class=\"role\">",
        "tool" | "function" => "<li class=\"msg is-tool\"><p class=\"role\">",
        _ => "<li class=\"msg\"><p class=\"role\">",
    };
    html.raw(side).text(text::brief(&message.role)).raw("</p>");
    for part in &message.parts {
        piece(html, part);
    }
    if message.parts.is_empty() {
        html.raw("<p class=\"quiet\">nothing was said</p>");
    }
    html.raw("</li>");
}

fn piece(html: &mut Html, part: &Part) {
    match part {
        Part::Text(text) => prose(html, text),
        Part::Thinking(text) => {
            html.raw("<details class=\"thought\"><summary>Thinking</summary>");
            prose(html, text);
            html.raw("</details>");
        }
        Part::Call { name, arguments } => {
            html.raw("<div class=\"call\"><p><span class=\"glyph k-tools\"></span> calls <b><bdi>");
            html.text(text::brief(name)).raw("</bdi></b></p>");
            html.add(&value::tree(arguments)).raw("</div>");
        }
        Part::Result(json) => match json.as_string() {
            Some(text) => prose(html, &text),
            None => {
                html.add(&value::tree(json));
            }
        },
        Part::Other(json) => {
            html.add(&value::tree(json));
        }
    }
}

/// A text as Markdown, or as it is where it is too long for that.
pub(super) fn prose(html: &mut Html, written: &str) {
    if let Some(rendered) = markdown(written) {
        html.raw("<div class=\"prose\" dir=\"auto\">")
            .add(&rendered)
            .raw("</div>");
        return;
    }
    let shown = text::cut(written.to_owned(), TEXT_BYTES);
    html.raw("<pre>").text(clean(&shown.text)).raw("</pre>");
    if shown.left_out > 0 {
        html.raw("<p class=\"quiet\">")
            .text(text::count(shown.left_out as u64));
        html.raw(" more bytes in the event's JSON</p>");
    }
}
