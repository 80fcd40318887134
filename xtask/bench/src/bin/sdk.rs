//! `sdk [--quick] --out FILE`: what one recorded call costs, for every subject, in interleaved rounds.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use std::collections::HashMap;

use agentops_bench::allocations::Counting;
use agentops_bench::child::{self, Ask, Remote, Round};
use agentops_bench::peers::SUBJECTS;
use agentops_bench::work::What;
use anyhow::Context as _;
use serde::Serialize;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of a round and of a thread: few enough for the memory of each subject, so that nothing is dropped.
const CALLS: usize = 10_000;
const CALLS_OF_8: usize = 2_000;
/// What a subject must have room for at once: eight threads.
const ROOM: usize = 8 * CALLS_OF_8;
/// A loop of these costs so little that a round needs more of them for the clock.
const CALLS_WITHOUT_RECORDING: usize = 200_000;

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
struct Row {
    subject: &'static str,
    what: What,
    threads: usize,
    wall_ns: f64,
    cpu_ns: f64,
    allocations: f64,
    lost: u64,
}

/// What was asked for, and what came out.
#[derive(Debug, Serialize)]
struct Target {
    name: &'static str,
    value: f64,
    limit: f64,
    met: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice()
        && flag == "--child"
    {
        let subject = SUBJECTS.iter().find(|subject| subject.name == name);
        return child::serve(subject.context("no such subject")?, ROOM);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let out = arguments
        .iter()
        .skip_while(|argument| *argument != "--out")
        .nth(1)
        .context("say where to write: --out FILE")?;
    let rows = measure(if quick { 7 } else { 31 })?;
    print(&rows);
    let targets = targets(&rows);
    for target in &targets {
        let verdict = if target.met { "met   " } else { "MISSED" };
        println!(
            "{verdict}  {:<66} {:>8.2}  (at most {:.2})",
            target.name, target.value, target.limit
        );
    }
    let json = serde_json::json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "quick": quick,
        "rows": rows,
        "targets": targets,
    });
    std::fs::write(out, format!("{json:#}\n")).with_context(|| format!("cannot write {out}"))
}

fn ask(subject: &str, what: What, threads: usize) -> Ask {
    let recorded = subject != "bare" && !subject.ends_with("off");
    let calls = match (recorded, threads) {
        (false, _) => CALLS_WITHOUT_RECORDING,
        (true, 1) => CALLS,
        (true, _) => CALLS_OF_8,
    };
    Ask {
        what,
        calls,
        threads,
    }
}

/// Round by round, every subject in each, so that what else the machine does hits all alike.
fn measure(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let mut remotes = Vec::new();
    for subject in SUBJECTS {
        remotes.push((subject.name, Remote::start(&["--child", subject.name])?));
    }
    let mut results: HashMap<(&str, What, usize), Vec<Round>> = HashMap::new();
    for turn in 0..=rounds {
        for (threads, every) in [(1, 1), (8, 3)] {
            if turn % every != 0 {
                continue;
            }
            for what in What::ALL {
                for (name, remote) in &mut remotes {
                    let round = remote
                        .ask(&ask(name, what, threads))
                        .with_context(|| format!("{name} failed"))?;
                    // The first is for warming up.
                    if turn > 0 {
                        results
                            .entry((name, what, threads))
                            .or_default()
                            .push(round);
                    }
                }
            }
        }
    }
    let mut rows = Vec::new();
    for threads in [1, 8] {
        for what in What::ALL {
            for subject in SUBJECTS {
                let rounds = &results[&(subject.name, what, threads)];
                rows.push(Row {
                    subject: subject.name,
                    what,
                    threads,
                    wall_ns: median(rounds, |round| round.wall_ns),
                    cpu_ns: median(rounds, |round| round.cpu_ns),
                    allocations: median(rounds, |round| round.allocations),
                    lost: rounds.iter().map(|round| round.lost).sum(),
                });
            }
        }
    }
    Ok(rows)
}

fn median(rounds: &[Round], of: fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row<'a>(rows: &'a [Row], subject: &str, what: What, threads: usize) -> &'a Row {
    rows.iter()
        .find(|row| row.subject == subject && row.what == what && row.threads == threads)
        .expect("every subject has every row")
}

fn print(rows: &[Row]) {
    println!(
        "ns a call on the processor (on the wall), allocations a call; eight threads: on the processor"
    );
    println!(
        "{:<16} {:>21} {:>26} {:>20}   {:>10} {:>10}",
        "", "add", "tool", "tiny", "add x8", "tool x8"
    );
    for subject in SUBJECTS {
        let cell = |what| {
            let row = row(rows, subject.name, what, 1);
            format!("{:.1} ({:.1})", row.cpu_ns, row.wall_ns)
        };
        let allocations = |what| row(rows, subject.name, what, 1).allocations;
        let eight = |what| row(rows, subject.name, what, 8).cpu_ns;
        println!(
            "{:<16} {:>15} {:>5.1} {:>20} {:>5.1} {:>20}   {:>10.1} {:>10.1}",
            subject.name,
            cell(What::Add),
            allocations(What::Add),
            cell(What::Tool),
            allocations(What::Tool),
            cell(What::Tiny),
            eight(What::Add),
            eight(What::Tool),
        );
    }
    let lost: Vec<String> = rows
        .iter()
        .filter(|row| row.lost > 0)
        .map(|row| {
            format!(
                "{} {} x{}: {}",
                row.subject,
                row.what.name(),
                row.threads,
                row.lost
            )
        })
        .collect();
    if !lost.is_empty() {
        println!(
            "calls that did not arrive, so that the figure flatters: {}",
            lost.join(", ")
        );
    }
    println!();
}

/// The promises, each as a number and its limit.
fn targets(rows: &[Row]) -> Vec<Target> {
    // Of the processor's time: on a machine that does other things as well, the wall's says little.
    let ns = |subject, what| row(rows, subject, what, 1).cpu_ns;
    let of_8 = |subject, what| row(rows, subject, what, 8).cpu_ns;
    let on = |what| ns("agentops on", what);
    let off_over = |what, other| ns("agentops off", what) - ns(other, what);
    let share = |what, other| on(what) / ns(other, what);
    let added = |what| {
        let of = |subject| row(rows, subject, what, 1).allocations;
        of("agentops on") - of("bare")
    };
    let target = |name, value: f64, limit: f64| Target {
        name,
        value,
        limit,
        met: value <= limit,
    };
    use What::{Add, Tiny, Tool};
    vec![
        target("add on, ns", on(Add), 200.0),
        target("tool on over bare, ns", on(Tool) - ns("bare", Tool), 200.0),
        target("add on: allocations added", added(Add), 0.01),
        target("tool on: allocations added", added(Tool), 0.01),
        target(
            "add on / tracing + otel",
            share(Add, "tracing + otel"),
            0.125,
        ),
        target(
            "tool on / tracing + otel",
            share(Tool, "tracing + otel"),
            0.125,
        ),
        target("add on / fastrace", share(Add, "fastrace"), 1.0),
        target("tool on / fastrace", share(Tool, "fastrace"), 1.0),
        target("add on / otel api", share(Add, "otel api"), 1.0),
        target("tool on / otel api", share(Tool, "otel api"), 1.0),
        target("add off, ns", ns("agentops off", Add), 2.0),
        target(
            "tiny (async) off over bare, ns",
            off_over(Tiny, "bare"),
            5.0,
        ),
        target(
            "add off over tracing off, ns",
            off_over(Add, "tracing off"),
            0.0,
        ),
        target(
            "tool off over tracing off, ns",
            off_over(Tool, "tracing off"),
            0.0,
        ),
        target(
            "tiny off over tracing off, ns",
            off_over(Tiny, "tracing off"),
            0.0,
        ),
        target(
            "add on: 8 threads / 1, processor",
            of_8("agentops on", Add) / on(Add),
            2.0,
        ),
        target(
            "tool on: 8 threads / 1, processor",
            of_8("agentops on", Tool) / on(Tool),
            2.0,
        ),
    ]
}
