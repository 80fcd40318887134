//! How many tokens a text is, for calls of which nobody told it. An estimate: the model may be cut
//! up by another rule, and what a provider adds around messages differs. Pure, but for the tables,
//! which are made once.

use agentops_protocol::{Event, EventBody, Json, Llm};
use agentops_store::TokenCount;
use serde_json::Value;
use tiktoken_rs::CoreBPE;

/// Most bytes of a text that are counted; of a longer one the rest counts as much a byte.
const TEXT_BYTES: usize = 256 << 10;
/// A run without a space is cut so: the time for one grows with the square of its length.
const RUN_CHARS: usize = 200;
/// Tokens around a message of a chat, and around all of them.
const AROUND_MESSAGE: u64 = 3;
const AROUND_CHAT: u64 = 3;
/// Bytes of a token where the tables cannot be used.
const USUAL_BYTES: u64 = 4;
/// Members of messages that are no text of the chat.
const NO_TEXT: [&str; 5] = ["image_url", "input_audio", "data", "source", "file"];

/// The tokens of an event that is a call, as far as nobody told them.
pub(super) fn of(event: &Event) -> TokenCount {
    let mut count = TokenCount {
        event: event.id.clone(),
        prompt: None,
        completion: None,
    };
    if let EventBody::Llm(llm) = &event.body {
        let missing = |told: Option<u64>, text: &Option<Json>| {
            let text = text.as_ref().filter(|_| told.is_none())?;
            Some(of_value(llm, &text.to_value()))
        };
        count.prompt = missing(llm.usage.prompt, &llm.prompt);
        count.completion = missing(llm.usage.completion, &llm.completion);
    }
    count
}

fn of_value(llm: &Llm, value: &Value) -> u64 {
    let mut text = String::new();
    let messages = messages(value);
    gather(&mut text, value);
    let around = match messages {
        0 => 0,
        messages => messages * AROUND_MESSAGE + AROUND_CHAT,
    };
    around + of_text(llm.model.as_deref().unwrap_or_default(), &text)
}

/// How many messages of a chat a value is.
fn messages(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().filter(|item| item.is_object()).count() as u64,
        Value::Object(members) => members.get("messages").map_or(0, messages),
        _ => 0,
    }
}

/// The texts inside of a value, one after the other.
fn gather(text: &mut String, value: &Value) {
    match value {
        Value::String(part) => {
            text.push_str(part);
            text.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| gather(text, item)),
        Value::Object(members) => {
            let texts = members
                .iter()
                .filter(|(name, _)| !NO_TEXT.contains(&name.as_str()));
            texts.for_each(|(_, member)| gather(text, member));
        }
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

fn of_text(model: &str, text: &str) -> u64 {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let counted = &text[..end];
    if counted.is_empty() {
        return 0;
    }
    // The tables' own code panics where its patterns give up; an estimate must not.
    let tokens = std::panic::catch_unwind(|| pieces(table(model), counted));
    let tokens = tokens.unwrap_or(counted.len() as u64 / USUAL_BYTES);
    tokens * text.len() as u64 / counted.len() as u64
}

/// The tokens of a text, cut where a run without a space is long.
fn pieces(table: &CoreBPE, text: &str) -> u64 {
    let (mut tokens, mut begin, mut run) = (0, 0, 0);
    for (at, char) in text.char_indices() {
        run = if char.is_whitespace() { 0 } else { run + 1 };
        if run > RUN_CHARS {
            tokens += table.encode_ordinary(&text[begin..at]).len();
            (begin, run) = (at, 0);
        }
    }
    tokens += table.encode_ordinary(&text[begin..]).len();
    tokens as u64
}

/// The table of a model: older ones of OpenAI have one of their own, for all others the newest is
/// as good as any. Made when it is first needed.
fn table(model: &str) -> &'static CoreBPE {
    let name = model.rsplit('/').next().unwrap_or_default();
    let is_older = name.starts_with("gpt-3.5") || name == "gpt-4" || {
        let rest = name.strip_prefix("gpt-4-");
        rest.is_some() || name.starts_with("text-embedding-3")
    };
    if is_older {
        tiktoken_rs::cl100k_base_singleton()
    } else {
        tiktoken_rs::o200k_base_singleton()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_as_many_tokens_as_their_table_says() {
        assert_eq!(of_text("gpt-4", "tiktoken is great!"), 6);
        assert_eq!(of_text("gpt-4o", "tiktoken is great!"), 6);
        assert_eq!(of_text("gpt-4", ""), 0);
        let chat = serde_json::json!([{"role": "user", "content": "hello world"}]);
        let llm = Llm {
            model: Some("gpt-4".to_owned()),
            ..Llm::default()
        };
        // role, content and their line ends, and what stands around them.
        let tokens = of_value(&llm, &chat);
        assert!((8..=12).contains(&tokens), "{tokens}");
        let image = serde_json::json!([{"role": "user", "content": [{"type": "text", "text": "hello world"},
            {"type": "image_url", "image_url": {"url": "x".repeat(100_000)}}]}]);
        assert!(of_value(&llm, &image) < 30);
    }

    #[test]
    fn hostile_texts_take_no_time_to_speak_of() {
        for text in [
            "a".repeat(2 << 20),
            " ".repeat(2 << 20),
            "\u{1f600}".repeat(300_000),
            "a1".repeat(1 << 20),
        ] {
            let tokens = of_text("gpt-4o", &text);
            assert!(tokens > 0 && tokens <= text.len() as u64, "{tokens}");
        }
    }
}
