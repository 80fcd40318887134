//! Token counts as each provider gives them, brought to one meaning: cached tokens are part of the prompt, reasoning is
//! part of the completion, and nothing is counted twice.

use agentops_protocol::Usage;
use serde_json::Value;

fn count(json: &Value, path: &str) -> Option<u64> {
    let value = json.pointer(path)?;
    value
        .as_u64()
        .or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
}

fn first(json: &Value, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| count(json, path))
}

/// Zero parts say nothing that their absence does not.
fn part(count: Option<u64>) -> Option<u64> {
    count.filter(|count| *count > 0)
}

/// OpenAI's `usage` of chat completions, completions, responses and embeddings, and those of hosts that speak as it does;
/// genai's, too.
pub(super) fn openai(json: &Value) -> Usage {
    let prompt = first(json, &["/prompt_tokens", "/input_tokens"]);
    let completion = first(json, &["/completion_tokens", "/output_tokens"]);
    let read = part(first(
        json,
        &[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
            "/cache_read_input_tokens",
        ],
    ));
    let write = part(first(
        json,
        &[
            "/prompt_tokens_details/cache_write_tokens",
            "/prompt_tokens_details/cache_creation_tokens",
            "/cache_creation_input_tokens",
        ],
    ));
    let reasoning = part(first(
        json,
        &[
            "/completion_tokens_details/reasoning_tokens",
            "/output_tokens_details/reasoning_tokens",
        ],
    ));
    let total = count(json, "/total_tokens");
    let mut usage = Usage::default();
    usage.prompt = prompt.map(|prompt| {
        let parts = read.unwrap_or(0).saturating_add(write.unwrap_or(0));
        // A few hosts count the cached ones beside the prompt.
        if parts > prompt {
            prompt.saturating_add(parts)
        } else {
            prompt
        }
    });
    usage.completion = completion.map(|completion| {
        let beside = reasoning.filter(|reasoning| {
            // xAI counts reasoning beside the completion; the total tells.
            *reasoning > completion
                || total
                    == prompt
                        .map(|prompt| prompt.saturating_add(completion).saturating_add(*reasoning))
        });
        completion.saturating_add(beside.unwrap_or(0))
    });
    usage.cached_read = read;
    usage.cached_write = write;
    usage.reasoning = reasoning;
    usage
}

/// An embedding has no completion, so none is to be counted.
pub(super) fn embeddings(prompt: Option<u64>) -> Usage {
    let mut usage = Usage::default();
    usage.prompt = prompt;
    usage.completion = prompt.map(|_| 0);
    usage
}

/// Anthropic counts cached tokens beside the others.
///
/// In a stream the first event has the prompt's counts and the last one the completion's; the first one's
/// `output_tokens` is a beginning, which [`Usage`] has no word for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CountedBeside {
    input: Option<u64>,
    read: Option<u64>,
    write: Option<u64>,
    output: Option<u64>,
}

impl CountedBeside {
    pub(super) fn read(&mut self, usage: &Value, with_output: bool) {
        let set = |slot: &mut Option<u64>, path| *slot = count(usage, path).or(*slot);
        set(&mut self.input, "/input_tokens");
        set(&mut self.read, "/cache_read_input_tokens");
        set(&mut self.write, "/cache_creation_input_tokens");
        if with_output {
            set(&mut self.output, "/output_tokens");
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        usage.prompt = self.input.map(|input| {
            input
                .saturating_add(self.read.unwrap_or(0))
                .saturating_add(self.write.unwrap_or(0))
        });
        usage.completion = self.output;
        usage.cached_read = part(self.read);
        usage.cached_write = part(self.write);
        usage
    }
}

/// Gemini's `usageMetadata`: cached tokens are part of the prompt, thoughts and tools' prompts stand beside.
pub(super) fn gemini(json: &Value) -> Usage {
    let get = |name: &str, snake: &str| count(json, name).or_else(|| count(json, snake));
    let prompt = get("/promptTokenCount", "/prompt_token_count");
    let tools = get("/toolUsePromptTokenCount", "/tool_use_prompt_token_count").unwrap_or(0);
    let answer = get("/candidatesTokenCount", "/candidates_token_count");
    let thoughts = part(get("/thoughtsTokenCount", "/thoughts_token_count"));
    let mut usage = Usage::default();
    usage.prompt = prompt.map(|prompt| prompt.saturating_add(tools));
    usage.completion = match (answer, thoughts) {
        // Nothing but the prompt was counted: an answer that is empty, as a blocked one is.
        (None, None) => prompt.map(|_| 0),
        (answer, thoughts) => Some(answer.unwrap_or(0).saturating_add(thoughts.unwrap_or(0))),
    };
    usage.cached_read = part(get(
        "/cachedContentTokenCount",
        "/cached_content_token_count",
    ));
    usage.reasoning = thoughts;
    usage
}

/// Ollama's counts stand in the last chunk itself.
pub(super) fn ollama(json: &Value) -> Usage {
    let mut usage = Usage::default();
    usage.prompt = count(json, "/prompt_eval_count");
    usage.completion = count(json, "/eval_count");
    usage
}

/// rig brings all providers' counts to the meaning that ours have.
pub(super) fn rig(json: &Value) -> Usage {
    let mut usage = Usage::default();
    usage.prompt = count(json, "/input_tokens");
    usage.completion = count(json, "/output_tokens");
    usage.cached_read = part(count(json, "/cached_input_tokens"));
    usage.cached_write = part(count(json, "/cache_creation_input_tokens"));
    usage.reasoning = part(count(json, "/reasoning_tokens"));
    usage
}
