//! One event, whole: what went in, what came out, how it ended, and what that led to.

use agentops_protocol::api::ExportedSession;
use agentops_protocol::{ErrorInfo, Event, EventBody, EventId, EventKind, Json, ProjectId, Status};
use agentops_store::{EventFilter, PageSize};
use askama::Template;

use crate::app::Storage;
use crate::error::ApiError;
use crate::links::{segment, session_path};
use crate::pages::html::Html;
use crate::pages::messages::{Message, messages};
use crate::pages::{chat, markup, text, value};

/// Bytes of a value that can be copied from its panel.
const SOURCE_BYTES: usize = 256 << 10;
const MESSAGE_BYTES: usize = 16 << 10;
/// The longest picture that is shown where it stands.
const PICTURE_BYTES: usize = 8 << 20;

/// The panel of an event.
#[derive(Template)]
#[template(path = "panel.html")]
pub(super) struct Panel {
    pub(super) id: String,
    pub(super) session_path: String,
    pub(super) api: String,
    pub(super) kind: &'static str,
    pub(super) kind_label: &'static str,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) mark: &'static str,
    pub(super) facts: Vec<Fact>,
    pub(super) failure: Option<Failure>,
    pub(super) errors: Vec<Link>,
    pub(super) chat: Option<Html>,
    pub(super) screenshot: Option<Screenshot>,
    pub(super) sections: Vec<Section>,
}

pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) href: Option<String>,
    /// The event that the link leads to.
    pub(super) event: Option<String>,
}

/// What an error event says.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) location: String,
    pub(super) code: String,
    pub(super) chain: Vec<String>,
    pub(super) trigger: Option<Link>,
}

/// Another event.
pub(super) struct Link {
    pub(super) href: String,
    pub(super) id: String,
    pub(super) text: String,
    pub(super) kind: &'static str,
}

/// A picture of a screen, as far as it may be shown.
pub(super) enum Screenshot {
    /// Ours, or inside the event.
    Here(String),
    /// Elsewhere: loads when somebody asks for it.
    Elsewhere(String),
    /// No picture.
    Text(String),
}

/// A recorded value.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) tree: Html,
    /// The value itself, to be copied; empty where it is too long.
    pub(super) source: String,
}

/// The panel of an event of that id; `None` when there is none.
pub(super) fn of_event(
    store: &dyn Storage,
    project: &ProjectId,
    session: &ExportedSession,
    id: &str,
) -> Result<Option<Panel>, ApiError> {
    let Ok(id) = id.parse::<EventId>() else {
        return Ok(None);
    };
    let Some(event) = store.event(Some(project), &session.id, &id)? else {
        return Ok(None);
    };
    let trigger = match &event.body {
        EventBody::Error(error) => error.trigger_event_id.as_ref(),
        _ => None,
    };
    let trigger = trigger
        .map(|id| store.event(Some(project), &session.id, id))
        .transpose()?
        .flatten();
    let mut filter = EventFilter::default();
    filter.kind = Some(EventKind::Error);
    filter.heads_only = true;
    let errors = store.events(Some(project), &session.id, &filter, PageSize::MAX, None)?;
    let errors = errors.map(|page| page.rows).unwrap_or_default();
    let errors: Vec<&Event> = errors
        .iter()
        .map(|row| &row.event)
        .filter(|error| befell(error, &event))
        .collect();
    Ok(Some(view(event, session, trigger.as_ref(), &errors)))
}

/// Whether this is an error of that event.
pub(super) fn befell(error: &Event, event: &Event) -> bool {
    match &error.body {
        EventBody::Error(info) => info.trigger_event_id.as_ref() == Some(&event.id),
        _ => false,
    }
}

/// The panel of an event, with the event that an error befell and the errors that befell it.
pub(super) fn view(
    mut event: Event,
    session: &ExportedSession,
    trigger: Option<&Event>,
    errors: &[&Event],
) -> Panel {
    event.spell_out();
    let path = session_path(session.id.as_str());
    let id = event.id.as_str().to_owned();
    let failure = match &event.body {
        EventBody::Error(error) => Some(failure(error, &path, trigger)),
        _ => None,
    };
    let (chat, screenshot) = match &event.body {
        EventBody::Llm(llm) => (
            conversation(llm.prompt.as_ref(), llm.completion.as_ref()),
            None,
        ),
        EventBody::Action(action) => (None, action.screenshot.as_deref().map(screenshot)),
        _ => (None, None),
    };
    Panel {
        api: format!("/v2{path}/events/{}", segment(&id)),
        kind: event.kind().as_str(),
        kind_label: markup::label(event.kind()),
        name: text::brief(event.name().unwrap_or("unnamed")),
        status: text::brief(event.status.as_str()),
        mark: markup::mark(&event.status),
        facts: facts(&event, session, &path),
        failure,
        errors: errors.iter().map(|error| link(&path, error)).collect(),
        chat,
        screenshot,
        sections: sections(&event),
        session_path: path,
        id,
    }
}

fn facts(event: &Event, session: &ExportedSession, path: &str) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |name, value: String| {
        facts.push(Fact {
            name,
            value,
            href: None,
            event: None,
        });
    };
    if let Some(took) = event
        .duration_micros()
        .filter(|_| event.kind() != EventKind::Error)
    {
        fact("Duration", text::duration(took));
    }
    let since = event.init_timestamp.as_micros() - session.init_timestamp.as_micros();
    let sign = if since < 0 { "−" } else { "+" };
    fact(
        "Began",
        format!(
            "{sign}{} · {} UTC",
            text::duration(since.unsigned_abs()),
            text::time(event.init_timestamp)
        ),
    );
    if let EventBody::Llm(llm) = &event.body {
        let usage = &llm.usage;
        for (name, tokens) in [
            ("Prompt tokens", usage.prompt),
            ("of them cached", usage.cached_read),
            ("written to cache", usage.cached_write),
            ("Completion tokens", usage.completion),
            ("of them reasoning", usage.reasoning),
        ] {
            if let Some(tokens) = tokens {
                fact(name, text::count(tokens));
            }
        }
        fact(
            "Cost",
            llm.cost.map_or_else(|| "unknown".to_owned(), text::dollars),
        );
        if let Some(first) = llm.time_to_first_token_us {
            fact("First token", text::duration(first));
        }
    }
    if let Some(agent) = &event.agent_id {
        facts.push(Fact {
            name: "Agent",
            value: text::brief(agent.as_str()),
            href: Some(format!("{path}?tab=agents")),
            event: None,
        });
    }
    if let Some(parent) = &event.parent_id {
        facts.push(Fact {
            name: "Inside",
            value: text::brief(parent.as_str()),
            href: Some(format!("{path}?event={}#panel", segment(parent.as_str()))),
            event: Some(parent.as_str().to_owned()),
        });
    }
    facts
}

fn failure(error: &ErrorInfo, path: &str, trigger: Option<&Event>) -> Failure {
    let details = error
        .details
        .as_ref()
        .map(Json::to_value)
        .unwrap_or_default();
    let text_of = |name: &str| {
        let text = details.get(name).and_then(serde_json::Value::as_str);
        text.map(text::brief).unwrap_or_default()
    };
    let chain = details.get("chain").and_then(serde_json::Value::as_array);
    let chain = chain.into_iter().flatten().take(50);
    let missing = error
        .trigger_event_id
        .as_ref()
        .filter(|_| trigger.is_none());
    Failure {
        message: text::cut(error.message().unwrap_or_default(), MESSAGE_BYTES).text,
        location: text_of("location"),
        code: error
            .code
            .as_ref()
            .filter(|code| !code.is_null())
            .map(|code| text::value(code, 1 << 10).text)
            .unwrap_or_default(),
        chain: chain
            .filter_map(|cause| cause.as_str())
            .map(|cause| text::cut(cause.to_owned(), MESSAGE_BYTES).text)
            .collect(),
        trigger: trigger.map(|trigger| link(path, trigger)).or_else(|| {
            missing.map(|id| Link {
                href: format!("{path}?event={}#panel", segment(id.as_str())),
                id: id.as_str().to_owned(),
                text: text::brief(id.as_str()),
                kind: "actions",
            })
        }),
    }
}

pub(super) fn link(path: &str, event: &Event) -> Link {
    let text = match &event.body {
        EventBody::Error(error) => {
            let kind = event.name().unwrap_or("error");
            format!("{kind}: {}", error.message().unwrap_or_default())
        }
        _ => event.name().unwrap_or("unnamed").to_owned(),
    };
    Link {
        href: format!("{path}?event={}#panel", segment(event.id.as_str())),
        id: event.id.as_str().to_owned(),
        text: text::brief(&text),
        kind: event.kind().as_str(),
    }
}

/// Prompt and answer as a conversation.
pub(super) fn conversation(prompt: Option<&Json>, completion: Option<&Json>) -> Option<Html> {
    let mut told: Vec<Message> = Vec::new();
    told.extend(
        prompt
            .map(|prompt| messages(prompt, "user"))
            .unwrap_or_default(),
    );
    let answer = completion.map(|answer| messages(answer, "assistant"));
    told.extend(answer.unwrap_or_default());
    (!told.is_empty()).then(|| chat::conversation(&told))
}

fn screenshot(given: &str) -> Screenshot {
    let is_picture = ["data:image/png;base64,", "data:image/jpeg;base64,"]
        .iter()
        .any(|kind| given.starts_with(kind));
    if is_picture && given.len() <= PICTURE_BYTES || given.starts_with("/v2/") {
        return Screenshot::Here(given.to_owned());
    }
    if given.starts_with("https://") || given.starts_with("http://") {
        return Screenshot::Elsewhere(text::cut(given.to_owned(), 2 << 10).text);
    }
    Screenshot::Text(text::cut(given.to_owned(), 2 << 10).text)
}

/// The recorded values of an event.
fn sections(event: &Event) -> Vec<Section> {
    let mut values: Vec<(&'static str, Option<&Json>)> = vec![("Arguments", event.params.as_ref())];
    values.push(("Returned", event.returns.as_ref()));
    if let EventBody::Error(error) = &event.body {
        // A text stands above already.
        let details = error
            .details
            .as_ref()
            .filter(|details| details.as_string().is_none());
        values.push(("Details", details));
    }
    values.push(("Logs", event.logs.as_ref()));
    let given = values.into_iter();
    let given =
        given.filter_map(|(title, json)| Some((title, json.filter(|json| !json.is_null())?)));
    given
        .map(|(title, json)| {
            let source = json.get();
            Section {
                title,
                tree: value::tree(json),
                source: if source.len() <= SOURCE_BYTES {
                    source.to_owned()
                } else {
                    String::new()
                },
            }
        })
        .collect()
}

/// Whether an event ended as it should.
pub(super) fn is_failure(status: &Status) -> bool {
    matches!(status, Status::Error | Status::Panicked)
}
