//! Sentences against a question.
//!
//! Okapi BM25 with a sentence as the document: a term counts more the rarer it is in the text, less
//! with every repetition, and less in a long sentence. A sentence that repeats a better one is left out.

use std::collections::{HashMap, HashSet};

use crate::text;

/// How soon repetitions of a term stop to count.
const SATURATION: f64 = 1.2;

/// How much a sentence's length counts.
const LENGTH_WEIGHT: f64 = 0.75;

/// Beneath this part of the best score a sentence is about something else.
const LEAST_PART_OF_BEST: f64 = 0.4;

/// Two sentences sharing this part of their terms say the same.
const SAME_SAYING: f64 = 0.6;

/// The places of the sentences that answer best, best first, at most `limit`.
pub(crate) fn best<'a>(
    question: &str,
    sentences: impl Iterator<Item = &'a str>,
    limit: usize,
) -> Vec<usize> {
    let documents: Vec<Document> = sentences.map(Document::new).collect();
    let asked: HashSet<String> = text::terms(question).collect();
    let mut scored: Vec<(usize, f64)> = scores(&asked, &documents)
        .into_iter()
        .enumerate()
        .filter(|&(_, score)| score > 0.0)
        .collect();
    // Equal scores keep the order of the text, so that the same prompt gives the same answer.
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let least = scored
        .first()
        .map_or(0.0, |best| best.1 * LEAST_PART_OF_BEST);
    let mut chosen: Vec<usize> = Vec::new();
    for (at, score) in scored {
        if chosen.len() == limit || score < least {
            break;
        }
        if !chosen
            .iter()
            .any(|&other| documents[other].overlap(&documents[at]) > SAME_SAYING)
        {
            chosen.push(at);
        }
    }
    chosen
}

/// A sentence as a bag of terms.
struct Document {
    counts: HashMap<String, u32>,
    length: u32,
}

impl Document {
    fn new(sentence: &str) -> Self {
        let mut counts = HashMap::new();
        let mut length = 0;
        for term in text::terms(sentence) {
            *counts.entry(term).or_insert(0) += 1;
            length += 1;
        }
        Self { counts, length }
    }

    /// The part of the terms of both that is common to both.
    fn overlap(&self, other: &Self) -> f64 {
        let common = self
            .counts
            .keys()
            .filter(|&term| other.counts.contains_key(term))
            .count();
        let all = self.counts.len() + other.counts.len() - common;
        if all == 0 {
            0.0
        } else {
            common as f64 / all as f64
        }
    }
}

fn scores(asked: &HashSet<String>, documents: &[Document]) -> Vec<f64> {
    let total = documents.len() as f64;
    let lengths: u32 = documents.iter().map(|document| document.length).sum();
    let mean_length = (f64::from(lengths) / total).max(1.0);
    let mut scores = vec![0.0; documents.len()];
    for term in asked {
        let holding = documents
            .iter()
            .filter(|d| d.counts.contains_key(term))
            .count() as f64;
        let rarity = (1.0 + (total - holding + 0.5) / (holding + 0.5)).ln();
        for (score, document) in scores.iter_mut().zip(documents) {
            let count = f64::from(document.counts.get(term).copied().unwrap_or(0));
            let length = f64::from(document.length) / mean_length;
            let damping = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * length);
            *score += rarity * count * (SATURATION + 1.0) / (count + damping);
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[&str] = &[
        "The server keeps its database beside the spool.",
        "Tags sort sessions by purpose.",
        "The price of a model comes from a table of prices.",
        "A killed process keeps its events in the spool.",
        "The spool keeps a killed process and its events.",
    ];

    #[test]
    fn the_sentence_with_the_rare_terms_wins_and_its_twin_is_left_out() {
        let found = best("What becomes of a killed process?", TEXT.iter().copied(), 3);
        assert_eq!(found, [3]);
    }

    #[test]
    fn a_question_without_an_answer_finds_nothing() {
        assert!(best("Who won the cup?", TEXT.iter().copied(), 3).is_empty());
        assert!(best("", TEXT.iter().copied(), 3).is_empty());
        assert!(best("anything", std::iter::empty(), 3).is_empty());
    }

    #[test]
    fn the_limit_holds() {
        let found = best("spool tags price server", TEXT.iter().copied(), 2);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_rare_term_outweighs_a_common_one() {
        let text = ["apple pear", "apple plum", "apple quince", "fig nut"];
        let found = best("quince apple", text.into_iter(), 1);
        assert_eq!(found, [2]);
    }
}
