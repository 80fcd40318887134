//! `cargo xtask busy`: fills a running server with what a project in use would have recorded.
//!
//! Sessions of four programs over two weeks, sent over the REST API as any client sends them:
//! nested calls of several agents, chats with tools, errors with their causes, panics, calls that
//! were cancelled or interrupted, sessions that still run. The same seed gives the same sessions;
//! only their times depend on the clock, so that there is always something of today.

mod cast;
mod dice;
mod story;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use self::dice::Dice;
use self::story::Story;
use crate::http;

/// A well-formed key: a server is open to its own machine.
const KEY: &str = "11111111-1111-4111-8111-111111111111";
/// Events of one request.
const BATCH: usize = 500;
/// How far back the oldest session begins.
const DAYS: u64 = 14;
const HOUR_US: u64 = 60 * 60 * 1_000_000;
const DAY_US: u64 = 24 * HOUR_US;
/// Sessions that still run at the end.
const RUNNING: usize = 3;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The server, as http://127.0.0.1:8717
    #[arg(long, default_value = "http://127.0.0.1:8717")]
    endpoint: String,
    /// A key of it; a server is open to its own machine
    #[arg(long, default_value = KEY)]
    api_key: String,
    /// How many sessions
    #[arg(long, default_value_t = 160)]
    sessions: usize,
    /// How many events the longest session has, beside those of ordinary length; 0 for none
    #[arg(long, default_value_t = 2_000)]
    longest: usize,
    /// Another number, other sessions
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let host = args.endpoint.trim_end_matches('/');
    let host = host
        .strip_prefix("http://")
        .context("write the endpoint as http://host:port")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = u64::try_from(now.as_micros())?;
    let events = fill(
        host,
        &args.api_key,
        args.sessions,
        args.longest,
        args.seed,
        now,
    )?;
    println!(
        "sent {} sessions with {events} events to {}",
        args.sessions, args.endpoint
    );
    Ok(())
}

/// Sends sessions to the server at `host`, a host and a port; how many events they have.
pub(crate) fn fill(
    host: &str,
    key: &str,
    sessions: usize,
    longest: usize,
    seed: u64,
    now_us: u64,
) -> anyhow::Result<usize> {
    let mut dice = Dice::new(seed);
    let mut events = 0;
    for index in 0..sessions {
        let story = match sessions - index {
            // The last ones run now; the one before them is the longest.
            left if left <= RUNNING => Story::running(&mut dice, now_us),
            left if left == RUNNING + 1 && longest > 0 => Story::long(&mut dice, now_us, longest),
            _ => {
                // Denser towards today, and none in the last hour.
                let back = dice.share() * dice.share() * (DAYS * DAY_US) as f64;
                Story::ended(&mut dice, now_us - HOUR_US - back as u64)
            }
        };
        events += story.events.len();
        send(host, key, &story).with_context(|| format!("session {index}"))?;
    }
    Ok(events)
}

fn send(host: &str, key: &str, story: &Story) -> anyhow::Result<()> {
    let ask = |method: &str, path: &str, header: (&str, &str), body: &Value| {
        let (status, text) = http::send(host, method, path, &[header], &body.to_string())?;
        ensure!(status == 200, "{method} {path}: {status} {text}");
        anyhow::Ok(text)
    };
    let session = json!({ "session": story.session });
    let made = ask(
        "POST",
        "/v2/create_session",
        ("X-Agentops-Api-Key", key),
        &session,
    )?;
    let made: Value = serde_json::from_str(&made)?;
    let bearer = format!("Bearer {}", made["jwt"].as_str().context("no token")?);
    let token = ("Authorization", bearer.as_str());
    for agent in &story.agents {
        ask("POST", "/v2/create_agent", token, agent)?;
    }
    for events in story.events.chunks(BATCH) {
        ask(
            "POST",
            "/v2/create_events",
            token,
            &json!({ "events": events }),
        )?;
    }
    if !story.logs.is_empty() {
        ask(
            "PUT",
            "/v2/update_logs",
            token,
            &json!({ "logs": story.logs }),
        )?;
    }
    if let Some(end) = &story.end {
        ask(
            "POST",
            "/v2/update_session",
            token,
            &json!({ "session": end }),
        )?;
    }
    Ok(())
}
