//! What stands above every tab of a session: how it went, what it spent, where it ran.

use agentops_protocol::Json;
use agentops_protocol::api::Stats;
use agentops_store::SessionRow;
use serde_json::Value;

use crate::links::session_path;
use crate::pages::session_tags::{TagLink, tag_link};
use crate::pages::sessions;
use crate::pages::text::{self, Shown};

const REASON_BYTES: usize = 2 << 10;
const VIDEO_BYTES: usize = 2 << 10;
/// Tags shown of one session.
const TAGS: usize = 12;

/// The tabs, in their order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Timeline,
    Chat,
    Errors,
    Agents,
    Graphs,
    Logs,
    Raw,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Timeline, "timeline", "Timeline"),
        (Self::Chat, "chat", "Chat"),
        (Self::Errors, "errors", "Errors"),
        (Self::Agents, "agents", "Agents"),
        (Self::Graphs, "graphs", "Graphs"),
        (Self::Logs, "logs", "Logs"),
        (Self::Raw, "raw", "Raw"),
    ];

    /// The tab of a word; the timeline for any other.
    pub(super) fn of(word: &str) -> Self {
        let known = Self::ALL.iter().find(|(_, known, _)| *known == word);
        known.map_or(Self::Timeline, |(tab, ..)| *tab)
    }
}

/// The part above the tabs.
pub(super) struct Head {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) path: String,
    pub(super) state: &'static str,
    pub(super) is_running: bool,
    pub(super) reason: Option<Shown>,
    pub(super) started: String,
    pub(super) started_at: String,
    pub(super) ended: Option<String>,
    pub(super) tiles: Vec<Tile>,
    pub(super) host: Vec<String>,
    pub(super) tags: Vec<TagLink>,
    pub(super) more_tags: usize,
    pub(super) video: Option<Video>,
    pub(super) models: Vec<ModelLine>,
    pub(super) losses: Vec<String>,
    pub(super) tabs: Vec<TabLink>,
}

/// One number, what it is, and what is to know about it.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: String,
    pub(super) is_bad: bool,
}

pub(super) struct Video {
    pub(super) text: String,
    /// Only what a browser fetches is a link.
    pub(super) is_link: bool,
}

pub(super) struct ModelLine {
    pub(super) name: String,
    pub(super) calls: String,
    pub(super) prompt: String,
    pub(super) completion: String,
    pub(super) cost: String,
}

pub(super) struct TabLink {
    pub(super) href: String,
    pub(super) label: &'static str,
    pub(super) count: Option<String>,
    pub(super) is_here: bool,
}

impl Head {
    pub(super) fn of(row: &SessionRow, here: Tab) -> Self {
        let session = &row.session;
        let stats = &row.stats;
        let path = session_path(session.id.as_str());
        let reason = session.end_state_reason.clone();
        let losses = session.dropped.iter();
        Self {
            name: sessions::name(row),
            id: session.id.as_str().to_owned(),
            state: sessions::state(row),
            is_running: stats.status == "running",
            reason: reason
                .filter(|reason| !reason.is_empty())
                .map(|reason| text::cut(reason, REASON_BYTES)),
            started: text::time(session.init_timestamp),
            started_at: session.init_timestamp.to_string(),
            ended: session.end_timestamp.map(text::time),
            tiles: tiles(stats),
            host: session.host_env.as_ref().map(host).unwrap_or_default(),
            tags: session
                .tags
                .iter()
                .take(TAGS)
                .map(|tag| tag_link(tag))
                .collect(),
            more_tags: session.tags.len().saturating_sub(TAGS),
            video: session.video.as_deref().map(video),
            models: models(stats),
            losses: losses
                .map(|(reason, count)| {
                    format!(
                        "{} ({})",
                        text::count(*count),
                        text::brief(&reason.replace('_', " "))
                    )
                })
                .collect(),
            tabs: tabs(&path, stats, here),
            path,
        }
    }
}

fn tiles(stats: &Stats) -> Vec<Tile> {
    let tile = |name, value, note| Tile {
        name,
        value,
        note,
        is_bad: false,
    };
    let tokens = stats.prompt_tokens.saturating_add(stats.completion_tokens);
    let calls = stats.llms + stats.tools + stats.actions;
    vec![
        tile(
            "Duration",
            text::duration(text::micros(stats.duration)),
            String::new(),
        ),
        tile(
            "Cost",
            text::cost(stats.cost, stats.cost_known),
            price_note(stats),
        ),
        tile("Tokens", text::count(tokens), token_note(stats)),
        tile(
            "Calls",
            text::count(calls),
            format!(
                "{} LLM · {} · {}",
                text::count(stats.llms),
                text::counted(stats.tools, "tool"),
                text::counted(stats.actions, "action"),
            ),
        ),
        Tile {
            is_bad: stats.errors > 0,
            ..tile("Errors", text::count(stats.errors), String::new())
        },
    ]
}

fn price_note(stats: &Stats) -> String {
    match (stats.llms, stats.unpriced) {
        (0, _) => String::new(),
        (_, 0) => "as given, else by the price book".to_owned(),
        (_, unpriced) => format!("{} without a price", text::counted(unpriced, "call")),
    }
}

fn token_note(stats: &Stats) -> String {
    let mut parts = vec![
        format!("{} in", text::count(stats.prompt_tokens)),
        format!("{} out", text::count(stats.completion_tokens)),
    ];
    for (count, word) in [
        (stats.cached_read_tokens, "cached"),
        (stats.cached_write_tokens, "cache writes"),
        (stats.reasoning_tokens, "reasoning"),
    ] {
        if count > 0 {
            parts.push(format!("{} {word}", text::count(count)));
        }
    }
    parts.join(" · ")
}

fn models(stats: &Stats) -> Vec<ModelLine> {
    let models = stats.models.iter();
    let line = |(name, model): (&String, &agentops_protocol::api::ModelStats)| ModelLine {
        name: text::brief(name),
        calls: text::count(model.calls),
        prompt: text::count(model.prompt_tokens),
        completion: text::count(model.completion_tokens),
        cost: model
            .cost
            .map_or_else(|| "unknown".to_owned(), text::dollars),
    };
    models.map(line).collect()
}

/// Machine, system and SDK, as far as they were recorded.
fn host(env: &Json) -> Vec<String> {
    let env = env.to_value();
    let of = |section: &str, name: &str| {
        let value = env.get(section)?.get(name)?;
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(text::brief)
    };
    let system = [
        of("OS", "OS"),
        of("OS", "OS Release"),
        of("OS", "Architecture"),
    ];
    let system = system.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let sdk = of("SDK", "AgentOps SDK Version").map(|version| {
        let language = of("SDK", "AgentOps SDK Language").unwrap_or_else(|| "Python".to_owned());
        format!("SDK {version} ({language})")
    });
    let directory = env
        .get("Project Working Directory")
        .and_then(|section| match section {
            Value::Object(section) => section.values().next()?.as_str(),
            other => other.as_str(),
        })
        .map(text::brief);
    [of("OS", "Hostname"), Some(system), sdk, directory]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect()
}

fn video(url: &str) -> Video {
    let is_link = url.starts_with("https://") || url.starts_with("http://");
    Video {
        text: text::cut(url.to_owned(), VIDEO_BYTES).text,
        is_link,
    }
}

fn tabs(path: &str, stats: &Stats, here: Tab) -> Vec<TabLink> {
    let link = |(tab, word, label): (Tab, &str, &'static str)| {
        let count = match tab {
            Tab::Timeline => Some(stats.events),
            Tab::Chat => Some(stats.llms),
            Tab::Errors => Some(stats.errors),
            _ => None,
        };
        let href = match tab {
            Tab::Timeline => path.to_owned(),
            _ => format!("{path}?tab={word}"),
        };
        TabLink {
            href,
            label,
            count: count.map(text::count),
            is_here: tab == here,
        }
    };
    Tab::ALL.into_iter().map(link).collect()
}
