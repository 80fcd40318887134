//! The other bodies: sessions, agents, threads, logs, re-authorisation, developer errors.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Refusal;
use super::field::{Field, Name, Object, expected};
use crate::api::DeveloperError;
use crate::{Agent, EndState, SessionId, SessionPatch, Thread, limits};

/// Reads a create_session or update_session body, wrapped in `{"session":…}` or flat.
///
/// # Errors
/// The first field of the wrong type; an unknown end state.
pub fn session(body: &[u8]) -> Result<SessionPatch, Refusal> {
    let outer = Object::of_body(body)?;
    let (object, prefix) = match outer.get("session") {
        Some(raw) => (Object::of_value("session", raw)?, "session."),
        None => (outer, ""),
    };
    let at = |name: &str| format!("{prefix}{name}");
    Ok(SessionPatch {
        id: match read(&object, "id", &at)? {
            Some(id) => Some(id),
            None => read(&object, "session_id", &at)?,
        },
        init_timestamp: read(&object, "init_timestamp", &at)?,
        end_timestamp: read(&object, "end_timestamp", &at)?,
        end_state: end_state(&object, &at)?,
        end_state_reason: read(&object, "end_state_reason", &at)?,
        tags: tags(&object, &at)?,
        host_env: read(&object, "host_env", &at)?,
        video: read(&object, "video", &at)?,
        dropped: dropped(&object, &at)?,
        recovered: object
            .get("recovered")
            .is_some_and(|raw| raw.get() == "true"),
    })
}

/// Reads a create_agent body.
///
/// # Errors
/// A missing id, or a field of the wrong type.
pub fn agent(body: &[u8]) -> Result<Agent, Refusal> {
    let object = Object::of_body(body)?;
    Ok(Agent {
        id: required(&object, "id")?,
        name: read::<Name>(&object, "name", &plain)?.map(|Name(name)| name),
        logs: read(&object, "logs", &plain)?,
    })
}

/// Reads a create_thread body.
///
/// # Errors
/// A missing id, or a field of the wrong type.
pub fn thread(body: &[u8]) -> Result<Thread, Refusal> {
    let object = Object::of_body(body)?;
    Ok(Thread {
        id: required(&object, "id")?,
        agent_id: read(&object, "agent_id", &plain)?,
    })
}

/// Reads a reauthorize_jwt body: the session to authorise for.
///
/// # Errors
/// A missing or unusable session id.
pub fn reauthorize(body: &[u8]) -> Result<SessionId, Refusal> {
    required(&Object::of_body(body)?, "session_id")
}

/// Reads an update_logs body: the text to append.
///
/// # Errors
/// A missing text.
pub fn logs(body: &[u8]) -> Result<String, Refusal> {
    required(&Object::of_body(body)?, "logs")
}

/// Reads a developer_errors body; everything in it is optional.
///
/// # Errors
/// A field of the wrong type.
pub fn developer_error(body: &[u8]) -> Result<DeveloperError, Refusal> {
    let object = Object::of_body(body)?;
    Ok(DeveloperError {
        sdk_version: read(&object, "sdk_version", &plain)?,
        kind: read(&object, "type", &plain)?,
        message: read(&object, "message", &plain)?,
        stack_trace: read(&object, "stack_trace", &plain)?,
        host_env: read(&object, "host_env", &plain)?,
    })
}

fn plain(name: &str) -> String {
    name.to_owned()
}

fn read<T: Field>(
    object: &Object<'_>,
    name: &str,
    at: &dyn Fn(&str) -> String,
) -> Result<Option<T>, Refusal> {
    object
        .get(name)
        .map(|raw| T::read(&at(name), raw))
        .transpose()
}

fn required<T: Field>(object: &Object<'_>, name: &str) -> Result<T, Refusal> {
    read(object, name, &plain)?.ok_or_else(|| Refusal::new(name, "missing"))
}

fn end_state(
    object: &Object<'_>,
    at: &dyn Fn(&str) -> String,
) -> Result<Option<EndState>, Refusal> {
    let Some(text) = read::<String>(object, "end_state", at)? else {
        return Ok(None);
    };
    let state = text
        .parse()
        .map_err(|error: crate::EndStateError| Refusal::new(at("end_state"), error.to_string()))?;
    Ok(Some(state))
}

/// Tags in the order they came, each once.
fn tags(object: &Object<'_>, at: &dyn Fn(&str) -> String) -> Result<Option<Vec<String>>, Refusal> {
    let Some(raw) = object.get("tags") else {
        return Ok(None);
    };
    let path = at("tags");
    let raws: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| expected(&path, "an array of strings", raw))?;
    if raws.len() > limits::TAGS {
        let message = format!(
            "{} tags; a session has at most {}",
            raws.len(),
            limits::TAGS
        );
        return Err(Refusal::new(path, message));
    }
    let mut seen = std::collections::HashSet::new();
    let mut tags = Vec::with_capacity(raws.len());
    for (index, raw) in raws.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        let tag = String::read(&path, raw)?;
        if tag.len() > limits::TAG_BYTES {
            let message = format!("a tag has at most {} bytes", limits::TAG_BYTES);
            return Err(Refusal::new(path, message));
        }
        if seen.insert(tag.clone()) {
            tags.push(tag);
        }
    }
    Ok(Some(tags))
}

fn dropped(
    object: &Object<'_>,
    at: &dyn Fn(&str) -> String,
) -> Result<Option<BTreeMap<String, u64>>, Refusal> {
    let Some(raw) = object.get("dropped") else {
        return Ok(None);
    };
    let path = at("dropped");
    let counts = Object::of_value(&path, raw)?;
    if counts.0.len() > limits::DROP_REASONS {
        let most = limits::DROP_REASONS;
        let message = format!("{} reasons; send at most {most}", counts.0.len());
        return Err(Refusal::new(path, message));
    }
    let mut dropped = BTreeMap::new();
    for (reason, raw) in &counts.0 {
        if reason.len() > limits::NAME_BYTES {
            let message = format!("a reason has at most {} bytes", limits::NAME_BYTES);
            return Err(Refusal::new(path, message));
        }
        let count = u64::read(&format!("{path}.{reason}"), raw)?;
        dropped.insert(reason.to_string(), count);
    }
    Ok(Some(dropped))
}
