//! The agent: plan, search, read, summarise.
//!
//! Nothing here speaks of recording but the attributes: who called whom, with what, for how long
//! and how it ended comes from them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agentops::{InSession as _, record_action};
use tokio::task::JoinSet;

use crate::llm::Llm;
use crate::tools::{Folder, Hit, ToolError};

/// Where the people who wrote the documents may have said what stands where.
const INDEX: &str = "INDEX.md";

/// More documents than this are not read to the end.
const MOST_READ: usize = 3;

/// The most of one document that goes into a prompt, in bytes.
const MOST_EXCERPT: usize = 8_000;

/// Answers a question about the documents of a folder.
#[record_action(skip(folder, llm))]
pub(crate) async fn answer(folder: &Folder, llm: &Llm, question: &str) -> anyhow::Result<String> {
    // An index would tell where to look. Few folders have one: the call fails, is recorded as a
    // failure, and the agent finds its way without.
    let index = folder.read_document(INDEX).await.ok();
    let terms = plan(llm, question).await?;
    let names = find(folder, &terms).await?;
    let mut texts: Vec<(String, String)> = index
        .map(|text| (INDEX.to_owned(), text))
        .into_iter()
        .collect();
    for name in names {
        let text = folder.read_document(&name).await?;
        texts.push((name, excerpt(&text, &terms)));
    }
    summarise(llm, question, &texts).await
}

/// Asks the model what to search for.
#[record_action(skip(llm))]
async fn plan(llm: &Llm, question: &str) -> anyhow::Result<Vec<String>> {
    let instruction = "You look things up in a folder of documents. Reply with up to six search \
        terms for the question, single words or beginnings of words, comma separated, nothing else.";
    let reply = llm
        .ask(instruction, &format!("Question: {question}"))
        .await?;
    let terms: BTreeSet<String> = reply
        .split([',', '\n'])
        .map(|term| {
            term.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
        .filter(|term| !term.is_empty())
        .take(6)
        .collect();
    Ok(terms.into_iter().collect())
}

/// Searches for all terms at once; the documents that hold the most of them, best first.
#[record_action(skip(folder))]
async fn find(folder: &Folder, terms: &[String]) -> Result<Vec<String>, ToolError> {
    let documents: Arc<[String]> = folder.list_documents()?.into();
    let mut searches = JoinSet::new();
    for term in terms {
        let (folder, documents, term) = (folder.clone(), Arc::clone(&documents), term.clone());
        let search = async move { folder.search(&term, &documents).await };
        // A spawned task is nobody's child unless it takes the current call along.
        searches.spawn(search.in_current());
    }
    Ok(best_documents(&searches.join_all().await))
}

/// Lets the model answer from what was read.
#[record_action(skip(llm, texts), fields(documents = texts.len()))]
async fn summarise(
    llm: &Llm,
    question: &str,
    texts: &[(String, String)],
) -> anyhow::Result<String> {
    let instruction = "Answer the question from the files alone, in at most three sentences, and \
        name the file of each. Say so when they do not answer it.";
    let mut request = format!("Question: {question}\n");
    for (name, text) in texts {
        request.push_str(&format!("\nFile {name}:\n{text}\n"));
    }
    Ok(llm.ask(instruction, &request).await?)
}

/// Documents by the number of terms they hold, then by their hits.
fn best_documents(searches: &[Vec<Hit>]) -> Vec<String> {
    let mut scores: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for hits in searches {
        let holding: BTreeSet<&str> = hits.iter().map(|hit| hit.document.as_str()).collect();
        for document in holding {
            let score = scores.entry(document).or_default();
            score.0 += 1;
            score.1 += hits.iter().filter(|hit| hit.document == document).count();
        }
    }
    let mut ranked: Vec<_> = scores.into_iter().collect();
    ranked.sort_by_key(|&(name, score)| (Reverse(score), name));
    ranked
        .into_iter()
        .take(MOST_READ)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The paragraphs that hold the most terms, in the order of the text, up to a size that a model
/// reads gladly.
fn excerpt(text: &str, terms: &[String]) -> String {
    let paragraphs = paragraphs(text);
    let held = |paragraph: &String| {
        let lower = paragraph.to_lowercase();
        terms
            .iter()
            .filter(|term| lower.contains(term.as_str()))
            .count()
    };
    let mut ranked: Vec<(usize, usize)> = paragraphs
        .iter()
        .map(held)
        .enumerate()
        .filter(|&(_, held)| held > 0)
        .collect();
    ranked.sort_by_key(|&(at, held)| (Reverse(held), at));
    let mut room = MOST_EXCERPT;
    ranked.retain(|&(at, _)| {
        let left = room.checked_sub(paragraphs[at].len());
        room = left.unwrap_or(room);
        left.is_some()
    });
    ranked.sort_unstable();
    let chosen: Vec<&str> = ranked
        .iter()
        .map(|&(at, _)| paragraphs[at].trim_end())
        .collect();
    chosen.join("\n\n")
}

/// Parts between empty lines; a block of code is one part, whatever stands in it.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let last = paragraphs.last_mut().expect("there is one from the start");
        if !in_code && line.trim().is_empty() {
            if !last.is_empty() {
                paragraphs.push(String::new());
            }
        } else {
            last.push_str(line);
            last.push('\n');
        }
    }
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_holds_the_paragraphs_with_the_most_terms() {
        let filler = format!("spool {}", "x".repeat(MOST_EXCERPT / 2));
        let text =
            format!("{filler}\n\nkilled spool\n\nnothing\n\n```\nkilled\n\nspool\n```\n\n{filler}");
        let terms = ["kill".to_owned(), "spool".to_owned()];
        let excerpt = excerpt(&text, &terms);
        assert!(excerpt.len() <= MOST_EXCERPT + 10);
        let parts: Vec<&str> = excerpt.split("\n\n").collect();
        assert_eq!(parts[1..], ["killed spool", "```\nkilled", "spool\n```"]);
        assert_eq!(super::excerpt("no such word", &terms), "");
    }

    #[test]
    fn the_document_with_the_most_terms_comes_first() {
        let hit = |document: &str| Hit::at(document, 1, "text");
        let searches = [
            vec![hit("a"), hit("a"), hit("b")],
            vec![hit("b")],
            vec![hit("c")],
        ];
        assert_eq!(best_documents(&searches), ["b", "a", "c"]);
    }
}
