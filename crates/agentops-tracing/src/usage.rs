//! Tokens of a span, in every spelling that is about.

use agentops_protocol::Usage;
use serde_json::Value;

use crate::fields::{Fields, count, parsed};

const PROMPT: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
    "langfuse.usage.input",
    "langfuse.usage.prompt_tokens",
    "prompt_tokens",
    "input_tokens",
];
const COMPLETION: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "langfuse.usage.output",
    "langfuse.usage.completion_tokens",
    "completion_tokens",
    "output_tokens",
];
const CACHED_READ: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.cached_tokens",
    "cache_read_input_tokens",
];
const CACHED_WRITE: &[&str] = &[
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "cache_creation_input_tokens",
];
const REASONING: &[&str] = &[
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.output_tokens.reasoning",
];

/// The tokens that a span tells of.
pub(crate) fn of(fields: &Fields) -> Usage {
    let mut usage = Usage::default();
    usage.prompt = fields.count(PROMPT);
    usage.completion = fields.count(COMPLETION);
    usage.cached_read = fields.count(CACHED_READ);
    usage.cached_write = fields.count(CACHED_WRITE);
    usage.reasoning = fields.count(REASONING);
    if usage == Usage::default()
        && let Some(told) = fields.get("langfuse.usage")
    {
        usage = of_object(&parsed(told));
    }
    whole(usage)
}

/// A provider's or library's own object of counts.
fn of_object(told: &Value) -> Usage {
    let first = |names: &[&str]| names.iter().find_map(|name| count(told.pointer(name)?));
    let mut usage = Usage::default();
    usage.prompt = first(&["/prompt_tokens", "/input_tokens", "/input"]);
    usage.completion = first(&["/completion_tokens", "/output_tokens", "/output"]);
    usage.cached_read = first(&[
        "/prompt_tokens_details/cached_tokens",
        "/input_tokens_details/cached_tokens",
        "/details/cached_tokens",
        "/cache_read_input_tokens",
    ]);
    usage.cached_write = first(&["/cache_creation_input_tokens"]);
    usage.reasoning = first(&[
        "/completion_tokens_details/reasoning_tokens",
        "/output_tokens_details/reasoning_tokens",
        "/details/reasoning_tokens",
    ]);
    usage
}

/// The conventions count cached tokens among the prompt's. Counts that cannot be so (more cached than there are) are
/// of a provider that counts them beside, passed on as they came.
fn whole(mut usage: Usage) -> Usage {
    if let Some(prompt) = usage.prompt {
        let cached = usage
            .cached_read
            .unwrap_or(0)
            .saturating_add(usage.cached_write.unwrap_or(0));
        if cached > prompt {
            usage.prompt = Some(prompt.saturating_add(cached));
        }
    }
    usage
}
