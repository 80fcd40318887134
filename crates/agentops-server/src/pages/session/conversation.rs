//! The LLM calls of a session as one conversation, read from top to bottom: what a call repeats
//! of the one before it is not shown again.

use std::collections::HashMap;

use agentops_protocol::{EventBody, EventKind};
use agentops_store::{Cursor, EventFilter, EventRow, PageSize};
use askama::Template;

use super::Asked;
use super::head::Head;
use crate::error::ApiError;
use crate::links::segment;
use crate::pages::html::Html;
use crate::pages::messages::{Message, messages};
use crate::pages::shell::Shell;
use crate::pages::{Page, chat, markup, text};

/// Calls on one page.
const CALLS: u64 = 50;

#[derive(Template)]
#[template(path = "chat.html")]
struct ChatPage {
    shell: Shell,
    head: Head,
    turns: Vec<Turn>,
    next: Option<String>,
    first: Option<String>,
}

/// One call.
struct Turn {
    href: String,
    model: String,
    at: String,
    spent: String,
    mark: &'static str,
    status: String,
    repeated: usize,
    chat: Html,
}

pub(super) fn page(asked: Asked<'_>) -> Result<Page, ApiError> {
    let mut filter = EventFilter::default();
    filter.kind = Some(EventKind::Llm);
    let size = PageSize::new(CALLS).unwrap_or(PageSize::DEFAULT);
    let cursor = asked.cursor.as_ref();
    let page = asked
        .store
        .events(Some(asked.project), asked.id, &filter, size, cursor)?
        .ok_or_else(ApiError::no_session)?;
    let path = &asked.head.path;
    let view = ChatPage {
        shell: asked.shell()?,
        turns: turns(page.rows, path),
        next: page
            .next
            .map(|Cursor(next)| format!("{path}?tab=chat&cursor={}", segment(&next))),
        first: cursor.map(|_| format!("{path}?tab=chat")),
        head: asked.head,
    };
    Page::of(&view)
}

fn turns(rows: Vec<EventRow>, path: &str) -> Vec<Turn> {
    // What each agent's last call said and was told.
    let mut before: HashMap<String, Vec<Message>> = HashMap::new();
    let mut turns = Vec::with_capacity(rows.len());
    for row in rows {
        let mut event = row.event;
        event.spell_out();
        let EventBody::Llm(llm) = &event.body else {
            continue;
        };
        let agent = event.agent_id.as_ref().map(ToString::to_string);
        let mut told = Vec::new();
        told.extend(
            llm.prompt
                .iter()
                .flat_map(|prompt| messages(prompt, "user")),
        );
        told.extend(
            llm.completion
                .iter()
                .flat_map(|told| messages(told, "assistant")),
        );
        let before = before.entry(agent.unwrap_or_default()).or_default();
        let same = before.iter().zip(&told).take_while(|(a, b)| a == b).count();
        // A call that shares only its instructions begins anew.
        let repeated = if same > 1 && same < told.len() {
            same
        } else {
            0
        };
        let mut spent: Vec<String> = Vec::new();
        spent.extend(event.duration_micros().map(text::duration));
        spent.extend(
            llm.usage
                .total()
                .map(|tokens| text::counted(tokens, "token")),
        );
        spent.extend(llm.cost.map(text::dollars));
        turns.push(Turn {
            href: format!("{path}?event={}#panel", segment(event.id.as_str())),
            model: text::brief(llm.model.as_deref().unwrap_or("unnamed")),
            at: text::time(event.init_timestamp),
            spent: spent.join(" · "),
            mark: markup::mark(&event.status),
            status: text::brief(event.status.as_str()),
            repeated,
            chat: chat::conversation(&told[repeated..]),
        });
        *before = told;
    }
    turns
}
