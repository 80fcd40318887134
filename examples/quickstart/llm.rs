//! The language model: any server of the OpenAI chat-completions format, over HTTP.
//!
//! `OPENAI_BASE_URL` names one (`https://api.openai.com/v1`, a local server, …), `OPENAI_API_KEY`
//! and `OPENAI_MODEL` go with it. Without it the built-in responder answers, on the loopback
//! interface: nothing leaves the machine, whatever else the environment holds.

use std::env;
use std::time::Duration;

use agentops::{LlmEvent, Session, Usage};
use agentops_examples::{MODEL, Responder};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// The model asked for when `OPENAI_MODEL` does not say.
const DEFAULT_MODEL: &str = "gpt-4o-mini";

/// A model that has not answered by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A model and the session that records its calls.
pub(crate) struct Llm {
    session: Session,
    http: reqwest::Client,
    base_url: String,
    key: Option<String>,
    model: String,
    /// Runs as long as the model is asked.
    responder: Option<Responder>,
}

/// Why the model gave no answer. The text of a refusal is the server's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    #[error("cannot reach the model")]
    Unreachable(#[source] reqwest::Error),
    #[error("the model refused with {status}: {text}")]
    Refused {
        status: reqwest::StatusCode,
        text: String,
    },
    #[error("the model's answer is no chat completion")]
    Unreadable(#[source] serde_json::Error),
    #[error("the model answered without a text")]
    Empty,
}

/// One message of a conversation, as it is sent and as it is recorded.
#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Reply {
    choices: Vec<Choice>,
    usage: Option<ReplyUsage>,
}

#[derive(Deserialize)]
struct Choice {
    message: ReplyMessage,
}

#[derive(Deserialize, Serialize)]
struct ReplyMessage {
    role: String,
    content: Option<String>,
}

#[derive(Deserialize)]
struct ReplyUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl Llm {
    /// The model that the environment names, else the built-in responder.
    pub(crate) async fn from_env(session: Session) -> anyhow::Result<Self> {
        // reqwest is built without a default for cryptography, as are most programs that already
        // use rustls; a second installation is refused, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().timeout(PATIENCE);
        if let Some(base_url) = variable("OPENAI_BASE_URL") {
            return Ok(Self {
                session,
                http: http.build()?,
                base_url: base_url.trim_end_matches('/').to_owned(),
                key: variable("OPENAI_API_KEY"),
                model: variable("OPENAI_MODEL").unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
                responder: None,
            });
        }
        let responder = Responder::start()
            .await
            .context("cannot listen on the loopback interface")?;
        Ok(Self {
            session,
            // A proxy of the environment would not find this machine's loopback interface.
            http: http.no_proxy().build()?,
            base_url: responder.base_url(),
            key: None,
            model: MODEL.to_owned(),
            responder: Some(responder),
        })
    }

    /// Who answers and what its tokens are, for people: a line or two.
    pub(crate) fn describe(&self) -> String {
        match self.responder {
            Some(_) => format!(
                "{} counts words and marks as tokens and has no price.\n\
                 OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL choose a language model instead.",
                self.model
            ),
            None => format!("Answered by {} at {}", self.model, self.base_url),
        }
    }

    /// Asks the model. The call is recorded with its messages, its answer and its tokens, or with
    /// the reason why there is no answer.
    pub(crate) async fn ask(&self, instruction: &str, request: &str) -> Result<String, ModelError> {
        let messages = [
            Message {
                role: "system",
                content: instruction,
            },
            Message {
                role: "user",
                content: request,
            },
        ];
        let call = self
            .session
            .start(LlmEvent::new(&self.model).prompt(&messages));
        match self.send(&messages).await {
            Ok((answer, usage)) => {
                let call = match usage {
                    Some(usage) => call.usage(usage),
                    None => call,
                };
                call.finish(&answer);
                answer.content.ok_or(ModelError::Empty)
            }
            Err(error) => {
                call.fail(&error);
                Err(error)
            }
        }
    }

    async fn send(
        &self,
        messages: &[Message<'_>],
    ) -> Result<(ReplyMessage, Option<Usage>), ModelError> {
        let body = serde_json::json!({"model": self.model, "messages": messages});
        let mut request = self
            .http
            .post(format!("{}/chat/completions", self.base_url))
            .json(&body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(ModelError::Unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(ModelError::Unreachable)?;
        if !status.is_success() {
            return Err(ModelError::Refused {
                status,
                text: text.chars().take(200).collect(),
            });
        }
        let reply: Reply = serde_json::from_str(&text).map_err(ModelError::Unreadable)?;
        let usage = reply
            .usage
            .map(|usage| Usage::new(usage.prompt_tokens, usage.completion_tokens));
        let choice = reply.choices.into_iter().next().ok_or(ModelError::Empty)?;
        Ok((choice.message, usage))
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}
