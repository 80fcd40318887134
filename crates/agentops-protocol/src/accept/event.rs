//! create_events and update_events.

use serde_json::value::RawValue;

use super::Refusal;
use super::field::{Name, Object, expected, patch, patch_id};
use super::identity::Derived;
use crate::{Event, EventKind, EventPatch, Patch, SessionId, Status, Timestamp, limits};

/// Reads a create_events body. An event without an id gets one that a retry of the same request
/// repeats; one without a start began when the request was `received`.
///
/// # Errors
/// The first field of the wrong type, by index and name; nothing of the request is to be stored
/// then.
pub fn create_events(
    body: &[u8],
    session: &SessionId,
    received: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let mut derived = Derived::new(session);
    let raws = list(body)?;
    let mut events = Vec::with_capacity(raws.len());
    for (index, raw) in raws.into_iter().enumerate() {
        let mut patch = event(&format!("events[{index}]"), raw)?;
        let id = patch.id.take().unwrap_or_else(|| derived.id(raw.get()));
        events.push(patch.into_event(id, received));
    }
    Ok(events)
}

/// Reads an update_events body; every event needs its id.
///
/// # Errors
/// As [`create_events`], and for an event without an id.
pub fn update_events(body: &[u8]) -> Result<Vec<EventPatch>, Refusal> {
    let mut patches = Vec::new();
    for (index, raw) in list(body)?.into_iter().enumerate() {
        let path = format!("events[{index}]");
        let patch = event(&path, raw)?;
        if patch.id.is_none() {
            let message = "an update needs the id of the event to change";
            return Err(Refusal::new(format!("{path}.id"), message));
        }
        patches.push(patch);
    }
    Ok(patches)
}

fn list(body: &[u8]) -> Result<Vec<&RawValue>, Refusal> {
    let object = Object::of_body(body)?;
    let Some(raw) = object.get("events") else {
        return Err(Refusal::new("events", "missing; send {\"events\":[…]}"));
    };
    let events: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| expected("events", "an array", raw))?;
    if events.len() > limits::EVENTS_PER_REQUEST {
        let most = limits::EVENTS_PER_REQUEST;
        let message = format!("{} events; send at most {most} a request", events.len());
        return Err(Refusal::new("events", message));
    }
    Ok(events)
}

/// Reads one event in any documented form.
fn event(path: &str, raw: &RawValue) -> Result<EventPatch, Refusal> {
    let object = Object::of_value(path, raw)?;
    let mut read = EventPatch::default();
    // Second names and second places of a value, used where the first one is silent.
    let mut second = EventPatch::default();
    let mut at = Patch::Keep;
    let mut type_name = Patch::Keep;
    let mut second_type = Patch::Keep;
    for (key, raw) in &object.0 {
        let path = format!("{path}.{key}");
        let path = path.as_str();
        match key.as_ref() {
            "id" => read.id = optional(patch_id(path, raw)?),
            "event_id" => second.id = optional(patch_id(path, raw)?),
            "event_type" => type_name = patch::<Name>(path, raw)?,
            "type" => second_type = patch::<Name>(path, raw)?,
            "parent_id" => read.parent_id = patch_id(path, raw)?,
            "agent_id" => read.agent_id = patch_id(path, raw)?,
            "init_timestamp" => read.init_timestamp = patch(path, raw)?,
            "end_timestamp" => read.end_timestamp = patch(path, raw)?,
            "timestamp" => at = patch(path, raw)?,
            "status" => read.status = status(patch::<Name>(path, raw)?),
            "params" => read.params = patch(path, raw)?,
            "input" => second.params = patch(path, raw)?,
            "returns" => read.returns = patch(path, raw)?,
            "output" => second.returns = patch(path, raw)?,
            "logs" => read.logs = patch(path, raw)?,
            "action_type" => read.action_type = text(patch(path, raw)?),
            "screenshot" => read.screenshot = patch(path, raw)?,
            "name" => read.name = text(patch(path, raw)?),
            "tool_name" => second.name = text(patch(path, raw)?),
            "thread_id" => read.thread_id = patch_id(path, raw)?,
            "model" => read.model = text(patch(path, raw)?),
            "prompt" => read.prompt = patch(path, raw)?,
            "completion" => read.completion = patch(path, raw)?,
            "prompt_tokens" => read.prompt_tokens = patch(path, raw)?,
            "completion_tokens" => read.completion_tokens = patch(path, raw)?,
            "cached_read_tokens" => read.cached_read_tokens = patch(path, raw)?,
            "cached_write_tokens" => read.cached_write_tokens = patch(path, raw)?,
            "reasoning_tokens" => read.reasoning_tokens = patch(path, raw)?,
            "cost" => read.cost = patch(path, raw)?,
            "time_to_first_token" => read.time_to_first_token = patch(path, raw)?,
            "trigger_event_id" => read.trigger_event_id = patch_id(path, raw)?,
            "trigger_event_type" => read.trigger_event_type = kind(patch::<Name>(path, raw)?),
            "error_type" => read.error_type = text(patch(path, raw)?),
            "code" => read.code = patch(path, raw)?,
            "details" => read.details = patch(path, raw)?,
            _ => {}
        }
    }
    read.id = read.id.or(second.id);
    silent(&mut read.params, second.params);
    silent(&mut read.returns, second.returns);
    silent(&mut read.name, second.name);
    silent(&mut type_name, second_type);
    typed(&mut read, type_name);
    // Only errors have this field; an update of one need not repeat its kind.
    if matches!(read.kind, Some(EventKind::Error) | None) && matches!(at, Patch::Set(_)) {
        read.init_timestamp = at;
    }
    Ok(read)
}

/// Sets the kind. Any text that is no documented kind is an action of that type.
fn typed(read: &mut EventPatch, type_name: Patch<Name>) {
    let Patch::Set(Name(name)) = type_name else {
        return;
    };
    if name.is_empty() {
        return;
    }
    read.kind = EventKind::from_name(&name);
    if read.kind.is_some() {
        return;
    }
    read.kind = Some(EventKind::Action);
    // The documented fifth kind in its singular; a name given beside it says more.
    let api = name.eq_ignore_ascii_case("api") || name.eq_ignore_ascii_case("apis");
    let name = if api { "api".to_owned() } else { name };
    match (&read.action_type, &read.name) {
        (Patch::Set(_), _) => {}
        (_, Patch::Set(given)) if api => read.action_type = Patch::Set(given.clone()),
        (_, Patch::Set(_)) => read.action_type = Patch::Set(name),
        // As a name it fills an empty type and leaves one that an earlier request gave.
        _ => read.name = Patch::Set(name),
    }
}

/// The second name's value where the first is not there or null.
fn silent<T>(first: &mut Patch<T>, second: Patch<T>) {
    if !matches!(first, Patch::Set(_)) && !second.is_keep() {
        *first = second;
    }
}

fn optional<T>(patch: Patch<T>) -> Option<T> {
    match patch {
        Patch::Set(value) => Some(value),
        Patch::Keep | Patch::Clear => None,
    }
}

fn text(patch: Patch<Name>) -> Patch<String> {
    map(patch, |Name(text)| Patch::Set(text))
}

fn status(patch: Patch<Name>) -> Patch<Status> {
    map(patch, |Name(name)| Patch::Set(Status::from_name(&name)))
}

/// A trigger's kind; `apis` and free types are actions here, an empty text says nothing.
fn kind(patch: Patch<Name>) -> Patch<EventKind> {
    map(patch, |Name(name)| match name.as_str() {
        "" => Patch::Clear,
        name => Patch::Set(EventKind::from_name(name).unwrap_or(EventKind::Action)),
    })
}

fn map<T, U>(patch: Patch<T>, change: impl FnOnce(T) -> Patch<U>) -> Patch<U> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(value) => change(value),
    }
}
