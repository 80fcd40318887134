//! From what a program did to what the server must have: the same, less what the release is known to do wrong.

use serde_json::{Map, Value, json};

use super::release::{Defect, Release, Seen};
use super::told::{Told, What};

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, with 0.
    Itself,
    /// By an exception that nobody catches.
    Exception,
    /// By SIGINT.
    Interrupt,
}

/// What the server must have of one session.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) id: String,
    /// Start, as the SDK said it.
    pub(crate) init: Value,
    /// The line that says how it ended, unless it did not.
    pub(crate) end: Option<End>,
    /// Whether there is an end time although nobody ended it.
    pub(crate) has_end_time: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) video: Value,
    pub(crate) agents: Vec<(String, String)>,
    pub(crate) events: Vec<Event>,
}

/// An end.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) state: String,
    pub(crate) reason: Value,
    pub(crate) reason_begins: Option<String>,
    /// When, where the program can say it.
    pub(crate) at: Option<Value>,
}

/// An event that must be there, once.
#[derive(Debug)]
pub(crate) struct Event {
    /// The list of the export.
    pub(crate) kind: String,
    /// The fields that are compared.
    pub(crate) stored: Map<String, Value>,
    pub(crate) trigger: Trigger,
    /// The cost: of a call that has none, an unknown one.
    pub(crate) cost: Option<Option<String>>,
}

/// What an error says about its trigger.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Nothing, as every other event.
    Nothing,
    /// This event's id.
    Id(String),
    /// The id of the event expected before this one.
    Previous,
}

/// What is expected of the sessions of one program, in the order of their starts.
pub(crate) fn sessions(
    told: &[Told],
    ending: Ending,
    release: &Release,
    seen: &mut Seen,
) -> Vec<Expected> {
    let starts: Vec<&Told> = told
        .iter()
        .filter(|line| line.what == What::Session)
        .collect();
    let mut all = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let id = start.text("session");
        let lines: Vec<&Told> = told.iter().filter(|line| line.is_of(id)).collect();
        let ended = is_ended(ending, index, starts.len(), release, seen);
        all.push(session(start, &lines, ended, release, seen));
    }
    all
}

fn is_ended(ending: Ending, index: usize, of: usize, release: &Release, seen: &mut Seen) -> bool {
    match ending {
        Ending::Interrupt if of > 1 => {
            !seen.in_release(release, Defect::NoneOfSeveralEndedOnSignal)
        }
        Ending::Exception if index % 2 == 1 => {
            !seen.in_release(release, Defect::EverySecondEndedOnException)
        }
        _ => true,
    }
}

fn session(
    start: &Told,
    lines: &[&Told],
    ended: bool,
    release: &Release,
    seen: &mut Seen,
) -> Expected {
    let last = |what| lines.iter().rev().find(|line| line.what == what);
    let end = last(What::End).filter(|_| ended).map(|line| End {
        state: line.text("state").to_owned(),
        reason: line.get("reason").clone(),
        reason_begins: line.get("reason_begins").as_str().map(str::to_owned),
        at: Some(line.get("at").clone()).filter(Value::is_string),
    });
    let stuck = last(What::Stuck).is_some();
    let mut events = Vec::new();
    let lost = end.is_none() && !stuck && seen.in_release(release, Defect::LostAtExit);
    if !lost {
        let recorded = lines.iter().filter(|line| line.what == What::Event);
        for line in recorded {
            event(line, release, seen, &mut events);
        }
    }
    let tags = last(What::Tags).and_then(|line| line.get("tags").as_array());
    let while_running = last(What::AnalyticsWhileRunning).is_some();
    let agents = lines.iter().filter(|line| line.what == What::Agent);
    Expected {
        id: start.text("session").to_owned(),
        init: start.get("init").clone(),
        has_end_time: end.is_some()
            || while_running && seen.in_release(release, Defect::AnalyticsEndsSession),
        end,
        tags: tags
            .into_iter()
            .flatten()
            .map(|tag| tag.as_str().unwrap_or_default().to_owned())
            .collect(),
        video: last(What::Video).map_or(Value::Null, |line| line.get("video").clone()),
        agents: agents
            .map(|line| (line.text("id").to_owned(), line.text("name").to_owned()))
            .collect(),
        events,
    }
}

/// The events that one recorded event leaves behind.
pub(crate) fn event(line: &Told, release: &Release, seen: &mut Seen, events: &mut Vec<Event>) {
    let raised = line.get("raised");
    let is_raised = raised.is_object();
    let several = line.get("several") == &Value::Bool(true);
    if several && seen.in_release(release, Defect::ErrorsLostWithSeveralSessions) {
        return;
    }
    let mut stored = line.get("stored").clone();
    kept(&mut stored, release, seen);
    // A generator's values are known to the program; without the defect they were what it returned.
    if line.get("values").is_array() && !seen.in_release(release, Defect::GeneratorAtCall) {
        stored["returns"] = line.get("values").clone();
    }
    let trigger = line.get("trigger").as_str();
    let linked = |seen: &mut Seen, trigger| {
        if seen.in_release(release, Defect::ErrorWithoutTrigger) {
            Trigger::Nothing
        } else {
            trigger
        }
    };
    let missing = is_raised && seen.in_release(release, Defect::RaisingFunctionMissing);
    if !missing {
        events.push(Event {
            kind: line.text("kind").to_owned(),
            stored: object(stored),
            trigger: trigger.map_or(Trigger::Nothing, |id| {
                linked(seen, Trigger::Id(id.to_owned()))
            }),
            cost: (line.text("kind") == "llms")
                .then(|| line.get("cost").as_str().map(str::to_owned)),
        });
    }
    if is_raised {
        events.push(Event {
            kind: "errors".to_owned(),
            stored: object(raised.clone()),
            trigger: linked(seen, Trigger::Previous),
            cost: None,
        });
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What the SDK makes of a value on its way.
fn kept(value: &mut Value, release: &Release, seen: &mut Seen) {
    if let Some(name) = value.get("$opaque").and_then(Value::as_str) {
        *value = if seen.in_release(release, Defect::ValueIsEmptyText) {
            json!("")
        } else if seen.in_release(release, Defect::ValueIsTypeName) {
            json!(format!("<<non-serializable: {name}>>"))
        } else {
            json!(name)
        };
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| kept(item, release, seen)),
        Value::Object(fields) => {
            let before = fields.len();
            if release.has(Defect::NoneLeftOut) {
                fields.retain(|name, value| name != "self" && !value.is_null());
            }
            if fields.len() < before {
                seen.in_release(release, Defect::NoneLeftOut);
            }
            fields
                .values_mut()
                .for_each(|field| kept(field, release, seen));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::release::RELEASES;
    use super::*;

    fn ends(version: &str, ending: Ending, count: usize) -> (Vec<bool>, Vec<usize>) {
        let mut told = String::new();
        for number in 0..count {
            told += &format!("{{\"did\":\"session\",\"session\":\"{number}\"}}\n");
            told += &format!(
                "{{\"did\":\"event\",\"session\":\"{number}\",\"kind\":\"actions\",\"stored\":{{}}}}\n"
            );
            told += &format!("{{\"did\":\"end\",\"session\":\"{number}\",\"state\":\"Fail\"}}\n");
        }
        let told = Told::read(&told).unwrap();
        let mut found = RELEASES.iter().filter(|release| release.version == version);
        let release = found.next().unwrap();
        let all = sessions(&told, ending, release, &mut Seen::default());
        all.iter()
            .map(|one| (one.end.is_some(), one.events.len()))
            .unzip()
    }

    #[test]
    fn what_a_release_does_not_end_or_send_is_not_expected() {
        assert_eq!(
            ends("0.3.26", Ending::Exception, 3),
            (vec![true, false, true], vec![1, 1, 1])
        );
        assert_eq!(
            ends("0.3.18", Ending::Exception, 3),
            (vec![true, false, true], vec![1, 0, 1])
        );
        assert_eq!(
            ends("0.3.18", Ending::Interrupt, 2),
            (vec![false, false], vec![0, 0])
        );
        assert_eq!(ends("0.3.26", Ending::Interrupt, 1), (vec![true], vec![1]));
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error() {
        for line in ["", "no json", "{}", "{\"did\":\"something else\"}"] {
            assert!(Told::read(&format!("{line}\n")).is_err(), "{line}");
        }
    }
}
