//! What the server has beside what it must have. Every difference is one line; none is the good case.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::amount::Amount;
use super::expect::{Event, Expected, Trigger};

/// The lists of an export.
const KINDS: [&str; 4] = ["actions", "llms", "tools", "errors"];

/// Name of the agent of events that say none.
const DEFAULT_AGENT: &str = "Default Agent";

/// Compares one session, its export and its statistics.
pub(crate) fn session(expected: &Expected, export: &Value, stats: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    head(expected, &export["session"], &mut wrong);
    let default = agents(expected, export, &mut wrong);
    let mut rest = stored(expected, export, &mut wrong);
    let mut previous = String::new();
    for event in &expected.events {
        let found = take(event, &previous, &mut rest);
        match found {
            Some(found) => {
                details(event, &found, default.as_deref(), &mut wrong);
                previous = text(&found, "id").to_owned();
            }
            None => wrong.push(missing(event, &rest)),
        }
    }
    for (kind, left) in &rest {
        wrong.extend(
            left.iter()
                .map(|event| format!("{kind}: nobody recorded {event:?}")),
        );
    }
    statistics(expected, stats, &mut wrong);
    if &export["stats"] != stats {
        wrong.push(format!("stats: the export says {}", export["stats"]));
    }
    wrong
}

fn head(expected: &Expected, session: &Value, wrong: &mut Vec<String>) {
    let mut same = |what: &str, expected: &Value, found: &Value| {
        if expected != found {
            wrong.push(format!("{what}: expected {expected}, is {found}"));
        }
    };
    same("id", &expected.id.clone().into(), &session["id"]);
    same(
        "session_id",
        &expected.id.clone().into(),
        &session["session_id"],
    );
    same("init_timestamp", &expected.init, &session["init_timestamp"]);
    same("video", &expected.video, &session["video"]);
    let sorted = |tags: &mut Vec<String>| tags.sort_unstable();
    let mut tags = expected.tags.clone();
    sorted(&mut tags);
    let mut found: Vec<String> = strings(&session["tags"]).map(str::to_owned).collect();
    sorted(&mut found);
    same("tags", &tags.into(), &found.into());
    let end = &session["end_timestamp"];
    let has_end: Value = end.is_string().into();
    same("an end", &expected.has_end_time.into(), &has_end);
    let state = expected.end.as_ref();
    let state = state.map_or("Indeterminate", |end| end.state.as_str());
    same("end_state", &state.into(), &session["end_state"]);
    if let Some(expected) = &expected.end {
        if let Some(at) = &expected.at {
            same("end_timestamp", at, end);
        }
        let reason = &session["end_state_reason"];
        match &expected.reason_begins {
            None => same("end_state_reason", &expected.reason, reason),
            Some(begins) => {
                let begins_so = reason
                    .as_str()
                    .is_some_and(|text| text.starts_with(begins.as_str()));
                same(
                    "beginning of end_state_reason",
                    &true.into(),
                    &begins_so.into(),
                );
            }
        }
    }
    for section in ["SDK", "OS"] {
        let section = &session["host_env"][section];
        same(
            "a section of host_env",
            &true.into(),
            &section.is_object().into(),
        );
    }
}

/// The agents; the id of the default one, where some event needs it.
fn agents(expected: &Expected, export: &Value, wrong: &mut Vec<String>) -> Option<String> {
    let found: BTreeMap<&str, &str> = items(&export["agents"])
        .map(|agent| (value_text(agent, "id"), value_text(agent, "name")))
        .collect();
    for (id, name) in &expected.agents {
        if found.get(id.as_str()) != Some(&name.as_str()) {
            wrong.push(format!("agents: {name} with id {id} is missing"));
        }
    }
    let own: BTreeSet<&str> = expected.agents.iter().map(|(id, _)| id.as_str()).collect();
    let others: Vec<_> = found.iter().filter(|(id, _)| !own.contains(*id)).collect();
    if let Some((id, name)) = others.iter().find(|(_, name)| **name != DEFAULT_AGENT) {
        wrong.push(format!("agents: nobody made {name} with id {id}"));
    }
    if others.len() > 1 {
        wrong.push(format!("agents: more than one default: {others:?}"));
    }
    others.first().map(|(id, _)| (**id).to_owned())
}

type Rest<'a> = BTreeMap<&'a str, Vec<Map<String, Value>>>;

/// The events by kind, each once and of this session.
fn stored<'a>(expected: &Expected, export: &Value, wrong: &mut Vec<String>) -> Rest<'a> {
    let mut rest: Rest<'a> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for kind in KINDS {
        let list = rest.entry(kind).or_default();
        for event in items(&export[kind]).filter_map(Value::as_object) {
            if !ids.insert(text(event, "id").to_owned()) {
                wrong.push(format!("{kind}: {} is there twice", text(event, "id")));
            }
            let session = event.get("session_id").and_then(Value::as_str);
            if session.is_some_and(|session| session != expected.id)
                || text(event, "event_type") != kind
            {
                wrong.push(format!("{kind}: is of another session or kind: {event:?}"));
            }
            list.push(event.clone());
        }
    }
    rest
}

/// Takes the first stored event that is as expected.
fn take(event: &Event, previous: &str, rest: &mut Rest<'_>) -> Option<Map<String, Value>> {
    let list = rest.get_mut(event.kind.as_str())?;
    let trigger = match &event.trigger {
        Trigger::Nothing => None,
        Trigger::Id(id) => Some(id.as_str()),
        Trigger::Previous => Some(previous),
    };
    let position = list.iter().position(|found| {
        fits(&event.stored, found)
            && found.get("trigger_event_id").and_then(Value::as_str) == trigger
    })?;
    Some(list.remove(position))
}

fn fits(expected: &Map<String, Value>, found: &Map<String, Value>) -> bool {
    expected
        .iter()
        .all(|(name, value)| found.get(name).unwrap_or(&Value::Null) == value)
}

fn missing(event: &Event, rest: &Rest<'_>) -> String {
    let expected = Value::Object(event.stored.clone());
    let left = rest.get(event.kind.as_str()).into_iter().flatten();
    let nearest = left.max_by_key(|found| {
        let same = |(name, value): &(&String, &Value)| found.get(*name) == Some(value);
        event.stored.iter().filter(same).count()
    });
    let nearest = nearest.map_or(Value::Null, |found| Value::Object(found.clone()));
    format!(
        "{}: missing {expected} with trigger {:?}; nearest is {nearest}",
        event.kind, event.trigger
    )
}

fn details(
    event: &Event,
    found: &Map<String, Value>,
    default: Option<&str>,
    wrong: &mut Vec<String>,
) {
    let id = text(found, "id");
    if !event.stored.contains_key("agent_id") && Some(text(found, "agent_id")) != default {
        wrong.push(format!("{id}: is not of the default agent"));
    }
    if !found["end_timestamp"].is_string() || !found["init_timestamp"].is_string() {
        wrong.push(format!("{id}: has no beginning or no end"));
    }
    let Some(cost) = &event.cost else { return };
    let number = |text: &String| text.parse::<f64>().unwrap_or(f64::NAN);
    if found["cost"].as_f64() != cost.as_ref().map(number) {
        wrong.push(format!("{id}: costs {}, expected {cost:?}", found["cost"]));
    }
}

fn statistics(expected: &Expected, stats: &Value, wrong: &mut Vec<String>) {
    let count = |kind: &str| {
        expected
            .events
            .iter()
            .filter(|event| event.kind == kind)
            .count()
    };
    let mut same = |what: &str, expected: usize| {
        if stats[what].as_u64() != Some(expected as u64) {
            wrong.push(format!(
                "stats: {what} is {}, expected {expected}",
                stats[what]
            ));
        }
    };
    for kind in KINDS {
        same(kind, count(kind));
    }
    same("events", expected.events.len());
    for field in ["prompt_tokens", "completion_tokens"] {
        let tokens = expected.events.iter().map(|event| {
            let tokens = event.stored.get(field).and_then(Value::as_u64);
            tokens
                .and_then(|tokens| usize::try_from(tokens).ok())
                .unwrap_or_default()
        });
        same(field, tokens.sum());
    }
    let status = if expected.has_end_time {
        "ended"
    } else {
        "running"
    };
    if stats["status"] != status {
        wrong.push(format!(
            "stats: status is {}, expected {status}",
            stats["status"]
        ));
    }
    cost(expected, stats, wrong);
}

/// The cost is the sum; unknown as soon as one call's is, and then the sum of the others is said.
fn cost(expected: &Expected, stats: &Value, wrong: &mut Vec<String>) {
    let costs: Vec<&Option<String>> = expected
        .events
        .iter()
        .filter_map(|event| event.cost.as_ref())
        .collect();
    let known = costs.iter().copied().flatten();
    let sum = known
        .filter_map(|cost| Amount::read(cost).ok())
        .fold(Amount::default(), Amount::plus);
    let amount = |field: &str| {
        stats[field]
            .as_str()
            .and_then(|text| Amount::read(text).ok())
    };
    let is_known = costs.iter().all(|cost| cost.is_some());
    if amount("cost") != is_known.then_some(sum) || amount("cost_known") != Some(sum) {
        wrong.push(format!(
            "stats: cost is {} ({} known), expected {sum:?}, {is_known}",
            stats["cost"], stats["cost_known"]
        ));
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> &'a str {
    object
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn value_text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
