//! Prompts into sentences, terms and tokens.
//!
//! It reads prose as it stands in notes and Markdown: wrapped lines are joined, list items and
//! table rows stand alone, headings and code blocks are no sentences.

/// Words that say nothing about what a question is about.
const STOP_WORDS: &[&str] = &[
    "about", "after", "all", "also", "and", "any", "are", "been", "but", "can", "could", "did",
    "does", "else", "for", "from", "had", "happen", "happened", "happens", "has", "have", "her",
    "his", "how", "into", "its", "may", "more", "most", "not", "one", "only", "our", "out", "over",
    "shall", "she", "should", "some", "such", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "under", "upon", "very", "was", "were", "what",
    "when", "where", "which", "while", "who", "why", "will", "with", "would", "you", "your",
];

/// Words that end with a full stop without ending a sentence.
const ABBREVIATIONS: &[&str] = &["e.g", "i.e", "etc", "vs", "cf", "approx", "no", "Mr", "Dr"];

/// A sentence below this many tokens is a label, not a statement.
const SHORTEST_SENTENCE: usize = 5;

/// One sentence of a prompt and the file it stands in, when the prompt names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) text: String,
    pub(crate) file: Option<String>,
}

/// The number of tokens of a text, by the rule of `extractive-1`: a run of letters, digits and
/// underscores is one token, and so is every other visible character.
///
/// ```
/// assert_eq!(agentops_examples::count_tokens("It's 4 words, no?"), 8);
/// ```
#[must_use]
pub fn count_tokens(text: &str) -> u64 {
    let mut tokens = 0;
    let mut inside_word = false;
    for letter in text.chars() {
        let is_word = is_word(letter);
        let goes_on = is_word && inside_word;
        tokens += u64::from(!goes_on && !letter.is_whitespace());
        inside_word = is_word;
    }
    tokens
}

/// The words of a text that carry meaning, reduced to their stems, in order.
pub(crate) fn terms(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter| !is_word(letter))
        .filter(|word| word.chars().count() > 2)
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .map(|word| stem(&word).to_owned())
}

/// The sentences of a prompt. A line `File NAME:` opens the text of a file.
pub(crate) fn sentences(prompt: &str) -> Vec<Sentence> {
    let mut found = Found::default();
    let mut in_code = false;
    for line in prompt.lines().map(str::trim) {
        if line.starts_with("```") {
            in_code = !in_code;
            found.close();
        } else if in_code {
            continue;
        } else if let Some(file) = opened_file(line) {
            found.close();
            found.file = Some(file.to_owned());
        } else if line.is_empty() || line.starts_with('#') || is_rule(line) {
            found.close();
        } else if let Some(row) = table_row(line) {
            found.close();
            found.paragraph = row;
            found.close();
        } else if let Some(item) = list_item(line) {
            found.close();
            item.clone_into(&mut found.paragraph);
        } else {
            if !found.paragraph.is_empty() {
                found.paragraph.push(' ');
            }
            found.paragraph.push_str(line);
        }
    }
    found.close();
    found.sentences
}

/// What has been read so far, and the paragraph being read.
#[derive(Default)]
struct Found {
    sentences: Vec<Sentence>,
    paragraph: String,
    file: Option<String>,
}

impl Found {
    fn close(&mut self) {
        for sentence in split_paragraph(&self.paragraph) {
            if count_tokens(sentence) >= SHORTEST_SENTENCE as u64 {
                self.sentences.push(Sentence {
                    text: sentence.replace("**", ""),
                    file: self.file.clone(),
                });
            }
        }
        self.paragraph.clear();
    }
}

/// Splits where a sentence ends: at a mark, with nothing but closing signs up to the next space,
/// and with a beginning behind it.
fn split_paragraph(paragraph: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, space) in paragraph.char_indices() {
        if !space.is_whitespace() {
            continue;
        }
        let before = paragraph[start..at].trim_end_matches(['"', '\'', ')', ']', '*', '_', '”']);
        let ends = before.ends_with(['.', '!', '?']) && !ends_abbreviated(before);
        let begins = paragraph[at..]
            .trim_start()
            .starts_with(|c: char| !c.is_lowercase());
        if ends && begins {
            parts.push(paragraph[start..at].trim());
            start = at;
        }
    }
    parts.push(paragraph[start..].trim());
    parts
}

fn ends_abbreviated(text: &str) -> bool {
    let text = text.trim_end_matches('.');
    let word = text.rsplit([' ', '(']).next().unwrap_or(text);
    ABBREVIATIONS.contains(&word)
}

fn opened_file(line: &str) -> Option<&str> {
    let name = line.strip_prefix("File ")?.strip_suffix(':')?;
    (!name.is_empty()).then_some(name)
}

fn is_rule(line: &str) -> bool {
    line.chars()
        .all(|c| matches!(c, '-' | '=' | '|' | ':' | ' '))
}

fn table_row(line: &str) -> Option<String> {
    let cells = line.strip_prefix('|')?.trim_end_matches('|').split('|');
    let cells: Vec<&str> = cells.map(str::trim).filter(|c| !c.is_empty()).collect();
    Some(cells.join(": "))
}

fn list_item(line: &str) -> Option<&str> {
    let text = line.strip_prefix(['-', '*', '+']).or_else(|| {
        line.trim_start_matches(|c: char| c.is_ascii_digit())
            .strip_prefix('.')
    })?;
    text.starts_with(' ').then(|| text.trim_start())
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Takes off the common English endings. The stem is always a beginning of the word, so that it
/// also serves as a search term.
fn stem(word: &str) -> &str {
    let stem = without_ending(word);
    // "stored" and "store" meet without the e.
    match stem.strip_suffix('e') {
        Some(shorter) if shorter.chars().count() >= 4 => shorter,
        _ => stem,
    }
}

fn without_ending(word: &str) -> &str {
    for (ending, shortest) in [("ing", 4), ("ies", 3), ("ed", 4), ("es", 4), ("s", 3)] {
        let Some(stem) = word.strip_suffix(ending) else {
            continue;
        };
        let is_ending = match ending {
            // "boxes" but not "names".
            "es" => stem.ends_with(['s', 'x', 'z', 'h']),
            // "names" but not "process", "status", "this".
            "s" => !stem.ends_with(['s', 'u', 'i']),
            _ => true,
        };
        if is_ending && stem.chars().count() >= shortest {
            return stem;
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prompt: &str, expected: &[&str]) {
        let found = sentences(prompt);
        let texts: Vec<&str> = found.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn wrapped_lines_are_joined_and_split_at_sentence_ends() {
        check(
            "**One sentence** that is\nwrapped here. Another one, e.g. This, goes on! (And a third one.) Last one has no mark",
            &[
                "One sentence that is wrapped here.",
                "Another one, e.g. This, goes on!",
                "(And a third one.)",
                "Last one has no mark",
            ],
        );
    }

    #[test]
    fn markdown_parts_stand_alone() {
        check(
            "# A heading of some length here\n- first item with some words\n- second item with some words\n```\nlet code = is_no_sentence();\n```\n| name | what it means for us |\n|---|---|\n1. a numbered item of words",
            &[
                "first item with some words",
                "second item with some words",
                "name: what it means for us",
                "a numbered item of words",
            ],
        );
    }

    #[test]
    fn a_file_line_names_the_source() {
        let found = sentences(
            "File a.md:\nThe first file says this.\n\nFile b.md:\nThe second one says that.",
        );
        let files: Vec<_> = found.iter().map(|s| s.file.as_deref()).collect();
        assert_eq!(files, [Some("a.md"), Some("b.md")]);
    }

    #[test]
    fn terms_are_stems_without_stop_words() {
        let found: Vec<_> =
            terms("What happens to the recorded events when processes are killed?").collect();
        assert_eq!(found, ["record", "event", "process", "kill"]);
    }

    #[test]
    fn stems_begin_their_words() {
        for word in [
            "queries",
            "names",
            "running",
            "boxes",
            "status",
            "process",
            "bus",
            "ünïcödes",
        ] {
            assert!(word.starts_with(stem(word)), "{word} -> {}", stem(word));
        }
        assert_eq!(stem("names"), "name");
        assert_eq!(stem("status"), "status");
        assert_eq!(stem("stored"), stem("store"));
        assert_eq!(stem("prices"), stem("price"));
    }

    #[test]
    fn tokens_are_words_and_marks() {
        assert_eq!(count_tokens(""), 0);
        assert_eq!(count_tokens("  \n"), 0);
        assert_eq!(count_tokens("agentops::init(config);"), 8);
        assert_eq!(count_tokens("snake_case is one token"), 4);
        assert_eq!(count_tokens("日本語 ok"), 2);
    }
}
