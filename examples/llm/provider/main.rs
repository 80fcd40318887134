//! The scripted provider as a program, for clients in other languages.
//!
//! Reads its script from standard input, a reply a line (`{"text":"four","tokens":[150,80]}`), up to an empty line;
//! then says its address, and serves until standard input ends.
#![expect(clippy::print_stdout, reason = "whoever starts it reads the address")]

use std::io::{BufRead as _, stdin};

use agentops_examples_llm::{Provider, Reply};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut script = Vec::new();
    for line in stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        script
            .push(reply(&serde_json::from_str(&line)?).ok_or_else(|| format!("no reply: {line}"))?);
    }
    let provider = Provider::start(script).await?;
    println!("{}", provider.origin());
    tokio::task::spawn_blocking(|| stdin().lock().lines().count()).await?;
    Ok(())
}

fn reply(line: &Value) -> Option<Reply> {
    let mut reply = if let Some(text) = line["text"].as_str() {
        Reply::text(text)
    } else if let Some(name) = line["tool"].as_str() {
        Reply::tool(name, line["arguments"].clone())
    } else {
        let status = u16::try_from(line["error"].as_u64()?).ok()?;
        Reply::error(status, line["message"].as_str()?)
    };
    if let Some(tokens) = line["tokens"].as_array() {
        reply = reply.tokens(tokens.first()?.as_u64()?, tokens.get(1)?.as_u64()?);
    }
    if let Some(cached) = line["cached"].as_u64() {
        reply = reply.cached(cached);
    }
    if let Some(words) = line["stalls_after"].as_u64() {
        reply = reply.stalls_after(usize::try_from(words).ok()?);
    }
    Some(reply)
}
