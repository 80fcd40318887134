//! What was recorded, as it was: the session's fields, its logs, and everything to take away.

use agentops_protocol::Json;
use agentops_store::SessionRow;
use askama::Template;

use super::Asked;
use super::head::Head;
use crate::error::ApiError;
use crate::pages::html::Html;
use crate::pages::shell::Shell;
use crate::pages::text::{self, Shown};
use crate::pages::{Page, value};

/// What is shown of the log.
const LOG_BYTES: usize = 1 << 20;
/// What is shown of one agent's log.
const AGENT_LOG_BYTES: usize = 64 << 10;

#[derive(Template)]
#[template(path = "logs.html")]
struct LogsPage {
    shell: Shell,
    head: Head,
    logs: Option<Shown>,
    agents: Vec<(String, Shown)>,
}

#[derive(Template)]
#[template(path = "raw.html")]
struct RawPage {
    shell: Shell,
    head: Head,
    session: Html,
    stats: Html,
}

/// The session's log and those of its agents.
pub(super) fn logs(asked: Asked<'_>) -> Result<Page, ApiError> {
    let project = Some(asked.project);
    let logs = asked.store.logs(project, asked.id)?;
    let agents = asked.store.agents(project, asked.id)?.unwrap_or_default();
    let agents = agents.into_iter().filter_map(|agent| {
        let logs = agent.logs.filter(|logs| !logs.is_null())?;
        let name = text::brief(agent.name.as_deref().unwrap_or(agent.id.as_str()));
        Some((name, text::value(&logs, AGENT_LOG_BYTES)))
    });
    Page::of(&LogsPage {
        shell: asked.shell()?,
        logs: logs
            .filter(|logs| !logs.is_empty())
            .map(|logs| text::cut(logs, LOG_BYTES)),
        agents: agents.collect(),
        head: asked.head,
    })
}

/// The session's fields, and the ways to download and to delete it.
pub(super) fn page(asked: Asked<'_>, row: &SessionRow) -> Result<Page, ApiError> {
    let tree = |value: Result<Json, agentops_protocol::JsonError>| {
        value
            .map(|json| value::tree(&json))
            .map_err(|error| ApiError::internal(&error))
    };
    Page::of(&RawPage {
        shell: asked.shell()?,
        session: tree(Json::of(&row.session))?,
        stats: tree(Json::of(&row.stats))?,
        head: asked.head,
    })
}
