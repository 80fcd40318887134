//! An export against the list that the program kept of itself, field by field.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use agentops_protocol::{Timestamp, Usd};
use agentops_tests::{Entry, Failure, Written};
use serde_json::{Value, json};

use crate::common::{all_events, list, text};

/// What the reading of two clocks may be apart: the wall clock, and the one that calls are timed by.
const SLACK: i64 = 5_000;

/// Checks that the export says what the list says, and nothing else.
#[track_caller]
pub(crate) fn check(export: &Value, written: &Written) {
    let known = Known::of(export, written);
    for entry in &written.entries {
        known.check(entry);
    }
    orders(export, written, &known);
    session(export, written);
    agents(export, written);
    stats(export, written);
}

/// Checks what the SDK itself told the program: before the end the counts, after it the export.
#[track_caller]
pub(crate) fn check_told(export: &Value, written: &Written) {
    check(&written.session.export, written);
    let (told, stats) = (&written.session.analytics, &export["stats"]);
    for (name, count) in [
        ("LLM calls", "llms"),
        ("Tool calls", "tools"),
        ("Actions", "actions"),
        ("Errors", "errors"),
        ("Prompt tokens", "prompt_tokens"),
        ("Completion tokens", "completion_tokens"),
    ] {
        assert_eq!(told[name], stats[count], "{name}: {told} {stats}");
    }
    let cost = stats["cost"]
        .as_str()
        .map(|cost| usd(cost).to_six_decimals());
    assert_eq!(told["Cost"], json!(cost), "{told} {stats}");
    assert!(text(told, "Duration").ends_with('s'), "{told}");
}

/// The recorded events, by the program's own numbers.
struct Known<'a> {
    by_number: HashMap<u64, &'a Value>,
    /// Errors that came of calls, by the id of the call.
    by_trigger: HashMap<&'a str, &'a Value>,
    agents: HashMap<&'a str, &'a str>,
}

impl<'a> Known<'a> {
    fn of(export: &'a Value, written: &Written) -> Self {
        let mut by_number = HashMap::new();
        let mut by_trigger = HashMap::new();
        for event in all_events(export) {
            let number = event["params"]["n"].as_u64();
            match number.or_else(|| event["logs"]["n"].as_u64()) {
                Some(n) => assert!(by_number.insert(n, event).is_none(), "{n} is there twice"),
                None => {
                    assert_eq!(event["event_type"], "errors", "what is this: {event}");
                    let trigger = text(event, "trigger_event_id");
                    let before = by_trigger.insert(trigger, event);
                    assert!(before.is_none(), "two errors of {trigger}");
                }
            }
        }
        let wanted: BTreeSet<u64> = written.entries.iter().map(|entry| entry.n).collect();
        let found: BTreeSet<u64> = by_number.keys().copied().collect();
        assert_eq!(found, wanted, "each call is there, and none more");
        let agents = list(export, "agents").iter();
        Self {
            by_number,
            by_trigger,
            agents: agents
                .map(|agent| (text(agent, "id"), text(agent, "name")))
                .collect(),
        }
    }

    fn id(&self, n: Option<u64>) -> Value {
        n.map_or(Value::Null, |n| self.by_number[&n]["id"].clone())
    }

    fn check(&self, entry: &Entry) {
        let event = self.by_number[&entry.n];
        let told = format!("{entry:#?}\n{event:#}");
        let (kind, name) = match entry.kind.as_str() {
            "action" => ("actions", "action_type"),
            "tool" => ("tools", "name"),
            "llm" => ("llms", "model"),
            _ => ("errors", "error_type"),
        };
        assert_eq!(event["event_type"], kind, "{told}");
        assert_eq!(event["parent_id"], self.id(entry.parent), "{told}");
        assert_eq!(event["status"], entry.status.as_str(), "{told}");
        assert_eq!(event["returns"], entry.returns, "{told}");
        let agent = entry.agent.as_deref().unwrap_or("Default Agent");
        assert_eq!(self.agents[text(event, "agent_id")], agent, "{told}");
        times(entry, event, &told);
        if kind == "errors" {
            let failure = entry.failure.as_ref().unwrap();
            assert_eq!(event["trigger_event_id"], self.id(entry.trigger), "{told}");
            assert_eq!(event["code"], json!(entry.code), "{told}");
            let kind = entry.trigger.map(|n| &self.by_number[&n]["event_type"]);
            assert_eq!(event["trigger_event_type"], json!(kind), "{told}");
            failed(failure, event, &told);
        } else {
            assert_eq!(event[name], entry.name.as_str(), "{told}");
            assert_eq!(event["params"], entry.params, "{told}");
            self.linked(entry, event, &told);
        }
        if let Some(llm) = &entry.llm {
            assert_eq!(event["prompt"], llm.prompt, "{told}");
            assert_eq!(event["completion"], llm.completion, "{told}");
            assert_eq!(event["prompt_tokens"], json!(llm.prompt_tokens), "{told}");
            let tokens = json!(llm.completion_tokens);
            assert_eq!(event["completion_tokens"], tokens, "{told}");
            let tokens = json!(llm.cached_read_tokens);
            assert_eq!(event["cached_read_tokens"], tokens, "{told}");
            let wanted = llm.cost.as_deref().map(usd);
            let cost = (!event["cost"].is_null()).then(|| usd(&event["cost"].to_string()));
            assert_eq!(cost, wanted, "{told}");
        }
    }

    /// The error of a call stands beside it and points at it.
    fn linked(&self, entry: &Entry, event: &Value, told: &str) {
        let error = self.by_trigger.get(text(event, "id")).copied();
        let Some(failure) = &entry.failure else {
            assert_eq!(error, None, "{told}");
            return;
        };
        let error = error.unwrap_or_else(|| panic!("no error of {told}"));
        let told = format!("{told}\n{error:#}");
        assert_eq!(error["trigger_event_type"], event["event_type"], "{told}");
        assert_eq!(error["parent_id"], event["id"], "{told}");
        assert_eq!(error["agent_id"], event["agent_id"], "{told}");
        assert_eq!(error["status"], "error", "{told}");
        assert_eq!(error["timestamp"], event["end_timestamp"], "{told}");
        failed(failure, error, &told);
    }
}

fn failed(failure: &Failure, error: &Value, told: &str) {
    let kind = text(error, "error_type");
    assert_eq!(kind.rsplit("::").next(), Some(&*failure.kind), "{told}");
    let details = &error["details"];
    assert_eq!(details["message"], failure.message.as_str(), "{told}");
    assert_eq!(details["chain"], json!(failure.chain), "{told}");
    match &failure.place {
        // The column is the compiler's.
        Some(place) => {
            let found = text(details, "location").rsplit_once(':').unwrap().0;
            assert_eq!(found, place, "{told}");
        }
        None => assert_eq!(details["location"], Value::Null, "{told}"),
    }
}

fn times(entry: &Entry, event: &Value, told: &str) {
    let (start, end) = (
        micros(&event["init_timestamp"]),
        micros(&event["end_timestamp"]),
    );
    if let Some(exact) = entry.exact {
        assert_eq!((start, end), exact, "{told}");
        return;
    }
    assert!(start >= entry.before - SLACK, "began too early: {told}");
    assert!(end <= entry.after + SLACK, "ended too late: {told}");
    assert!(start <= end, "ended before it began: {told}");
}

/// Each list is in the order in which the program began its calls.
fn orders(export: &Value, written: &Written, known: &Known<'_>) {
    for (name, kind) in [("actions", "action"), ("llms", "llm"), ("tools", "tool")] {
        let starts: Vec<i64> = list(export, name)
            .iter()
            .map(|event| micros(&event["init_timestamp"]))
            .collect();
        assert!(starts.is_sorted(), "{name} is not sorted by start");
        let of_kind = |entry: &&Entry| entry.kind == kind && entry.exact.is_none();
        // Calls of parallel tasks have no order of their own.
        let in_turn =
            |entry: &&Entry| !matches!(entry.params["query"].as_str(), Some("one" | "two"));
        let began: Vec<i64> = written
            .entries
            .iter()
            .filter(of_kind)
            .filter(in_turn)
            .map(|entry| micros(&known.by_number[&entry.n]["init_timestamp"]))
            .collect();
        let late = |pair: &[i64]| pair[0] > pair[1] + SLACK;
        assert!(!began.windows(2).any(late), "{name}: {began:?}");
    }
}

fn session(export: &Value, written: &Written) {
    let (found, wanted) = (&export["session"], &written.session);
    assert_eq!(found["id"], wanted.id.as_str());
    assert_eq!(found["session_id"], wanted.id.as_str());
    assert_eq!(found["tags"], json!(wanted.tags));
    assert_eq!(found["end_state"], wanted.end_state.as_str());
    assert_eq!(found["end_state_reason"], json!(wanted.end_state_reason));
    assert_eq!(found["video"], json!(wanted.video));
    assert_eq!(found["dropped"], json!({}));
    assert!(!text(found, "project_id").is_empty());
    let (start, end) = (
        micros(&found["init_timestamp"]),
        micros(&found["end_timestamp"]),
    );
    let [before, started, ending, ended] = wanted.times;
    assert!(before <= start && start <= started, "{found} {wanted:?}");
    assert!(ending <= end && end <= ended, "{found} {wanted:?}");
    let environment = &found["host_env"];
    let sections: BTreeSet<_> = environment.as_object().unwrap().keys().collect();
    for section in [
        "SDK",
        "OS",
        "CPU",
        "RAM",
        "Disk",
        "Project Working Directory",
        "Virtual Environment",
    ] {
        assert!(sections.contains(&section.to_owned()), "{sections:?}");
    }
    let directory = &environment["Project Working Directory"]["Project Working Directory"];
    assert_eq!(*directory, wanted.directory.as_str());
}

fn agents(export: &Value, written: &Written) {
    let names: BTreeSet<&str> = list(export, "agents")
        .iter()
        .map(|agent| text(agent, "name"))
        .collect();
    let mut wanted: BTreeSet<&str> = written.session.agents.iter().map(|name| &**name).collect();
    wanted.insert("Default Agent");
    assert_eq!(names, wanted);
    assert_eq!(list(export, "agents").len(), wanted.len());
}

/// The counts, counted from the list.
pub(crate) fn stats(export: &Value, written: &Written) {
    let stats = &export["stats"];
    let count = |kind: &str| {
        let of_kind = written.entries.iter().filter(|entry| entry.kind == kind);
        of_kind.count() as u64
    };
    let of_calls = written
        .entries
        .iter()
        .filter(|entry| entry.kind != "error" && entry.failure.is_some())
        .count() as u64;
    let errors = count("error") + of_calls;
    let events = count("action") + count("tool") + count("llm") + errors;
    for (name, wanted) in [
        ("events", events),
        ("actions", count("action")),
        ("tools", count("tool")),
        ("llms", count("llm")),
        ("errors", errors),
    ] {
        assert_eq!(stats[name], wanted, "{name}: {stats}");
    }
    assert_eq!(stats["session_id"], written.session.id.as_str());
    assert_eq!(stats["status"], "ended");
    assert_eq!(stats["dropped"], json!({}));
    let session = &export["session"];
    let length = micros(&session["end_timestamp"]) - micros(&session["init_timestamp"]);
    let duration = stats["duration"].as_f64().unwrap() * 1e6;
    assert!((duration - length as f64).abs() < 1.0, "{stats} {length}");
    money(stats, written);
}

fn money(stats: &Value, written: &Written) {
    let mut tokens = [0, 0, 0];
    let (mut sum, mut unpriced) = (Usd::ZERO, 0_u64);
    let mut models: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &written.entries {
        let Some(llm) = &entry.llm else { continue };
        *models.entry(&entry.name).or_default() += 1;
        tokens[0] += llm.prompt_tokens.unwrap_or(0);
        tokens[1] += llm.completion_tokens.unwrap_or(0);
        tokens[2] += llm.cached_read_tokens.unwrap_or(0);
        match &llm.cost {
            Some(cost) => sum = sum + usd(cost),
            None => unpriced += 1,
        }
    }
    assert_eq!(stats["prompt_tokens"], tokens[0], "{stats}");
    assert_eq!(stats["completion_tokens"], tokens[1], "{stats}");
    assert_eq!(stats["cached_read_tokens"], tokens[2], "{stats}");
    assert_eq!(stats["cost_known"], sum.to_string(), "{stats}");
    assert_eq!(stats["unpriced"], unpriced, "{stats}");
    match unpriced {
        0 => assert_eq!(stats["cost"], sum.to_string(), "{stats}"),
        _ => assert_eq!(stats["cost"], Value::Null, "{stats}"),
    }
    let found: BTreeMap<&str, u64> = stats["models"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(model, counts)| (model.as_str(), counts["calls"].as_u64().unwrap()))
        .collect();
    assert_eq!(found, models, "{stats}");
}

fn usd(amount: &str) -> Usd {
    amount.parse().unwrap()
}

/// Microseconds since 1970 of a time in RFC 3339.
#[track_caller]
pub(crate) fn micros(time: &Value) -> i64 {
    let time: Timestamp = time
        .as_str()
        .unwrap_or_else(|| panic!("no time: {time}"))
        .parse()
        .unwrap();
    time.as_micros()
}
