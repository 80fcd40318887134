//! What a shape is checked for: the same result without a session and in one, and what the session recorded, in full.

use std::fmt::Debug;
use std::future::Future;

use serde_json::Value;

/// An event that is expected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    kind: &'static str,
    name: String,
    params: Value,
    returns: Value,
    status: String,
    /// Name of the call around it.
    parent: Option<String>,
    /// Name of the agent, if not the default one.
    agent: Option<String>,
    error: Option<Fault>,
}

/// The error that an event triggered.
#[derive(Clone, Debug, PartialEq)]
struct Fault {
    /// The type's name, or `panic`.
    kind: String,
    message: Value,
    chain: Value,
    /// The file of a panic.
    place: Option<String>,
}

/// A tool that is expected to be ok and to have neither arguments nor a result.
pub(crate) fn tool(name: &str) -> Seen {
    Seen {
        kind: "tools",
        name: name.to_owned(),
        params: Value::Null,
        returns: Value::Null,
        status: "ok".to_owned(),
        parent: None,
        agent: None,
        error: None,
    }
}

/// The same, for an action.
pub(crate) fn action(name: &str) -> Seen {
    Seen {
        kind: "actions",
        ..tool(name)
    }
}

impl Seen {
    pub(crate) fn params(self, params: impl Into<Value>) -> Seen {
        Seen {
            params: params.into(),
            ..self
        }
    }

    pub(crate) fn returns(self, returns: impl Into<Value>) -> Seen {
        Seen {
            returns: returns.into(),
            ..self
        }
    }

    pub(crate) fn under(self, parent: &str) -> Seen {
        Seen {
            parent: Some(parent.to_owned()),
            ..self
        }
    }

    pub(crate) fn by(self, agent: &str) -> Seen {
        Seen {
            agent: Some(agent.to_owned()),
            ..self
        }
    }

    pub(crate) fn cancelled(self) -> Seen {
        Seen {
            status: "cancelled".to_owned(),
            ..self
        }
    }

    /// Ended by an error of type `E` with this message and these sources.
    pub(crate) fn failed<E: ?Sized>(self, message: &str, chain: &[&str]) -> Seen {
        Seen {
            status: "error".to_owned(),
            error: Some(Fault {
                kind: std::any::type_name::<E>().to_owned(),
                message: message.into(),
                chain: chain.into(),
                place: None,
            }),
            ..self
        }
    }

    /// Ended by a panic with this message, in this file.
    pub(crate) fn panicked(self, message: &str, file: &str) -> Seen {
        Seen {
            status: "panicked".to_owned(),
            error: Some(Fault {
                kind: "panic".to_owned(),
                message: message.into(),
                chain: Value::Array(Vec::new()),
                place: Some(file.to_owned()),
            }),
            ..self
        }
    }
}

/// The result of a stream or iterator that gave some items.
pub(crate) fn items(count: u64, complete: bool) -> Value {
    let first = if count == 0 {
        Value::Null
    } else {
        "measured".into()
    };
    serde_json::json!({"items": count, "time_to_first_item_us": first, "complete": complete})
}

/// Runs a shape off and on.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a result is written where it is expected"
)]
pub(crate) fn check<R>(run: impl Fn() -> R, result: R, expected: &[Seen])
where
    R: PartialEq + Debug,
{
    assert_eq!(run(), result, "without a session");
    recorded(|| assert_eq!(run(), result, "in a session"), expected);
}

/// Runs code in a session and compares what it recorded.
#[cfg(feature = "enable")]
#[track_caller]
pub(crate) fn recorded<R>(run: impl FnOnce() -> R, expected: &[Seen]) -> R {
    let captured = agentops::testing::capture(|_| run());
    assert_eq!(events(&captured.export), expected, "{:#}", captured.export);
    captured.result
}

/// Runs code with a session that records nothing: the feature is off.
#[cfg(not(feature = "enable"))]
pub(crate) fn recorded<R>(run: impl FnOnce() -> R, expected: &[Seen]) -> R {
    assert!(expected.iter().all(|seen| !seen.name.is_empty()));
    let session = agentops::init(agentops::Config::new());
    let _inside = session.enter();
    run()
}

/// Runs a future to its end on this thread.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// The events of an export in the order they began, actions after tools where both began at once.
#[cfg_attr(
    not(feature = "enable"),
    expect(dead_code, reason = "nothing is recorded")
)]
pub(crate) fn events(export: &Value) -> Vec<Seen> {
    let list = |name: &'static str| {
        let events = export[name].as_array().expect("a list");
        events.iter().map(move |event| (name, event))
    };
    let mut events: Vec<_> = list("tools").chain(list("actions")).collect();
    events.sort_by_key(|(_, event)| event["init_timestamp"].as_str().expect("a time"));
    let faults: Vec<_> = list("errors").collect();
    let triggered = faults
        .iter()
        .filter(|(_, fault)| fault["trigger_event_id"].is_string());
    assert_eq!(triggered.count(), faults.len(), "every error has a trigger");
    let seen = events.iter().map(|(kind, event)| {
        assert!(
            event["end_timestamp"].as_str() >= event["init_timestamp"].as_str(),
            "{event:#}"
        );
        let by_id = |id: &Value| events.iter().find(|(_, other)| other["id"] == *id);
        let mut returns = event["returns"].clone();
        if returns["time_to_first_item_us"].is_u64() {
            returns["time_to_first_item_us"] = "measured".into();
        }
        let fault = faults
            .iter()
            .find(|(_, fault)| fault["trigger_event_id"] == event["id"]);
        Seen {
            kind,
            name: name(kind, event),
            params: event["params"].clone(),
            returns,
            status: event["status"].as_str().expect("a status").to_owned(),
            parent: by_id(&event["parent_id"]).map(|(kind, parent)| name(kind, parent)),
            agent: agent(export, &event["agent_id"]),
            error: fault.map(|(_, fault)| told(fault)),
        }
    });
    seen.collect()
}

fn name(kind: &str, event: &Value) -> String {
    let key = if kind == "actions" {
        "action_type"
    } else {
        "name"
    };
    event[key].as_str().expect("a name").to_owned()
}

fn agent(export: &Value, id: &Value) -> Option<String> {
    let agents = export["agents"].as_array()?;
    let agent = agents.iter().find(|agent| agent["id"] == *id)?;
    let name = agent["name"].as_str()?.to_owned();
    (name != "Default Agent").then_some(name)
}

fn told(fault: &Value) -> Fault {
    let details = &fault["details"];
    Fault {
        kind: fault["error_type"].as_str().expect("a type").to_owned(),
        message: details["message"].clone(),
        chain: details["chain"].clone(),
        place: details["location"]
            .as_str()
            .map(|place| place.split(':').next().unwrap_or_default().to_owned()),
    }
}
