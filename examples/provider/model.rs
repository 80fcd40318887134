//! `extractive-1`: messages in, completion and usage out. Pure: no clock, no I/O.
//!
//! How it reads a conversation:
//!
//! - a system message that asks for `search terms` gets the terms of the question, comma separated;
//! - any other gets the sentences of the text that match the question best, each with its file;
//! - the question is what follows `Question:` in the last user message up to the next blank line,
//!   else the last line of that message; the text is all the rest of the users' messages.

use crate::rank;
use crate::text::{self, Sentence, count_tokens};

/// The name by which the model goes. No price book has a price for it: its cost is unknown.
pub const MODEL: &str = "extractive-1";

/// More sentences than this are a copy, not an answer.
const MOST_SENTENCES: usize = 3;

/// More terms than this are the question again.
const MOST_TERMS: usize = 6;

/// One message of the conversation, its content as plain text.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) role: String,
    pub(crate) content: String,
}

/// What the model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) completion: String,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

pub(crate) fn answer(messages: &[Message]) -> Answer {
    let (question, text) = read(messages);
    let completion = if asks_for_terms(messages) {
        search_terms(&question)
    } else {
        quotes(&question, &text)
    };
    Answer {
        prompt_tokens: messages.iter().map(|m| count_tokens(&m.content)).sum(),
        completion_tokens: count_tokens(&completion),
        completion,
    }
}

fn asks_for_terms(messages: &[Message]) -> bool {
    messages
        .iter()
        .filter(|message| is_instruction(message))
        .any(|message| message.content.to_lowercase().contains("search terms"))
}

fn is_instruction(message: &Message) -> bool {
    matches!(message.role.as_str(), "system" | "developer")
}

/// The question, and the text to answer from.
fn read(messages: &[Message]) -> (String, String) {
    let mut users: Vec<&str> = messages
        .iter()
        .filter(|message| message.role == "user")
        .map(|message| message.content.as_str())
        .collect();
    let last = users.pop().unwrap_or_default();
    let (question, rest) = split_question(last);
    users.extend(rest);
    (question, users.join("\n\n"))
}

fn split_question(message: &str) -> (String, Vec<&str>) {
    if let Some((before, after)) = message.split_once("Question:") {
        let (question, behind) = after.split_once("\n\n").unwrap_or((after, ""));
        return (question.trim().to_owned(), vec![before, behind]);
    }
    match message.trim_end().rsplit_once('\n') {
        Some((before, question)) => (question.trim().to_owned(), vec![before]),
        None => (message.trim().to_owned(), Vec::new()),
    }
}

fn search_terms(question: &str) -> String {
    let mut terms: Vec<String> = Vec::new();
    for term in text::terms(question) {
        if terms.len() < MOST_TERMS && !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms.join(", ")
}

fn quotes(question: &str, text: &str) -> String {
    let sentences = text::sentences(text);
    let best = rank::best(
        question,
        sentences.iter().map(|s| s.text.as_str()),
        MOST_SENTENCES,
    );
    if best.is_empty() {
        return format!(
            "No sentence of the text matches the question. ({MODEL}, the built-in responder, only quotes.)"
        );
    }
    let mut answer = String::new();
    for at in best {
        let Sentence { text, file } = &sentences[at];
        answer.push_str("- ");
        answer.push_str(text);
        if let Some(file) = file {
            answer.push_str(&format!(" ({file})"));
        }
        answer.push('\n');
    }
    answer.push_str(&format!(
        "\nQuoted by {MODEL}, the built-in responder: the sentences that match best, not a language model's words."
    ));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &str, content: &str) -> Message {
        Message {
            role: role.to_owned(),
            content: content.to_owned(),
        }
    }

    #[test]
    fn a_plan_is_the_terms_of_the_question() {
        let found = answer(&[
            message("system", "Reply with search terms, comma separated."),
            message(
                "user",
                "Question: Where are killed sessions stored, and when are sessions sent?",
            ),
        ]);
        assert_eq!(found.completion, "kill, session, stor, sent");
        assert_eq!(found.completion_tokens, 7);
    }

    #[test]
    fn an_answer_quotes_the_text_names_the_file_and_says_who_speaks() {
        let found = answer(&[
            message("system", "Answer from the files alone."),
            message(
                "user",
                "Question: Where is the spool?\n\nFile a.md:\nTags are strings of the user.\nThe spool is a directory on disk.",
            ),
        ]);
        let mut lines = found.completion.lines();
        let first = lines.next().unwrap();
        assert!(
            first.ends_with("The spool is a directory on disk. (a.md)"),
            "{first}"
        );
        assert!(found.completion.contains("built-in responder"));
        assert!(found.prompt_tokens > 20);
    }

    #[test]
    fn without_a_mark_the_last_line_is_the_question() {
        let found = answer(&[message(
            "user",
            "The moon has no air at all.\nThe sun is far away from us.\nWhat about the moon?",
        )]);
        assert!(
            found
                .completion
                .starts_with("- The moon has no air at all.\n"),
            "{}",
            found.completion
        );
    }

    #[test]
    fn nothing_to_quote_is_said_plainly() {
        for messages in [vec![], vec![message("user", "Hello there")]] {
            assert!(answer(&messages).completion.starts_with("No sentence"));
        }
    }
}
