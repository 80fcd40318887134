//! An export as text, read back into what it was written from.

use agentops_protocol::accept;
use agentops_protocol::api::{Export, ExportedSession, Stats};
use agentops_protocol::{Agent, EndState, Event, SessionId, Timestamp, limits};
use anyhow::Context as _;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Text<'a> {
    session: Session,
    #[serde(borrow, default)]
    actions: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    llms: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    errors: Vec<&'a RawValue>,
    #[serde(default)]
    agents: Vec<Agent>,
    #[serde(default)]
    stats: Stats,
}

#[derive(Deserialize)]
struct Session {
    id: Option<SessionId>,
    session_id: Option<SessionId>,
    project_id: Option<String>,
    init_timestamp: Option<Timestamp>,
    end_timestamp: Option<Timestamp>,
    end_state: Option<String>,
    end_state_reason: Option<String>,
    tags: Option<Vec<String>>,
}

/// Reads an export, from whichever server it came.
pub(super) fn export(text: &str) -> anyhow::Result<Export> {
    let text: Text<'_> = serde_json::from_str(text)?;
    let session = text.session;
    let id = session
        .session_id
        .or(session.id)
        .context("its session has no id")?;
    let began = session.init_timestamp.unwrap_or(Timestamp::from_micros(0));
    let events = |raws: &[&RawValue]| -> anyhow::Result<Vec<Event>> {
        let mut events = Vec::with_capacity(raws.len());
        for raws in raws.chunks(limits::EVENTS_PER_REQUEST) {
            let bodies: Vec<&str> = raws.iter().map(|raw| raw.get()).collect();
            let body = format!("{{\"events\":[{}]}}", bodies.join(","));
            events.extend(accept::create_events(body.as_bytes(), &id, began)?);
        }
        Ok(events)
    };
    Ok(Export {
        actions: events(&text.actions)?,
        llms: events(&text.llms)?,
        tools: events(&text.tools)?,
        errors: events(&text.errors)?,
        agents: text.agents,
        threads: Vec::new(),
        stats: text.stats,
        session: ExportedSession {
            id: id.clone(),
            session_id: id.clone(),
            project_id: session.project_id.unwrap_or_default(),
            init_timestamp: began,
            end_timestamp: session.end_timestamp,
            end_state: session
                .end_state
                .and_then(|state| state.parse().ok())
                .unwrap_or(EndState::Indeterminate),
            end_state_reason: session.end_state_reason,
            tags: session.tags.unwrap_or_default(),
            host_env: None,
            video: None,
            dropped: Default::default(),
        },
    })
}
