//! How long pages and answers take with much stored, and how soon a new event is found.

use std::time::{Duration, Instant};

use agentops_bench::server::Server;
use anyhow::ensure;
use serde::Serialize;

use crate::fill::{FIFTY_THOUSAND, THOUSAND};
use crate::http::Client;
use crate::ingest::{self, Load, Sent};
use crate::times::Times;
use crate::traffic::{self, COMMON, Words};

/// How long a new event may take to be found.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize)]
pub(crate) struct Read {
    pub(crate) what: &'static str,
    pub(crate) bytes: usize,
    pub(crate) times: Times,
}

/// Every page and answer that a target speaks of, some times each.
pub(crate) fn pages(server: &Server, rounds: usize) -> anyhow::Result<Vec<Read>> {
    let session = |id: &str, rest: &str| format!("/v2/sessions/{id}{rest}");
    let asked = [
        ("sessions page", "/".to_owned()),
        ("sessions list", "/v2/sessions".to_owned()),
        (
            "session page, 1,000 events",
            format!("/sessions/{THOUSAND}"),
        ),
        ("session export, 1,000 events", session(THOUSAND, "/export")),
        (
            "session page, 50,000 events",
            format!("/sessions/{FIFTY_THOUSAND}"),
        ),
        (
            "500 of 50,000 events",
            session(FIFTY_THOUSAND, "/events?limit=500"),
        ),
        (
            "search, a word of one event in 5, newest 50",
            format!("/v2/search?q={COMMON}"),
        ),
        (
            "search, a word that is nowhere",
            "/v2/search?q=zzzzzz".to_owned(),
        ),
        ("overview", "/v2/metrics/overview".to_owned()),
    ];
    let mut reads = Vec::new();
    for (what, path) in asked {
        reads.push(timed(server, what, &path, rounds)?);
    }
    // Long ones once or twice only.
    reads.push(timed(
        server,
        "session export, 50,000 events",
        &session(FIFTY_THOUSAND, "/export"),
        2,
    )?);
    Ok(reads)
}

pub(crate) fn timed(
    server: &Server,
    what: &'static str,
    path: &str,
    rounds: usize,
) -> anyhow::Result<Read> {
    let mut client = Client::of(server.url())?;
    let mut bytes = client.get(path)?.len();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let asked = Instant::now();
        bytes = client.get(path)?.len();
        times.push(asked.elapsed());
    }
    let times = Times::of(times);
    println!("{what:<46} {bytes:>10} B  {times}");
    Ok(Read { what, bytes, times })
}

#[derive(Debug, Serialize)]
pub(crate) struct Lag {
    pub(crate) load: Sent,
    pub(crate) found_after: Times,
}

/// Sends a steady stream, and asks meanwhile for words that were just stored.
pub(crate) fn search_lag(server: &Server, time: Duration) -> anyhow::Result<Lag> {
    let load = Load {
        senders: 4,
        batch: 100,
        readers: 0,
        time,
        pace: 10_000,
    };
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| probe(server, time));
        let load = ingest::run(server, "10,000 events a second", load)?;
        let found_after = Times::of(probe.join().expect("the probe does not panic")?);
        println!("{:<34} found after       {found_after}", "");
        Ok(Lag { load, found_after })
    })
}

fn probe(server: &Server, time: Duration) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::of(server.url())?;
    let jwt = client.session("the-probe")?;
    let mut words = Words::new(77);
    let (begun, mut lags) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let word = format!("probe{:016x}", words.next());
        let body =
            traffic::events(&mut words, 1).replacen("\"assistant\"", &format!("\"{word}\""), 1);
        client.events(&jwt, &body)?;
        let stored = Instant::now();
        loop {
            let answer = client.get(&format!("/v2/search?q={word}"))?;
            if !answer.starts_with(b"{\"events\":[]") {
                break;
            }
            ensure!(stored.elapsed() < PATIENCE, "an event is not found");
            std::thread::sleep(Duration::from_millis(10));
        }
        lags.push(stored.elapsed());
    }
    Ok(lags)
}
