//! What of an event can be searched for, and what of a question is searched. Pure.

use agentops_protocol::{Event, EventBody, Json};
use serde_json::Value;

/// Most bytes of an event that are indexed.
const TEXT_BYTES: usize = 64 << 10;
/// Most words of a question.
const WORDS: usize = 16;
/// Of a prompt of more messages, only the last is indexed: the others were, with the calls that
/// brought them.
const MESSAGES: usize = 3;

/// The words people wrote or were told: names, and the texts and numbers inside values.
pub(crate) fn text_of(event: &Event) -> String {
    let mut text = String::new();
    push(&mut text, event.name());
    let mut value = |json: Option<&Json>| {
        if let Some(json) = json.filter(|_| text.len() < TEXT_BYTES) {
            gather(&mut text, &json.to_value());
        }
    };
    match &event.body {
        EventBody::Llm(llm) => {
            if let Some(prompt) = &llm.prompt {
                value(Some(&newest(prompt)));
            }
            value(llm.completion.as_ref());
        }
        EventBody::Error(error) => {
            value(error.details.as_ref());
            value(error.code.as_ref());
        }
        EventBody::Action(_) | EventBody::Tool(_) => {}
    }
    value(event.params.as_ref());
    value(event.returns.as_ref());
    value(event.logs.as_ref());
    text
}

/// The messages of a prompt that are new with it.
fn newest(prompt: &Json) -> Json {
    let value = prompt.to_value();
    let messages = match &value {
        Value::Array(messages) => messages,
        Value::Object(around) => match around.get("messages") {
            Some(Value::Array(messages)) => messages,
            _ => return prompt.clone(),
        },
        _ => return prompt.clone(),
    };
    match messages.last() {
        Some(last) if messages.len() > MESSAGES => {
            Json::parse(&last.to_string()).unwrap_or_else(|_| prompt.clone())
        }
        _ => prompt.clone(),
    }
}

fn gather(text: &mut String, value: &Value) {
    if text.len() >= TEXT_BYTES {
        return;
    }
    match value {
        Value::String(part) => push(text, Some(part)),
        Value::Number(number) => push(text, Some(&number.to_string())),
        Value::Array(items) => items.iter().for_each(|item| gather(text, item)),
        Value::Object(members) => members.values().for_each(|member| gather(text, member)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn push(text: &mut String, part: Option<&str>) {
    let Some(part) = part else { return };
    let mut room = TEXT_BYTES.saturating_sub(text.len()).min(part.len());
    while !part.is_char_boundary(room) {
        room -= 1;
    }
    for char in part[..room].chars() {
        // Scripts without spaces: each character is a word, in what is searched and in what is
        // asked.
        if is_word(char) {
            text.extend([' ', char, ' ']);
        } else {
            text.push(char);
        }
    }
    text.push(' ');
}

/// Whether a character is a word by itself: Chinese and Japanese ones, which no spaces part.
fn is_word(char: char) -> bool {
    matches!(char,
        '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3134f}')
}

/// The words of a question. Whatever else stands in it means nothing.
pub(crate) fn words(question: &str) -> Vec<String> {
    let words = question.split(|c: char| !c.is_alphanumeric());
    words
        .flat_map(|word| word.split_inclusive(is_word))
        .flat_map(
            |part| match part.chars().next_back().filter(|last| is_word(*last)) {
                Some(last) => part.split_at(part.len() - last.len_utf8()).into(),
                None => [part, ""],
            },
        )
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentops_protocol::{EventKind, Timestamp};

    #[test]
    fn a_question_is_its_words() {
        assert_eq!(
            words("  Hello, \"wide\" WORLD* NEAR(a-b)"),
            ["hello", "wide", "world", "near", "a", "b"]
        );
        assert_eq!(words("C++ ' OR 1=1 --"), ["c", "or", "1", "1"]);
        assert_eq!(
            words("漢字かな mix東京x"),
            ["漢", "字", "か", "な", "mix", "東", "京", "x"]
        );
        assert!(words("*\"()^-").is_empty());
        assert_eq!(words(&"x ".repeat(100)).len(), WORDS);
    }

    #[test]
    fn texts_are_gathered_and_histories_only_once() {
        let mut event = Event::started(
            "e".parse().unwrap(),
            EventKind::Llm,
            Timestamp::from_micros(0),
        );
        event.params = Some(Json::parse(r#"{"key":["deep",{"x":7}],"n":null}"#).unwrap());
        let EventBody::Llm(llm) = &mut event.body else {
            unreachable!("it is a call")
        };
        llm.model = Some("gpt-4".to_owned());
        llm.prompt = Some(Json::parse(r#"[{"content":"one"},{"content":"two"}]"#).unwrap());
        assert_eq!(text_of(&event), "gpt-4 one two deep 7 ");
        let EventBody::Llm(llm) = &mut event.body else {
            unreachable!("it is a call")
        };
        llm.prompt = Some(Json::parse(r#"{"messages":["a","b","c","newest"]}"#).unwrap());
        assert_eq!(text_of(&event), "gpt-4 newest deep 7 ");
        event.returns = Some(Json::string("a東京"));
        assert!(text_of(&event).ends_with("7 a 東  京  "));
        event.returns = Some(Json::string(&"ä".repeat(TEXT_BYTES)));
        assert!(text_of(&event).len() <= TEXT_BYTES + 1);
    }
}
