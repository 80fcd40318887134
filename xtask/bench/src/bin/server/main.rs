//! `server [--quick] --server EXECUTABLE --out FILE`: what the server takes, how fast, and with how much memory and disk.
//!
//! Senders, server and disk are on one machine and share its processors. Events are put into databases of a million by
//! the store itself before a server is started over them; what is measured goes over sockets.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

mod fill;
mod floor;
mod http;
mod ingest;
mod reads;
mod times;
mod traffic;

use std::path::Path;
use std::time::{Duration, Instant};

use agentops_bench::memory;
use agentops_bench::server::Server;
use agentops_bench::target::{self, Target};
use anyhow::{Context as _, ensure};
use serde::Serialize;
use tempfile::TempDir;

use floor::Floor;
use http::Client;
use ingest::{Load, Sent};
use reads::{Lag, Read};
use times::Times;
use traffic::Words;

/// How much is done.
struct Extent {
    past: u64,
    run: Duration,
    rounds: usize,
}

#[derive(Serialize)]
struct Empty {
    start: Times,
    idle_mb: f64,
    runs: Vec<Sent>,
}

#[derive(Serialize)]
struct Full {
    events: u64,
    sessions: u64,
    database_bytes_an_event: f64,
    search_bytes_an_event: f64,
    start: Times,
    runs: Vec<Sent>,
    reads: Vec<Read>,
    lag: Option<Lag>,
}

#[derive(Serialize)]
struct Conversation {
    wire_bytes_an_event: f64,
    database_bytes_an_event: f64,
    share: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let value = |flag: &str| {
        let mut after = arguments.iter().skip_while(|argument| *argument != flag);
        after.nth(1).with_context(|| format!("{flag} is missing"))
    };
    let executable = Path::new(value("--server")?);
    let extent = if quick {
        Extent {
            past: 100_000,
            run: Duration::from_secs(2),
            rounds: 5,
        }
    } else {
        Extent {
            past: 1_000_000,
            run: Duration::from_secs(8),
            rounds: 30,
        }
    };
    let conversation = conversation(executable)?;
    let empty = empty(executable, &extent)?;
    let few = full(executable, &extent, extent.past / 100, true)?;
    let many = full(executable, &extent, extent.past / 5, false)?;
    let floors = floor::run(extent.past, extent.run / 2)?;
    let targets = targets(&empty, &few, &many, &conversation, &floors);
    target::print(&targets);
    let json = serde_json::json!({
        "quick": quick,
        "conversation": conversation,
        "empty": empty,
        "few_long_sessions": few,
        "many_short_sessions": many,
        "floors": floors,
        "targets": targets,
    });
    let out = value("--out")?;
    std::fs::write(out, format!("{json:#}\n")).with_context(|| format!("cannot write {out}"))
}

fn load(senders: u64, readers: usize, time: Duration) -> Load {
    Load {
        senders,
        batch: 100,
        readers,
        time,
        pace: 0,
    }
}

/// From the start of the process to the first answer of 200, a few times.
fn started(
    executable: &Path,
    mut data: TempDir,
    rounds: usize,
) -> anyhow::Result<(Times, TempDir)> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        let server = Server::over(executable, data)?;
        Client::of(server.url())?.get("/health")?;
        times.push(begun.elapsed());
        data = server.stop()?;
    }
    Ok((Times::of(times), data))
}

fn empty(executable: &Path, extent: &Extent) -> anyhow::Result<Empty> {
    let (start, data) = started(executable, tempfile::tempdir()?, 5)?;
    println!("empty: start to the first 200      {start}");
    let server = Server::over(executable, data)?;
    Client::of(server.url())?.get("/v2/sessions")?;
    std::thread::sleep(Duration::from_secs(1));
    let idle_mb = memory::resident(server.pid()).unwrap_or(0) as f64 / 1e6;
    println!("empty: memory, idle                {idle_mb:.1} MB");
    let runs = vec![
        ingest::run(&server, "empty, 1 x 100", load(1, 0, extent.run))?,
        ingest::run(&server, "empty, 16 x 100", load(16, 0, extent.run))?,
    ];
    complete(server, 0, &runs)?;
    Ok(Empty {
        start,
        idle_mb,
        runs,
    })
}

fn full(executable: &Path, extent: &Extent, sessions: u64, long: bool) -> anyhow::Result<Full> {
    let data = tempfile::tempdir()?;
    fill::fill(data.path(), extent.past, sessions, long)?;
    let (events, database, search) = fill::measured(data.path())?;
    let (start, data) = started(executable, data, 3)?;
    println!("full: start to the first 200       {start}");
    let mut server = Server::over(executable, data)?;
    let mut runs = Vec::new();
    let (mut reads, mut lag) = (Vec::new(), None);
    if long {
        reads = reads::pages(&server, extent.rounds)?;
        let peak = memory::peak(server.pid()).unwrap_or(0) as f64 / 1e6;
        println!("full: memory, after these reads    {peak:.1} MB");
        server = Server::over(executable, server.stop()?)?;
        lag = Some(reads::search_lag(&server, extent.run)?);
    } else {
        reads.push(reads::timed(&server, "sessions page", "/", extent.rounds)?);
    }
    let name = |what: &str| format!("{sessions} sessions, {what}");
    runs.push(ingest::run(
        &server,
        &name("1 x 100"),
        load(1, 0, extent.run),
    )?);
    runs.push(ingest::run(
        &server,
        &name("16 x 100"),
        load(16, 0, extent.run),
    )?);
    if long {
        runs.push(ingest::run(
            &server,
            &name("16 x 100, 8 readers"),
            load(16, 8, extent.run),
        )?);
    }
    let probes = lag
        .as_ref()
        .map_or(0, |lag| lag.load.events + lag.found_after.count as u64);
    complete(server, events + probes, &runs)?;
    Ok(Full {
        events,
        sessions,
        database_bytes_an_event: database as f64 / events as f64,
        search_bytes_an_event: search as f64 / events as f64,
        start,
        runs,
        reads,
        lag,
    })
}

/// Ends the server and counts: everything that was answered is there, once.
fn complete(server: Server, before: u64, runs: &[Sent]) -> anyhow::Result<()> {
    let data = server.stop()?;
    let answered = before + runs.iter().map(|run| run.events).sum::<u64>();
    let (stored, ..) = fill::measured(data.path())?;
    ensure!(
        stored == answered,
        "{answered} events were answered and {stored} are stored"
    );
    Ok(())
}

/// Conversations of 30 turns, each of which sends everything that was said before.
fn conversation(executable: &Path) -> anyhow::Result<Conversation> {
    let server = Server::over(executable, tempfile::tempdir()?)?;
    let mut client = Client::of(server.url())?;
    let mut words = Words::new(5);
    let (mut wire, mut count) = (0, 0_u64);
    for number in 0..100 {
        let jwt = client.session(&format!("conversation-{number}"))?;
        let mut history = Vec::new();
        for _ in 0..30 {
            let body = traffic::turn(&mut words, &mut history);
            client.events(&jwt, &body)?;
            wire += body.len();
            count += 1;
        }
    }
    let data = server.stop()?;
    let (events, database, _) = fill::measured(data.path())?;
    ensure!(
        events == count,
        "{count} turns were answered and {events} are stored"
    );
    let conversation = Conversation {
        wire_bytes_an_event: wire as f64 / count as f64,
        database_bytes_an_event: database as f64 / count as f64,
        share: database as f64 / wire as f64,
    };
    println!(
        "conversations of 30 turns: {:.0} B a turn on the wire, {:.0} B stored",
        conversation.wire_bytes_an_event, conversation.database_bytes_an_event
    );
    Ok(conversation)
}

fn targets(
    empty: &Empty,
    few: &Full,
    many: &Full,
    conversation: &Conversation,
    floors: &[Floor],
) -> Vec<Target> {
    let (most, least) = (Target::at_most, Target::at_least);
    let read = |what: &str| {
        let found = few.reads.iter().find(|read| read.what == what);
        found.map_or(f64::MAX, |read| read.times.p50)
    };
    let peak = |runs: &[Sent]| runs.iter().map(|run| run.peak_mb).fold(0.0, f64::max);
    let floor = |rows: u64| {
        let at = floors
            .iter()
            .rev()
            .find(|floor| floor.rows_a_commit == rows);
        at.map_or(f64::MAX, |floor| floor.rows_per_s)
    };
    let lag = few
        .lag
        .as_ref()
        .map_or(f64::MAX, |lag| lag.found_after.max / 1e3);
    vec![
        least(
            "16 x 100, events/s, few long sessions",
            few.runs[1].events_per_s,
            40_000.0,
        ),
        least(
            "16 x 100, events/s, many short sessions",
            many.runs[1].events_per_s,
            40_000.0,
        ),
        least(
            "1 x 100, events/s, few long sessions",
            few.runs[0].events_per_s,
            15_000.0,
        ),
        least(
            "1 x 100, events/s, many short sessions",
            many.runs[0].events_per_s,
            15_000.0,
        ),
        least(
            "16 x 100, share of SQLite alone",
            few.runs[1].events_per_s / floor(1_600),
            0.5,
        ),
        least(
            "1 x 100, share of SQLite alone",
            few.runs[0].events_per_s / floor(100),
            0.5,
        ),
        most("16 x 100, empty, p99 ms", empty.runs[1].answers.p99, 75.0),
        most(
            "16 x 100, few long sessions, p99 ms",
            few.runs[1].answers.p99,
            75.0,
        ),
        most(
            "16 x 100, many short sessions, p99 ms",
            many.runs[1].answers.p99,
            75.0,
        ),
        most("start to the first 200, empty, ms", empty.start.p50, 60.0),
        most("start to the first 200, full, ms", few.start.p50, 60.0),
        most("memory idle, MB", empty.idle_mb, 20.0),
        most(
            "memory under load, MB",
            peak(&few.runs).max(peak(&empty.runs)).max(peak(&many.runs)),
            150.0,
        ),
        most(
            "database bytes an event",
            few.database_bytes_an_event,
            500.0,
        ),
        most("search bytes an event", few.search_bytes_an_event, 350.0),
        most(
            "conversation, % of its wire size",
            conversation.share * 100.0,
            15.0,
        ),
        most("search lag at 10,000 events/s, s", lag, 5.0),
        most("sessions page, ms", read("sessions page"), 30.0),
        most(
            "sessions page, many sessions, ms",
            many.reads[0].times.p50,
            30.0,
        ),
        most(
            "session of 1,000 events, page, ms",
            read("session page, 1,000 events"),
            50.0,
        ),
        most(
            "search, a word of one event in 5, ms",
            read("search, a word of one event in 5, newest 50"),
            100.0,
        ),
        most(
            "session of 50,000 events, page, ms",
            read("session page, 50,000 events"),
            1_000.0,
        ),
    ]
}
