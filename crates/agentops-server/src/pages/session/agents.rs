//! Who did what: the events of a session by agent.

use std::collections::HashMap;

use agentops_protocol::{Agent, Event, EventBody, EventKind, Status, Usd};
use agentops_store::EventRow;
use askama::Template;

use super::Asked;
use super::head::Head;
use super::panel::is_failure;
use crate::error::ApiError;
use crate::links::segment;
use crate::pages::shell::Shell;
use crate::pages::{Page, text};

#[derive(Template)]
#[template(path = "agents.html")]
struct AgentsPage {
    shell: Shell,
    head: Head,
    agents: Vec<AgentLine>,
}

struct AgentLine {
    name: String,
    id: String,
    href: String,
    llms: String,
    tools: String,
    actions: String,
    errors: u64,
    running: u64,
    busy: String,
    tokens: String,
    cost: String,
}

#[derive(Default)]
struct Sums {
    kinds: [u64; 4],
    errors: u64,
    running: u64,
    busy: u64,
    tokens: u64,
    cost: i64,
    unpriced: u64,
}

pub(super) fn page(asked: Asked<'_>) -> Result<Page, ApiError> {
    let rows = asked.heads()?;
    let known = asked.store.agents(Some(asked.project), asked.id)?;
    let known = known.unwrap_or_default();
    let default = Agent::default_of(asked.id);
    let mut sums = sums(&rows, &default);
    let mut order: Vec<String> = known.iter().map(|agent| agent.id.to_string()).collect();
    for row in &rows {
        let id = agent_of(&row.event, &default);
        if !order.iter().any(|known| known == id) {
            order.push(id.to_owned());
        }
    }
    let name = |id: &str| {
        let named = known.iter().find(|agent| agent.id.as_str() == id);
        let named = named.and_then(|agent| agent.name.as_deref());
        let default = (id == default.id.as_str()).then_some("Default agent");
        text::brief(named.or(default).unwrap_or(id))
    };
    let path = &asked.head.path;
    let agents = order
        .iter()
        .map(|id| line(path, id, name(id), sums.remove(id).unwrap_or_default()))
        .collect();
    Page::of(&AgentsPage {
        shell: asked.shell()?,
        agents,
        head: asked.head,
    })
}

fn agent_of<'a>(event: &'a Event, default: &'a Agent) -> &'a str {
    event.agent_id.as_ref().unwrap_or(&default.id).as_str()
}

fn sums(rows: &[EventRow], default: &Agent) -> HashMap<String, Sums> {
    let agents: HashMap<&str, &str> = rows
        .iter()
        .map(|row| (row.event.id.as_str(), agent_of(&row.event, default)))
        .collect();
    let mut sums: HashMap<String, Sums> = HashMap::new();
    for row in rows {
        let event = &row.event;
        let agent = agent_of(event, default);
        let sum = sums.entry(agent.to_owned()).or_default();
        sum.kinds[kind_index(event.kind())] += 1;
        sum.errors += u64::from(event.kind() == EventKind::Error || is_failure(&event.status));
        sum.running += u64::from(event.status == Status::Running);
        let parent = event.parent_id.as_ref();
        let above = parent.and_then(|parent| agents.get(parent.as_str()));
        // What happens inside a call of the same agent is part of that call's time.
        if above != Some(&agent) {
            sum.busy = sum
                .busy
                .saturating_add(event.duration_micros().unwrap_or(0));
        }
        if let EventBody::Llm(llm) = &event.body {
            sum.tokens = sum.tokens.saturating_add(llm.usage.total().unwrap_or(0));
            match llm.cost {
                Some(cost) => sum.cost = sum.cost.saturating_add(cost.as_picos()),
                None => sum.unpriced += 1,
            }
        }
    }
    sums
}

fn kind_index(kind: EventKind) -> usize {
    match kind {
        EventKind::Action => 0,
        EventKind::Llm => 1,
        EventKind::Tool => 2,
        EventKind::Error => 3,
    }
}

fn line(path: &str, id: &str, name: String, sums: Sums) -> AgentLine {
    let known = Usd::from_picos(sums.cost);
    AgentLine {
        name,
        id: text::brief(id),
        href: format!("{path}#agent={}", segment(id)),
        actions: text::count(sums.kinds[0]),
        llms: text::count(sums.kinds[1]),
        tools: text::count(sums.kinds[2]),
        errors: sums.errors,
        running: sums.running,
        busy: text::duration(sums.busy),
        tokens: text::count(sums.tokens),
        cost: text::cost((sums.unpriced == 0).then_some(known), known),
    }
}
