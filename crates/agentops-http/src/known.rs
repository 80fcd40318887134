//! The endpoints that are built in: known by host and path, and never by a header or a body.

use agentops_core::llm::Format;

use crate::provider::{Endpoint, Provider, Target};

/// Hosts whose names say who they are; a host matches its own name and those below it.
const HOSTS: &[(&str, &str)] = &[
    ("ai.azure.com", "azure"),
    ("aiplatform.googleapis.com", "vertex"),
    ("api.ai21.com", "ai21"),
    ("api.anthropic.com", "anthropic"),
    ("api.cerebras.ai", "cerebras"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.deepseek.com", "deepseek"),
    ("api.fireworks.ai", "fireworks"),
    ("api.groq.com", "groq"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("api.mistral.ai", "mistral"),
    ("api.moonshot.ai", "moonshot"),
    ("api.openai.com", "openai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.sambanova.ai", "sambanova"),
    ("api.together.ai", "together"),
    ("api.together.xyz", "together"),
    ("api.x.ai", "xai"),
    ("cognitiveservices.azure.com", "azure"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("integrate.api.nvidia.com", "nvidia"),
    ("models.github.ai", "github"),
    ("ollama.com", "ollama"),
    ("openai.azure.com", "azure"),
    ("openrouter.ai", "openrouter"),
    ("router.huggingface.co", "huggingface"),
];

/// Ollama's own port.
const OLLAMA_PORT: u16 = 11434;

/// All that is built in.
#[derive(Debug)]
pub(crate) struct Known;

impl Provider for Known {
    fn endpoint(&self, target: &Target<'_>) -> Option<Endpoint> {
        if target.method != "POST" {
            return None;
        }
        let host = host(target);
        let path = target.path.trim_end_matches('/');
        gemini(host, path)
            .or_else(|| anthropic(host, path))
            .or_else(|| openai(host, path))
            .or_else(|| ollama(target, host, path))
    }
}

/// The provider that a host's name tells.
fn host(target: &Target<'_>) -> Option<&'static str> {
    let name = target.host.to_ascii_lowercase();
    // Vertex's regions stand before its name with a dash.
    let below = |known: &str| {
        name.strip_suffix(known)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '-']))
    };
    let found = HOSTS.iter().find(|(known, _)| below(known));
    found.map(|(_, provider)| *provider)
}

/// `…/models/gemini-2.5-pro:generateContent`, and Claude on Vertex, `…/models/claude-…:rawPredict`.
fn gemini(host: Option<&'static str>, path: &str) -> Option<Endpoint> {
    let (rest, action) = path.rsplit_once(':')?;
    let (_, model) = rest.rsplit_once('/')?;
    let format = match action {
        "generateContent" | "streamGenerateContent" => Format::Gemini,
        "embedContent" | "batchEmbedContents" => Format::GeminiEmbed,
        "rawPredict" | "streamRawPredict" if rest.contains("/publishers/anthropic/") => {
            Format::Anthropic
        }
        _ => return None,
    };
    Some(Endpoint::new(host.unwrap_or("gemini"), format).model(model))
}

fn anthropic(host: Option<&'static str>, path: &str) -> Option<Endpoint> {
    path.ends_with("/v1/messages")
        .then(|| Endpoint::new(host.unwrap_or("anthropic"), Format::Anthropic))
}

/// OpenAI's paths: on hosts that are known wherever they stand, elsewhere below `/v1`.
fn openai(host: Option<&'static str>, path: &str) -> Option<Endpoint> {
    let of_azure = host == Some("azure") || path.contains("/openai/deployments/");
    let base_of = |end: &str| {
        let base = path.strip_suffix(end)?;
        let versioned = base.ends_with("/v1")
            || base.ends_with("/openai")
            || of_azure
            || base.ends_with("/v1beta/openai");
        (host.is_some() || versioned).then_some(base)
    };
    let format = if path.ends_with("/chat/completions") {
        Format::OpenAiChat
    } else if base_of("/responses").is_some() {
        Format::OpenAiResponses
    } else if base_of("/embeddings").is_some() {
        Format::OpenAiEmbeddings
    } else if base_of("/completions").is_some() {
        Format::OpenAiCompletions
    } else {
        return None;
    };
    let mut endpoint = Endpoint::new(
        if of_azure {
            "azure"
        } else {
            host.unwrap_or("openai-compatible")
        },
        format,
    );
    if of_azure {
        endpoint = endpoint.model_is_alias();
        let deployment = path
            .split_once("/deployments/")
            .and_then(|(_, rest)| rest.split('/').next());
        endpoint.model = deployment.map(str::to_owned);
    }
    Some(endpoint)
}

/// Its paths are common words: they count on its port, its host and this machine, and only with a model.
fn ollama(target: &Target<'_>, host: Option<&'static str>, path: &str) -> Option<Endpoint> {
    let its_own = target.port == Some(OLLAMA_PORT)
        || host == Some("ollama")
        || target.host.contains("ollama");
    if !its_own && !target.is_loopback() {
        return None;
    }
    let format = match &path[path.rfind("/api/")?..] {
        "/api/chat" => Format::OllamaChat,
        "/api/generate" => Format::OllamaGenerate,
        "/api/embed" | "/api/embeddings" => Format::OllamaEmbed,
        _ => return None,
    };
    Some(Endpoint::new("ollama", format).unsure())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, Format, Option<&str>)>) {
        let url: http::Uri = url.parse().unwrap();
        let target = Target::new("POST", url.host().unwrap(), url.port_u16(), url.path());
        let found = Known.endpoint(&target);
        let found = found.as_ref().map(|found| {
            (
                found.provider.as_ref(),
                found.format,
                found.model.as_deref(),
            )
        });
        assert_eq!(found, expected, "{url}");
        let got = Target::new("GET", target.host, target.port, target.path);
        assert!(Known.endpoint(&got).is_none());
    }

    #[test]
    fn endpoints_are_known_by_host_and_path() {
        use Format::*;
        let gemini = "https://generativelanguage.googleapis.com/v1beta";
        for (url, provider, format, model) in [
            (
                "https://api.openai.com/v1/chat/completions",
                "openai",
                OpenAiChat,
                None,
            ),
            (
                "https://api.openai.com/v1/responses",
                "openai",
                OpenAiResponses,
                None,
            ),
            (
                "https://api.openai.com/v1/embeddings",
                "openai",
                OpenAiEmbeddings,
                None,
            ),
            (
                "https://api.openai.com/v1/completions/",
                "openai",
                OpenAiCompletions,
                None,
            ),
            (
                "https://openrouter.ai/api/v1/chat/completions",
                "openrouter",
                OpenAiChat,
                None,
            ),
            (
                "https://api.perplexity.ai/chat/completions",
                "perplexity",
                OpenAiChat,
                None,
            ),
            (
                "https://api.deepseek.com/chat/completions",
                "deepseek",
                OpenAiChat,
                None,
            ),
            (
                "http://localhost:8000/v1/chat/completions",
                "openai-compatible",
                OpenAiChat,
                None,
            ),
            (
                "http://10.0.0.7/v1/embeddings",
                "openai-compatible",
                OpenAiEmbeddings,
                None,
            ),
            (
                "https://acme.openai.azure.com/openai/deployments/our-gpt/chat/completions?api-version=1",
                "azure",
                OpenAiChat,
                Some("our-gpt"),
            ),
            (
                "https://acme.openai.azure.com/openai/v1/responses",
                "azure",
                OpenAiResponses,
                None,
            ),
            (
                "https://api.anthropic.com/v1/messages",
                "anthropic",
                Anthropic,
                None,
            ),
            (
                "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:streamRawPredict",
                "vertex",
                Anthropic,
                Some("claude-x"),
            ),
            (
                &format!("{gemini}/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=k"),
                "gemini",
                Gemini,
                Some("gemini-2.5-pro"),
            ),
            (
                &format!("{gemini}/models/e:batchEmbedContents"),
                "gemini",
                GeminiEmbed,
                Some("e"),
            ),
            (
                &format!("{gemini}/openai/chat/completions"),
                "gemini",
                OpenAiChat,
                None,
            ),
            (
                "http://127.0.0.1:11434/api/chat",
                "ollama",
                OllamaChat,
                None,
            ),
            (
                "http://ollama.internal/api/generate",
                "ollama",
                OllamaGenerate,
                None,
            ),
            (
                "http://gpu-box:11434/api/embed",
                "ollama",
                OllamaEmbed,
                None,
            ),
        ] {
            check(url, Some((provider, format, model)));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_let_pass() {
        for url in [
            "https://api.openai.com/v1/models",
            "https://api.openai.com/v1/chat/completions/chatcmpl-1",
            "https://api.openai.com/v1/responses/resp_1/cancel",
            "https://api.anthropic.com/v1/messages/count_tokens",
            "https://api.anthropic.com/v1/messages/batches",
            "https://example.org/responses",
            "https://example.org/survey/completions",
            "https://example.org/api/chat",
            "https://notapi.openai.com.example.org/v1/models",
            "http://localhost:3000/api/chats",
            "https://generativelanguage.googleapis.com/v1beta/models/g:countTokens",
        ] {
            check(url, None);
        }
    }
}
