//! An answer while it passes: decoded, split, read.

use std::time::{Duration, Instant};

use agentops_core::llm::{Answer, Format, ProviderError};
use serde_json::{Map, Value};

use crate::encoding::Encoding;
use crate::framing::{Found, Framing, Splitter};
use crate::provider::Provider;

/// What is known of a response's head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) encoding: Option<&'a str>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    started: Instant,
    streamed: bool,
    encoding: Encoding,
    /// `None`: its content type is none that is read.
    splitter: Option<Splitter>,
    content_type: Option<String>,
    answer: Answer,
    first_token: Option<Duration>,
    /// What the provider says of an answer with an error status.
    refused: Option<ProviderError>,
    done: bool,
    unread: u64,
}

impl Reply {
    /// An answer begins to a request that was sent at `started`.
    pub(crate) fn new(head: Head<'_>, format: Format, listed: bool, started: Instant) -> Self {
        let framing = Framing::of(head.content_type, listed);
        Self {
            status: head.status,
            started,
            streamed: matches!(
                framing,
                Some(Framing::Events | Framing::Lines | Framing::Items)
            ),
            encoding: Encoding::of(head.encoding),
            splitter: framing.map(Splitter::new),
            content_type: head
                .content_type
                .map(|kind| kind.chars().take(128).collect()),
            answer: Answer::new(format),
            first_token: None,
            refused: None,
            done: false,
            unread: 0,
        }
    }

    /// The next piece of the body.
    pub(crate) fn push(&mut self, piece: &[u8], provider: &dyn Provider) {
        let Some(splitter) = &mut self.splitter else {
            return;
        };
        let mut sink = Sink {
            answer: &mut self.answer,
            refused: &mut self.refused,
            done: &mut self.done,
            unread: &mut self.unread,
            failed: self.status >= 400,
            provider,
        };
        self.encoding.push(piece, &mut |decoded| {
            splitter.push(decoded, &mut |found| sink.take(found));
        });
        if self.streamed && self.first_token.is_none() && self.answer.has_content() {
            self.first_token = Some(self.started.elapsed());
        }
    }

    /// The body has ended, or no more of it will come.
    pub(crate) fn end(&mut self, provider: &dyn Provider) {
        let Some(splitter) = &mut self.splitter else {
            return;
        };
        let mut sink = Sink {
            answer: &mut self.answer,
            refused: &mut self.refused,
            done: &mut self.done,
            unread: &mut self.unread,
            failed: self.status >= 400,
            provider,
        };
        splitter.end(&mut |found| sink.take(found));
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }

    pub(crate) fn first_token(&self) -> Option<Duration> {
        self.first_token
    }

    /// Whether it is whole: its end has been said, whatever still comes.
    pub(crate) fn is_whole(&self) -> bool {
        self.done || self.answer.is_done()
    }

    /// What the provider says went wrong.
    pub(crate) fn error(&self) -> Option<ProviderError> {
        if let Some(error) = self.refused.as_ref().or(self.answer.error()) {
            return Some(error.clone());
        }
        if self.status < 400 {
            return None;
        }
        let text = self.splitter.as_ref().map(Splitter::text);
        let text =
            text.filter(|text| !text.is_empty() && matches!(self.encoding, Encoding::Identity));
        Some(ProviderError::new(
            text.unwrap_or_else(|| "the answer was not read".to_owned()),
        ))
    }

    /// What is worth knowing beside the completion.
    pub(crate) fn details(&self) -> Map<String, Value> {
        let mut details = match self.answer.details() {
            Some(Value::Object(details)) => details,
            _ => Map::new(),
        };
        let mut put = |key: &str, value: Value| details.insert(key.to_owned(), value);
        if self.streamed && !self.is_whole() {
            put("complete", false.into());
        }
        if let Some(encoding) = self.encoding.unread() {
            put(
                "not_read",
                format!("the body is encoded: {encoding}").into(),
            );
        } else if self.splitter.is_none() {
            let kind = self.content_type.as_deref().unwrap_or("unknown");
            put("not_read", format!("the body is of type {kind}").into());
        } else if self.unread > 0 && self.status < 400 {
            put(
                "not_read",
                format!("{} parts of the body", self.unread).into(),
            );
        }
        details
    }
}

/// Takes what was found to where it belongs.
struct Sink<'a> {
    answer: &'a mut Answer,
    refused: &'a mut Option<ProviderError>,
    done: &'a mut bool,
    unread: &'a mut u64,
    failed: bool,
    provider: &'a dyn Provider,
}

impl Sink<'_> {
    fn take(&mut self, found: Found) {
        match found {
            Found::Value(json) if self.failed => {
                let found = ProviderError::of_body(&self.provider.answer(json));
                *self.refused = self.refused.take().or(found);
            }
            Found::Value(json) => self.answer.read(&self.provider.answer(json)),
            Found::Done => *self.done = true,
            Found::Unread => *self.unread += 1,
        }
    }
}
