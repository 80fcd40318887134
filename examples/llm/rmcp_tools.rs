//! MCP: a client calls a tool of a server, another process, and both record it in one session: the server's call
//! stands inside of the client's.
//!
//! ```sh
//! cargo run --manifest-path examples/llm/Cargo.toml --example rmcp_tools
//! ```
//! The context goes along with each request, in the fields of `_meta` that MCP reserves for it: the trace of
//! `traceparent` is the session, its span the end of the event's id, and `tracestate` holds that id whole.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::process::Stdio;
use std::time::Duration;

use agentops::{SessionOptions, record_tool};
use anyhow::{Context as _, ensure};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, RequestMetaObject, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleClient, RunningService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt as _};
use serde_json::{Value, json};
use tokio::process::Command;

/// The argument that makes this program the server.
const SERVER: &str = "--server";

/// How long is waited until everything is on its way.
const PATIENCE: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some(SERVER) {
        serve()
    } else {
        ask()
    }
}

/// The client's process: it has the session.
#[agentops::session(tags = ["example", "mcp"])]
#[tokio::main(flavor = "current_thread")]
async fn ask() -> anyhow::Result<()> {
    let session = agentops::current_session().context("recording is switched off")?;
    let mut server = Command::new(std::env::current_exe()?)
        .arg(SERVER)
        // Where to record; what to record it in comes with each request.
        .envs(session.env())
        .env_remove("AGENTOPS_SESSION_ID")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let pipes = server
        .stdout
        .take()
        .zip(server.stdin.take())
        .context("the pipes were asked for")?;
    let client = ().serve(pipes).await?;
    println!(
        "the server knows {} words",
        call_tool(&client, "count_words", "What is where it should be?").await?
    );
    client.cancel().await?;
    server.wait().await?;
    session.flush(PATIENCE).await;

    let export = agentops::export(session.id()).await?;
    let tools = export["tools"]
        .as_array()
        .context("the export lists no tools")?;
    for tool in tools {
        println!(
            "{} {} inside of {}",
            tool["id"], tool["name"], tool["parent_id"]
        );
    }
    ensure!(tools.len() == 2, "a side of the call is missing");
    ensure!(
        tools[1]["parent_id"] == tools[0]["id"],
        "the server's call is not inside of the client's"
    );
    Ok(())
}

/// The client's side of a call.
#[record_tool(skip(client))]
async fn call_tool(
    client: &RunningService<RoleClient, ()>,
    name: &str,
    text: &str,
) -> anyhow::Result<String> {
    let arguments = json!({"text": text})
        .as_object()
        .cloned()
        .unwrap_or_default();
    let mut request = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
    request.meta = context();
    let result = client.call_tool(request).await?;
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.context("the tool answers with a text")?.text.clone())
}

/// Where this call belongs, for the other side.
fn context() -> Option<RequestMetaObject> {
    let (session, event) = (agentops::current_session()?, agentops::current_event()?);
    let trace = session.id().replace('-', "");
    let span = event.as_str().replace('-', "").split_off(16);
    let mut meta = RequestMetaObject::default();
    meta.set_traceparent(format!("00-{trace}-{span}-01"));
    meta.set_tracestate(format!("agentops={event}"));
    Some(meta)
}

/// The server's process: it joins the session that a request names.
#[tokio::main(flavor = "current_thread")]
async fn serve() -> anyhow::Result<()> {
    let server = Words.serve(rmcp::transport::stdio()).await?;
    server.waiting().await?;
    Ok(())
}

struct Words;

impl ServerHandler for Words {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        let schema = schema.as_object().cloned().unwrap_or_default();
        let tool = Tool::new("count_words", "Counts the words of a text", schema);
        Ok(ListToolsResult::with_all_items(vec![tool]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = arguments
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let words = match joined(&context.meta) {
            Some(options) => {
                let session = agentops::start_session(options);
                let words = session.scope(async { count_words(text) }).await;
                // Whoever asked may end as soon as it has the answer.
                session.flush(PATIENCE).await;
                words
            }
            None => count_words(text),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(words.to_string())]).into())
    }
}

/// The session and the call that a request comes from.
fn joined(meta: &RequestMetaObject) -> Option<SessionOptions> {
    let trace = meta.get_traceparent()?.split('-').nth(1)?;
    let session = uuid::Uuid::try_parse(trace).ok()?;
    let options = SessionOptions::new().inherit(session.to_string());
    let mut states = meta.get_tracestate().unwrap_or_default().split(',');
    let event = states.find_map(|state| state.trim().strip_prefix("agentops="));
    Some(match event {
        Some(event) => options.parent(event),
        None => options,
    })
}

/// The server's side of the call.
#[record_tool]
fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}
