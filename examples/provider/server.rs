//! The listener: loopback only, a port of the system's choice, gone when the handle is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::model::{self, MODEL};
use crate::wire::{ChatAnswer, ChatRequest, ErrorAnswer};

/// The largest request it reads: far more than a prompt, little enough to hold.
const MOST_BYTES: usize = 4 << 20;

/// A running model server. Dropping it stops the server.
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct Responder {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Responder {
    /// Starts a server on a free port of the loopback interface. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // Serving ends with the task; an accept error is retried inside.
            drop(axum::serve(listener, router()).await);
        });
        Ok(Self { address, task })
    }

    /// What goes in place of `https://api.openai.com/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router() -> Router {
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(Arc::new(AtomicU64::new(1)))
}

async fn models() -> Response {
    let model =
        json!({"id": MODEL, "object": "model", "created": 0, "owned_by": "agentops-examples"});
    Json(json!({"object": "list", "data": [model]})).into_response()
}

async fn complete(State(counter): State<Arc<AtomicU64>>, body: Bytes) -> Response {
    let request: ChatRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            return refusal(
                StatusCode::BAD_REQUEST,
                "invalid_body",
                format!("not a chat request: {error}"),
            );
        }
    };
    if request.model != MODEL {
        let message = format!("no model of that name, the only one is {MODEL}");
        return refusal(StatusCode::NOT_FOUND, "model_not_found", message);
    }
    if request.stream {
        let message = "streaming is not supported, leave out `stream`".to_owned();
        return refusal(StatusCode::BAD_REQUEST, "unsupported", message);
    }
    let id = counter.fetch_add(1, Ordering::Relaxed);
    let created = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Json(ChatAnswer::new(
        id,
        created,
        MODEL,
        model::answer(&request.messages()),
    ))
    .into_response()
}

fn refusal(status: StatusCode, code: &'static str, message: String) -> Response {
    (status, Json(ErrorAnswer::new(code, message))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    async fn post_chat(body: Value) -> (u16, Value) {
        let responder = Responder::start().await.unwrap();
        // The loopback address is never behind a proxy, whatever the environment says.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        drop(provider.as_ref().clone().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/chat/completions", responder.base_url());
        let answer = client.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    #[tokio::test]
    async fn a_chat_is_answered_in_the_format() {
        let (status, body) = post_chat(json!({
            "model": MODEL,
            "temperature": 0,
            "messages": [
                {"role": "system", "content": "Answer from the text."},
                {"role": "user", "content": [{"type": "text", "text": "Whales breathe air like us.\nDo whales breathe?"}]},
            ],
        }))
        .await;
        assert_eq!(status, 200);
        let message = &body["choices"][0]["message"];
        assert_eq!(message["role"], "assistant");
        assert!(
            message["content"]
                .as_str()
                .unwrap()
                .contains("Whales breathe air"),
            "{body}"
        );
        let usage = &body["usage"];
        let sum =
            usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
        assert_eq!(usage["total_tokens"], sum);
        assert_eq!(body["model"], MODEL);
    }

    #[tokio::test]
    async fn what_it_cannot_do_is_refused_in_the_format() {
        for (body, status, code) in [
            (
                json!({"model": "gpt-4o", "messages": []}),
                404,
                "model_not_found",
            ),
            (
                json!({"model": MODEL, "messages": [], "stream": true}),
                400,
                "unsupported",
            ),
            (json!({"messages": []}), 400, "invalid_body"),
            (json!([1]), 400, "invalid_body"),
        ] {
            let (got, answer) = post_chat(body).await;
            assert_eq!(
                (got, answer["error"]["code"].as_str()),
                (status, Some(code)),
                "{answer}"
            );
        }
    }
}
