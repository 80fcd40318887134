//! What a span stands for.

use tracing::Metadata;

use crate::fields::Fields;

/// What a span becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A call of a model.
    Llm,
    /// A call of a tool.
    Tool,
    /// A run of an agent.
    Agent,
    /// A span that the user asked for.
    Step,
}

const MODEL_FIELDS: &[&str] = &[
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.input.messages",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
];

/// Whether a span of this callsite may stand for something, by what it declares.
pub(crate) fn is_possible(metadata: &Metadata<'_>) -> bool {
    let declares = |name: &str| metadata.fields().field(name).is_some();
    by_name(metadata).is_some()
        || declares("gen_ai.operation.name")
        || declares("gen_ai.tool.name")
        || metadata
            .fields()
            .iter()
            .any(|field| field.name().starts_with("langfuse."))
        || MODEL_FIELDS.iter().any(|name| declares(name))
}

/// What a span stands for, by its name, what it declares and what it was opened with.
pub(crate) fn of_span(metadata: &Metadata<'_>, fields: &Fields) -> Option<Shape> {
    if let Some(shape) = by_name(metadata) {
        return Some(shape);
    }
    if let Some(operation) = fields.text(&["gen_ai.operation.name"]) {
        return by_operation(operation);
    }
    if let Some(kind) = fields.text(&["langfuse.type", "langfuse.observation.type"]) {
        return by_langfuse(kind);
    }
    let declares = |name: &str| metadata.fields().field(name).is_some();
    if declares("gen_ai.tool.name") {
        return Some(Shape::Tool);
    }
    MODEL_FIELDS
        .iter()
        .any(|name| declares(name))
        .then_some(Shape::Llm)
}

/// langchain-rust's names, with a field that others of the same name will not have.
fn by_name(metadata: &Metadata<'_>) -> Option<Shape> {
    let (shape, field) = match metadata.name() {
        "llm.generate" | "embed.documents" | "embed.query" => (Shape::Llm, "model"),
        "tool.call" => (Shape::Tool, "tool"),
        "agent.run" => (Shape::Agent, "max_iterations"),
        _ => return None,
    };
    metadata.fields().field(field).map(|_| shape)
}

/// The well-known values of `gen_ai.operation.name`; what is none of them (a plan, a workflow, a search in a store) is
/// no call of a model.
fn by_operation(operation: &str) -> Option<Shape> {
    match operation {
        "chat" | "generate_content" | "text_completion" | "embeddings" | "rerank"
        | "transcription" | "image_generation" | "audio_generation" | "completion" => {
            Some(Shape::Llm)
        }
        "execute_tool" => Some(Shape::Tool),
        "invoke_agent" => Some(Shape::Agent),
        _ => None,
    }
}

fn by_langfuse(kind: &str) -> Option<Shape> {
    let is = |word: &str| kind.eq_ignore_ascii_case(word);
    if is("generation") || is("embedding") {
        Some(Shape::Llm)
    } else if is("tool") {
        Some(Shape::Tool)
    } else if is("agent") {
        Some(Shape::Agent)
    } else {
        None
    }
}
