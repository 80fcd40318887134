//! The programs, run one after the other with one release.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::Value;

use super::amount::Amount;
use super::expect::{self, Ending, Event, Expected};
use super::process::{Ended, finish};
use super::release::{Defect, Release, Seen};
use super::server::{KEY, Server};
use super::told::{Told, What};
use super::{compare, python};

/// How long one program may take.
const LIMIT: Duration = Duration::from_secs(90);

/// A program and its arguments.
struct Case {
    program: &'static str,
    arguments: &'static [&'static str],
    ending: Ending,
    /// Run only with a release that has it.
    only_with: Option<Defect>,
}

const fn case(
    program: &'static str,
    arguments: &'static [&'static str],
    ending: Ending,
    only_with: Option<Defect>,
) -> Case {
    Case {
        program,
        arguments,
        ending,
        only_with,
    }
}

const CASES: &[Case] = &[
    case("everything", &[], Ending::Itself, None),
    case("sessions", &[], Ending::Itself, None),
    case("inherited", &[], Ending::Itself, None),
    case("no_json", &[], Ending::Itself, None),
    case("many", &["1000"], Ending::Itself, None),
    case(
        "many",
        &["512"],
        Ending::Itself,
        Some(Defect::StuckAtFullQueue),
    ),
    case("endings", &["leave", "1"], Ending::Itself, None),
    case("endings", &["raise", "1"], Ending::Exception, None),
    case("endings", &["raise", "3"], Ending::Exception, None),
    case("endings", &["interrupt", "1"], Ending::Interrupt, None),
    case("endings", &["interrupt", "2"], Ending::Interrupt, None),
    case(
        "endings",
        &["analytics", "1"],
        Ending::Itself,
        Some(Defect::AnalyticsEndsSession),
    ),
];

/// Runs all of them; the differences.
pub(crate) fn run_all(
    root: &Path,
    release: &Release,
    python: &Path,
    server: &Server,
) -> anyhow::Result<Vec<String>> {
    let mut seen = Seen::default();
    let mut problems = Vec::new();
    let with = |case: &&Case| case.only_with.is_none_or(|defect| release.has(defect));
    for case in CASES.iter().filter(with) {
        let name = format!(
            "agentops {} {} {}",
            release.version,
            case.program,
            case.arguments.join(" ")
        );
        let name = name.trim_end();
        let begun = Instant::now();
        let wrong = run_one(root, case, release, python, server, &mut seen);
        let wrong = wrong.unwrap_or_else(|error| Wrong(vec![format!("{error:#}")], 0));
        println!(
            "{name}: {} events, {} differences, {:.1} s",
            wrong.1,
            wrong.0.len(),
            begun.elapsed().as_secs_f64()
        );
        problems.extend(wrong.0.iter().map(|wrong| format!("{name}: {wrong}")));
    }
    for defect in seen.names() {
        println!("agentops {}: known defect: {defect}", release.version);
    }
    let unseen = release.unseen(&seen);
    let unseen = unseen.iter().map(|defect| {
        format!(
            "agentops {}: its known defect was not seen: {defect}",
            release.version
        )
    });
    problems.extend(unseen);
    Ok(problems)
}

/// The differences, and how many events were compared.
struct Wrong(Vec<String>, usize);

fn run_one(
    root: &Path,
    case: &Case,
    release: &Release,
    python: &Path,
    server: &Server,
    seen: &mut Seen,
) -> anyhow::Result<Wrong> {
    let ended = run_program(root, case, python, server)?;
    let told = Told::read(&ended.output)?;
    let mut wrong = exit(case.ending, &ended, release, seen);
    let sessions = expect::sessions(&told, case.ending, release, seen);
    ensure!(
        !sessions.is_empty(),
        "no session; it says:\n{}",
        ended.errors
    );
    let mut compared = 0;
    for expected in &sessions {
        let (export, stats) = server.session(&expected.id)?;
        let lines: Vec<&Told> = told
            .iter()
            .filter(|line| line.is_of(&expected.id))
            .collect();
        wrong.extend(compare::session(expected, &export, &stats));
        wrong.extend(client_side(&lines, expected, &stats, release, seen));
        let text = export.to_string();
        if text.contains(KEY) || text.contains("eyJ") {
            wrong.push("the export holds a key or a token".to_owned());
        }
        compared += expected.events.len();
    }
    if !wrong.is_empty() {
        wrong.push(format!("it says:\n{}", ended.errors));
    }
    Ok(Wrong(wrong, compared))
}

fn run_program(root: &Path, case: &Case, python: &Path, server: &Server) -> anyhow::Result<Ended> {
    // The SDK writes a log file where it stands.
    let here = tempfile::tempdir()?;
    let mut command = Command::new(python);
    python::alone(&mut command);
    let folder = root.join("xtask").join("compat");
    command
        .arg(folder.join(case.program).with_extension("py"))
        .args(case.arguments)
        .current_dir(here.path())
        .env("AGENTOPS_API_KEY", KEY)
        .env("AGENTOPS_API_ENDPOINT", server.url());
    finish(&mut command, LIMIT)
}

fn exit(ending: Ending, ended: &Ended, release: &Release, seen: &mut Seen) -> Vec<String> {
    let expected = match ending {
        Ending::Itself => Some(0),
        Ending::Exception => Some(1),
        Ending::Interrupt if seen.in_release(release, Defect::SigintExitsZero) => Some(0),
        // Ended by the signal, as without the SDK.
        Ending::Interrupt => None,
    };
    if ended.status.code() == expected {
        return Vec::new();
    }
    vec![format!("{}, expected {expected:?}", ended.status)]
}

/// What the SDK says of itself, some of which it has from the server.
fn client_side(
    lines: &[&Told],
    expected: &Expected,
    stats: &Value,
    release: &Release,
    seen: &mut Seen,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut events = Vec::new();
    for line in lines {
        match line.what {
            What::Event => expect::event(line, release, seen, &mut events),
            What::Analytics | What::AnalyticsWhileRunning => {
                let names = ["LLM calls", "Tool calls", "Actions", "Errors"];
                counted(line.get("answer"), names, &events, &[], &mut wrong);
            }
            What::Counts => {
                let again = sent_again(lines, &events, release, seen);
                let names = ["llms", "tools", "actions", "errors"];
                counted(line.get("counts"), names, &events, &again, &mut wrong);
            }
            What::RefusedEnd => {
                let refused = seen.in_release(release, Defect::FailureRefused);
                if line.get("still_running") != refused {
                    wrong.push(format!("an end as Failure was refused: {}", !refused));
                }
            }
            What::TokenCost => {
                let told = Amount::read(line.text("cost")).ok();
                let cost = stats["cost"]
                    .as_str()
                    .map(Amount::read)
                    .and_then(Result::ok);
                if told.is_none() || told != cost {
                    wrong.push(format!(
                        "the SDK was told {:?} as cost, stats say {}",
                        line.text("cost"),
                        stats["cost"]
                    ));
                }
            }
            What::Stuck if !seen.in_release(release, Defect::StuckAtFullQueue) => {
                wrong.push(format!("stuck after {} events", line.get("after")));
            }
            _ => {}
        }
    }
    let stuck = lines.iter().any(|line| line.what == What::Stuck);
    if !stuck && events.len() < expected.events.len() {
        wrong.push("fewer events were recorded than are expected".to_owned());
    }
    wrong
}

/// The kinds of the triggers that are sent, and counted, once more.
fn sent_again(
    lines: &[&Told],
    events: &[Event],
    release: &Release,
    seen: &mut Seen,
) -> Vec<String> {
    let triggers = lines.iter().filter_map(|line| line.get("trigger").as_str());
    let mut again = Vec::new();
    for id in triggers {
        let trigger = events
            .iter()
            .find(|event| event.stored.get("id").and_then(Value::as_str) == Some(id));
        if let Some(trigger) = trigger
            && seen.in_release(release, Defect::TriggerSentTwice)
        {
            again.push(trigger.kind.clone());
        }
    }
    again
}

/// Compares the SDK's own counts of LLM calls, tools, actions and errors.
fn counted(
    counts: &Value,
    names: [&str; 4],
    events: &[Event],
    again: &[String],
    wrong: &mut Vec<String>,
) {
    for (kind, name) in ["llms", "tools", "actions", "errors"]
        .into_iter()
        .zip(names)
    {
        let count = events.iter().filter(|event| event.kind == kind).count()
            + again.iter().filter(|again| *again == kind).count();
        if counts[name].as_u64() != Some(count as u64) {
            wrong.push(format!(
                "the SDK counts {name}: {}, expected {count}",
                counts[name]
            ));
        }
    }
}
