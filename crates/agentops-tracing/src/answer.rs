//! What the fields of a span say of the call that it stands for.

use std::time::Duration;

use agentops_core::llm::{Answer, Format, Request};
use agentops_core::observe::{Ending, Facts, Failure};
use serde_json::{Map, Value, json};
use tracing::Metadata;

use crate::fields::{Fields, parsed};
use crate::filter::ERROR_FIELDS;
use crate::shape::Shape;
use crate::{messages, usage};

/// Fields that say more of the request, and the names under which they are recorded.
const PARAMETERS: &[(&str, &str)] = &[
    ("gen_ai.operation.name", "operation"),
    ("gen_ai.provider.name", "provider"),
    ("gen_ai.system", "provider"),
    ("gen_ai.tool.definitions", "tools"),
    ("gen_ai.output.type", "output_type"),
    ("gen_ai.embeddings.dimension.count", "dimensions"),
    ("provider", "provider"),
    ("stream", "stream"),
    ("count", "count"),
];

/// Fields that say more of the answer.
const RETURNS: &[(&str, &str)] = &[
    ("gen_ai.response.id", "response_id"),
    ("gen_ai.response.finish_reasons", "finish_reasons"),
];

/// Fields that only an answer brings: with one of these a call has not been cancelled.
const ANSWER_FIELDS: &[&str] = &[
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.response.finish_reasons",
    "gen_ai.output.messages",
    "gen_ai.completion",
    "gen_ai.completion.0.content",
    "gen_ai.usage.",
    "gen_ai.tool.call.outcome",
    "gen_ai.tool.call.result",
    "langfuse.output",
    "langfuse.usage",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "steps",
];

/// The name of what was called.
pub(crate) fn name<'a>(shape: Shape, metadata: &Metadata<'static>, fields: &'a Fields) -> &'a str {
    let names: &[&str] = match shape {
        Shape::Llm => &[
            "gen_ai.response.model",
            "gen_ai.request.model",
            "langfuse.model",
            "model",
        ],
        Shape::Tool => &["gen_ai.tool.name", "tool", "langfuse.name"],
        Shape::Agent | Shape::Step => return metadata.name(),
    };
    match (fields.text(names), shape) {
        (Some(name), _) => name,
        // The model may be told later; a tool without a name goes by its span's.
        (None, Shape::Llm) => "",
        (None, _) => metadata.name(),
    }
}

/// The agent that acts, where the span names one.
pub(crate) fn agent<'a>(
    shape: Shape,
    metadata: &Metadata<'static>,
    fields: &'a Fields,
) -> Option<&'a str> {
    let named = fields.text(&["gen_ai.agent.name", "langfuse.agent.name"]);
    match shape {
        Shape::Agent => Some(named.unwrap_or(metadata.name())),
        _ => named,
    }
}

/// Tells what is known.
pub(crate) fn tell(shape: Shape, metadata: &Metadata<'static>, fields: &Fields, facts: &mut Facts) {
    let name = name(shape, metadata, fields);
    if !name.is_empty() {
        facts.name(name);
    }
    match shape {
        Shape::Llm => tell_llm(fields, facts),
        Shape::Tool => tell_tool(fields, facts),
        Shape::Agent => tell_agent(fields, facts),
        Shape::Step if !fields.is_empty() => {
            let params: Map<String, Value> = fields
                .iter()
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect();
            facts.params(&params);
        }
        Shape::Step => {}
    }
}

fn tell_llm(fields: &Fields, facts: &mut Facts) {
    facts.usage(usage::of(fields));
    let seconds = [
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
    ];
    let seconds = fields.first(&seconds).and_then(Value::as_f64);
    if let Some(time) = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()) {
        facts.time_to_first_token(time);
    }
    if let Some(id) = fields.text(&["gen_ai.conversation.id"]) {
        facts.thread(id);
    }
    if !facts.wants_content() {
        return;
    }
    let mut params = parameters(fields);
    if let Some(prompt) = prompt(fields, &mut params) {
        facts.prompt(&prompt);
    }
    if let Some(completion) = completion(fields) {
        facts.completion(&completion);
    }
    if !params.is_empty() {
        facts.params(&params);
    }
    let returns = named(fields, RETURNS);
    if !returns.is_empty() {
        facts.returns(&returns);
    }
}

fn prompt(fields: &Fields, params: &mut Map<String, Value>) -> Option<Value> {
    let instructions = fields.get("gen_ai.system_instructions");
    let told = fields
        .get("gen_ai.input.messages")
        .map(messages::plain)
        .or_else(|| messages::indexed(fields, "gen_ai.prompt"))
        .or_else(|| fields.get("gen_ai.prompt").map(messages::plain));
    if told.is_some() || instructions.is_some() {
        return Some(messages::with_instructions(
            instructions,
            told.unwrap_or_default(),
        ));
    }
    let told = parsed(fields.get("langfuse.input")?);
    let Some(format) = Format::of_request(&told) else {
        return Some(messages::plain(&told));
    };
    let request = Request::read(format, told);
    if let Some(Value::Object(more)) = request.params {
        params.extend(more);
    }
    request.prompt
}

fn completion(fields: &Fields) -> Option<Value> {
    let told = fields
        .get("gen_ai.output.messages")
        .map(messages::plain)
        .or_else(|| messages::indexed(fields, "gen_ai.completion"))
        .or_else(|| fields.get("gen_ai.completion").map(messages::plain));
    if let Some(told) = told {
        return Some(messages::only(told));
    }
    let told = parsed(fields.get("langfuse.output")?);
    let Some(format) = Format::of_answer(&told) else {
        return Some(told);
    };
    let mut answer = Answer::new(format);
    answer.read(&told);
    answer.completion().or(Some(told))
}

/// What else the span says of the request: provider, temperature, tools.
fn parameters(fields: &Fields) -> Map<String, Value> {
    let mut params = named(fields, PARAMETERS);
    for (name, value) in fields.iter() {
        if let Some(short) = name.strip_prefix("gen_ai.request.")
            && short != "model"
            && *value != Value::Null
        {
            params.insert(short.to_owned(), parsed(value));
        }
    }
    params
}

/// Those fields that have a value, under other names.
fn named(fields: &Fields, names: &[(&str, &str)]) -> Map<String, Value> {
    let found = names.iter().filter_map(|(name, short)| {
        let value = fields.get(name)?;
        Some(((*short).to_owned(), parsed(value)))
    });
    found.collect()
}

fn tell_tool(fields: &Fields, facts: &mut Facts) {
    if let Some(arguments) = fields.first(&["gen_ai.tool.call.arguments", "langfuse.input"]) {
        facts.params(&parsed(arguments));
    }
    if let Some(result) = fields.first(&["gen_ai.tool.call.result", "langfuse.output"]) {
        facts.returns(&parsed(result));
    }
}

fn tell_agent(fields: &Fields, facts: &mut Facts) {
    let mut params = Map::new();
    for (key, names) in [
        (
            "prompt",
            &["gen_ai.prompt", "gen_ai.input.messages", "langfuse.input"][..],
        ),
        ("max_iterations", &["max_iterations"][..]),
    ] {
        if let Some(value) = fields.first(names) {
            params.insert(key.to_owned(), messages::plain(value));
        }
    }
    if let Some(told) = fields.get("gen_ai.system_instructions") {
        params.insert("instructions".to_owned(), messages::instructions(told));
    }
    if !params.is_empty() {
        facts.params(&params);
    }
    let answers = [
        "gen_ai.completion",
        "gen_ai.output.messages",
        "langfuse.output",
    ];
    if let Some(answer) = fields.first(&answers) {
        facts.returns(&messages::only(messages::plain(answer)));
    }
}

/// An error that an event tells of.
pub(crate) fn failure_of_event(fields: &Fields) -> Option<Failure> {
    let told = fields.first(ERROR_FIELDS)?;
    let failure = Failure::new(
        fields
            .text(&["error.type", "exception.type"])
            .unwrap_or("error"),
    );
    Some(failure.message(shown(told)))
}

/// How the call ended, as far as the span tells.
pub(crate) fn ending(
    shape: Shape,
    metadata: &Metadata<'static>,
    fields: &Fields,
    event: Option<Failure>,
) -> (Ending, Sure) {
    if let Some(failure) = failure_of_span(fields, event.as_ref()) {
        return (Ending::Failed(failure), Sure::Yes);
    }
    let is_answer = |name: &str| {
        let mut known = ANSWER_FIELDS.iter();
        known.any(|begin| name == *begin || begin.ends_with('.') && name.starts_with(begin))
    };
    let mut told = fields.iter().filter(|(_, value)| **value != Value::Null);
    if told.any(|(name, _)| is_answer(name)) {
        // An error that was logged on the way did not keep the answer from coming.
        return (Ending::Ok, Sure::Yes);
    }
    if let Some(failure) = event {
        return (Ending::Failed(failure), Sure::Yes);
    }
    if expects_answer(shape, metadata, &is_answer) {
        (Ending::Cancelled, Sure::No)
    } else {
        (Ending::Ok, Sure::No)
    }
}

/// Whether the span says so, or only does not say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sure {
    Yes,
    No,
}

/// Whether a span of this callsite that brings no answer has had none. A tool's result is content that a library may
/// keep to itself, so it must have something else to tell.
fn expects_answer(
    shape: Shape,
    metadata: &Metadata<'static>,
    is_answer: &dyn Fn(&str) -> bool,
) -> bool {
    let mut fields = metadata.fields().iter();
    match shape {
        Shape::Step => false,
        Shape::Tool => fields.any(|field| field.name() == "gen_ai.tool.call.outcome"),
        Shape::Llm | Shape::Agent => fields.any(|field| is_answer(field.name())),
    }
}

fn failure_of_span(fields: &Fields, event: Option<&Failure>) -> Option<Failure> {
    let kind = fields.text(&["error.type", "exception.type", "gen_ai.tool.error.type"]);
    let message = fields.first(&[
        "error.message",
        "exception.message",
        "otel.status_message",
        "otel.status_description",
        "langfuse.status_message",
        "error",
    ]);
    let is = |name: &str, word: &str| {
        fields
            .text(&[name])
            .is_some_and(|told| told.eq_ignore_ascii_case(word))
    };
    let failed = kind.is_some()
        || is("otel.status_code", "error")
        || is("langfuse.level", "error")
        || is("gen_ai.tool.call.outcome", "error")
        || fields
            .first(&["error", "exception.message", "error.message"])
            .is_some_and(|told| *told != json!(false));
    if !failed {
        return None;
    }
    if let (None, None, Some(event)) = (kind, message, event) {
        return Some(event.clone());
    }
    let failure = Failure::new(kind.unwrap_or("error"));
    let message = message.filter(|told| told.as_bool().is_none());
    Some(match message {
        Some(message) => failure.message(shown(message)),
        None => failure,
    })
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
