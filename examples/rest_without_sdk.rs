//! The REST API by hand: every request of a session's life, with an HTTP client and no SDK.
//!
//! Shows what goes over the wire, for programs in other languages and for the curious.
//!
//! ```sh
//! cargo run -p agentops-cli -- serve            # in another terminal
//! cargo run --example rest_without_sdk
//! ```
//!
//! `AGENTOPS_API_ENDPOINT` and `AGENTOPS_API_KEY` name another server and its key; the server
//! started above takes any UUID as a key from this machine.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(clippy::print_stderr, reason = "an example talks to its reader")]

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use uuid::Uuid;

/// Where `agentops serve` listens.
const LOCAL_SERVER: &str = "http://127.0.0.1:8717";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let server = Server::from_env()?;
    // Any answer will do: it is only asked whether somebody is there.
    let greeting = server
        .request(Method::GET, "/health", Auth::None)
        .send()
        .await;
    if let Err(error) = greeting {
        eprintln!(
            "no server answers at {}: {:#}",
            server.endpoint,
            anyhow::Error::new(error)
        );
        eprintln!("start one with: cargo run -p agentops-cli -- serve");
        return Ok(ExitCode::from(2));
    }
    let session_id = Uuid::new_v4().to_string();
    let token = server.create_session(&session_id).await?;
    server.record_work(&token).await?;
    server.end_session(&session_id, &token).await?;
    let stats = server.read_back(&session_id).await?;
    println!("\nSession {session_id}");
    println!(
        "  {} events, {} prompt and {} completion tokens, cost {}",
        stats["events"],
        stats["prompt_tokens"],
        stats["completion_tokens"],
        stats["cost"]
            .as_str()
            .map_or("unknown".to_owned(), |cost| format!("${cost}")),
    );
    println!("  look at it: cargo run -p agentops-cli -- sessions show {session_id}");
    Ok(ExitCode::SUCCESS)
}

/// How a request says who sends it.
enum Auth<'a> {
    None,
    /// The API key: makes sessions, reads them.
    Key,
    /// The token of one session: writes to it.
    Token(&'a str),
}

struct Server {
    http: reqwest::Client,
    endpoint: String,
    key: String,
}

impl Server {
    fn from_env() -> anyhow::Result<Self> {
        // Only the first installation counts; a second is refused, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let endpoint =
            env::var("AGENTOPS_API_ENDPOINT").unwrap_or_else(|_| LOCAL_SERVER.to_owned());
        let url: Url = endpoint
            .parse()
            .with_context(|| format!("{endpoint} is no URL"))?;
        let mut http = reqwest::Client::builder().timeout(Duration::from_secs(30));
        if matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")) {
            // A proxy would not find this machine's loopback interface.
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build()?,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            key: env::var("AGENTOPS_API_KEY").unwrap_or_else(|_| Uuid::new_v4().to_string()),
        })
    }

    /// The key makes a session; the answer holds the token for everything else in it.
    async fn create_session(&self, id: &str) -> anyhow::Result<String> {
        let body = json!({"session": {
            "id": id,
            "init_timestamp": now(),
            "tags": ["example", "rest"],
            "host_env": {"OS": {"OS": env::consts::OS}},
        }});
        let answer = self.post("/v2/create_session", Auth::Key, &body).await?;
        let token = answer["jwt"].as_str().context("the answer holds no jwt")?;
        Ok(token.to_owned())
    }

    async fn record_work(&self, token: &str) -> anyhow::Result<()> {
        let auth = || Auth::Token(token);
        let (agent, llm) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let agent_body = json!({"id": agent, "name": "Research Assistant"});
        self.post("/v2/create_agent", auth(), &agent_body).await?;

        let began = now();
        let events = json!({"events": [
            {
                "id": llm, "type": "llm", "agent_id": agent, "init_timestamp": began,
                "model": "gpt-4",
                "prompt": [{"role": "user", "content": "Which table holds the users?"}],
                "prompt_tokens": 150,
            },
            {
                "type": "tool", "name": "database_query", "agent_id": agent,
                "init_timestamp": began, "end_timestamp": now(),
                "input": "SELECT * FROM users", "output": "5 rows",
            },
            {
                "type": "error", "agent_id": agent, "timestamp": now(), "trigger_event_id": llm,
                "error_type": "Timeout", "details": "the first try took too long",
            },
        ]});
        self.post("/v2/create_events", auth(), &events).await?;

        // What was not known at first is filled in later: only the fields given change.
        let update = json!({"events": [{
            "id": llm, "end_timestamp": now(), "completion_tokens": 80,
            "completion": {"role": "assistant", "content": "The table is called users."},
        }]});
        self.post("/v2/update_events", auth(), &update).await?;
        Ok(())
    }

    async fn end_session(&self, id: &str, token: &str) -> anyhow::Result<()> {
        // Tokens hold for 24 hours; the key gives a session a new one at any time.
        let renewed = self
            .post("/v2/reauthorize_jwt", Auth::Key, &json!({"session_id": id}))
            .await?;
        let token = renewed["jwt"].as_str().unwrap_or(token);
        let body = json!({"session": {
            "id": id,
            "end_timestamp": now(),
            "end_state": "Success",
            "end_state_reason": "the question is answered",
            "tags": ["example", "rest", "done"],
        }});
        self.post("/v2/update_session", Auth::Token(token), &body)
            .await?;
        Ok(())
    }

    async fn read_back(&self, id: &str) -> anyhow::Result<Value> {
        let export = self
            .get(&format!("/v2/sessions/{id}/export"), Auth::Key)
            .await?;
        for kind in ["actions", "llms", "tools", "errors"] {
            println!(
                "     {kind}: {}",
                export[kind].as_array().map_or(0, Vec::len)
            );
        }
        self.get(&format!("/v2/sessions/{id}/stats"), Auth::Key)
            .await
    }

    async fn post(&self, path: &str, auth: Auth<'_>, body: &Value) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path, auth).json(body);
        Self::answer("POST", path, request).await
    }

    async fn get(&self, path: &str, auth: Auth<'_>) -> anyhow::Result<Value> {
        Self::answer("GET ", path, self.request(Method::GET, path, auth)).await
    }

    fn request(&self, method: Method, path: &str, auth: Auth<'_>) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.endpoint));
        match auth {
            Auth::None => request,
            Auth::Key => request.header("X-Agentops-Api-Key", &self.key),
            Auth::Token(token) => request.bearer_auth(token),
        }
    }

    async fn answer(method: &str, path: &str, request: RequestBuilder) -> anyhow::Result<Value> {
        let response = request
            .send()
            .await
            .with_context(|| format!("{method} {path} failed"))?;
        let status = response.status();
        println!("{method} {path} -> {status}");
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{method} {path} was refused: {}", text.escape_debug());
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path} answered no JSON"))
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
