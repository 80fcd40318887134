//! Every event of a session in few bytes: columns in the order of the tree, for the script that
//! draws the timeline.
//!
//! ```text
//! start, end, now   microseconds since 1970; end: of the last event or of the session
//! names             every name once; agents: [id, name] once each
//! id depth name agent at took tokens     a number or a text for each event, in the tree's order;
//!                   `at` counts from `start`, `took` is -1 while there is no end
//! kind status       a letter for each event: a l t e, and o e p c r i u
//! cost message      what few have, by position
//! ```

use std::collections::{BTreeMap, HashMap};

use agentops_protocol::{AgentId, Event, EventBody, EventKind, ProjectId, Status, Timestamp};
use agentops_store::{EventFilter, EventRow, SessionRow};
use serde::Serialize;

use super::{MOST_EVENTS, all};
use crate::app::Storage;
use crate::error::ApiError;
use crate::pages::text;
use crate::pages::tree::tree;

#[derive(Serialize, Default)]
struct Outline<'a> {
    start: i64,
    end: i64,
    now: i64,
    running: bool,
    total: u64,
    names: Vec<String>,
    agents: Vec<(String, String)>,
    id: Vec<&'a str>,
    depth: Vec<usize>,
    name: Vec<usize>,
    agent: Vec<usize>,
    at: Vec<i64>,
    took: Vec<i64>,
    tokens: Vec<u64>,
    kind: String,
    status: String,
    cost: BTreeMap<usize, String>,
    message: BTreeMap<usize, String>,
}

/// The outline of a session, as JSON.
pub(super) fn read(
    store: &dyn Storage,
    project: &ProjectId,
    row: &SessionRow,
    now: Timestamp,
) -> Result<Vec<u8>, ApiError> {
    let id = &row.session.id;
    let mut filter = EventFilter::default();
    filter.heads_only = true;
    let rows = all(store, project, id, &filter, MOST_EVENTS)?;
    let agents = store.agents(Some(project), id)?.unwrap_or_default();
    let names = agents
        .into_iter()
        .filter_map(|agent| Some((agent.id, agent.name?)))
        .collect();
    of(row, &rows, &names, now)
}

/// The outline of these events, as JSON.
pub(super) fn of(
    session: &SessionRow,
    rows: &[EventRow],
    agent_names: &HashMap<AgentId, String>,
    now: Timestamp,
) -> Result<Vec<u8>, ApiError> {
    let start = rows.iter().map(|row| row.event.init_timestamp.as_micros());
    let start = start
        .min()
        .unwrap_or_else(|| session.session.init_timestamp.as_micros());
    let start = start.min(session.session.init_timestamp.as_micros());
    let end = session.session.end_timestamp.map(Timestamp::as_micros);
    let ends = rows.iter().map(|row| {
        let event = &row.event;
        event
            .end_timestamp
            .unwrap_or(event.init_timestamp)
            .as_micros()
    });
    let mut outline = Outline {
        start,
        end: ends.chain(end).max().unwrap_or(start).max(start),
        now: now.as_micros(),
        running: session.stats.status == "running",
        total: session.stats.events,
        ..Outline::default()
    };
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut agents: HashMap<&str, usize> = HashMap::new();
    let default = agentops_protocol::Agent::default_of(&session.session.id);
    for (position, placed) in tree(rows).into_iter().enumerate() {
        let event = &placed.row.event;
        let name = event.name().unwrap_or("unnamed");
        let known = names.len();
        let name_at = *names.entry(name).or_insert(known);
        if name_at == known {
            outline.names.push(text::brief(name));
        }
        let agent = event.agent_id.as_ref().unwrap_or(&default.id);
        let known = agents.len();
        let agent_at = *agents.entry(agent.as_str()).or_insert(known);
        if agent_at == known {
            let named = agent_names
                .get(agent)
                .or(default.name.as_ref().filter(|_| *agent == default.id));
            let label = named.map_or_else(|| text::brief(agent.as_str()), |name| text::brief(name));
            outline.agents.push((agent.as_str().to_owned(), label));
        }
        outline.push(event, placed.depth, name_at, agent_at);
        outline.note(event, position);
    }
    serde_json::to_vec(&outline).map_err(|error| ApiError::internal(&error))
}

impl<'a> Outline<'a> {
    fn push(&mut self, event: &'a Event, depth: usize, name: usize, agent: usize) {
        let took = event
            .duration_micros()
            .map(|took| i64::try_from(took).unwrap_or(i64::MAX));
        self.id.push(event.id.as_str());
        self.depth.push(depth);
        self.name.push(name);
        self.agent.push(agent);
        self.at.push(event.init_timestamp.as_micros() - self.start);
        self.took.push(took.unwrap_or(-1));
        self.tokens.push(match &event.body {
            EventBody::Llm(llm) => llm.usage.total().unwrap_or(0),
            _ => 0,
        });
        self.kind.push(match event.kind() {
            EventKind::Action => 'a',
            EventKind::Llm => 'l',
            EventKind::Tool => 't',
            EventKind::Error => 'e',
        });
        self.status.push(match event.status {
            Status::Ok => 'o',
            Status::Error => 'e',
            Status::Panicked => 'p',
            Status::Cancelled => 'c',
            Status::Running => 'r',
            Status::Interrupted => 'i',
            _ => 'u',
        });
    }

    fn note(&mut self, event: &Event, position: usize) {
        match &event.body {
            EventBody::Llm(llm) => {
                if let Some(cost) = llm.cost {
                    self.cost.insert(position, text::dollars(cost));
                }
            }
            EventBody::Error(error) => {
                if let Some(message) = error.message() {
                    self.message.insert(position, text::brief(&message));
                }
            }
            EventBody::Action(_) | EventBody::Tool(_) => {}
        }
    }
}
