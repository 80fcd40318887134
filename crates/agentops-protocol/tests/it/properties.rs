//! No input makes `accept` panic, and what it accepts survives being written and read again.

use agentops_protocol::{Session, SessionPatch, accept};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{received, session_id};

/// Runs every accept function; the answers do not matter.
fn accept_all(body: &[u8]) {
    let _ = accept::create_events(body, &session_id(), received());
    let _ = accept::update_events(body);
    let _ = accept::session(body);
    let _ = accept::agent(body);
    let _ = accept::thread(body);
    let _ = accept::reauthorize(body);
    let _ = accept::logs(body);
    let _ = accept::developer_error(body);
}

/// Every field that some body has, and one that none has.
const FIELDS: [&str; 46] = [
    "id",
    "event_id",
    "session_id",
    "event_type",
    "type",
    "parent_id",
    "agent_id",
    "init_timestamp",
    "end_timestamp",
    "timestamp",
    "status",
    "params",
    "input",
    "returns",
    "output",
    "logs",
    "action_type",
    "screenshot",
    "name",
    "tool_name",
    "thread_id",
    "model",
    "prompt",
    "completion",
    "prompt_tokens",
    "completion_tokens",
    "cached_read_tokens",
    "cached_write_tokens",
    "reasoning_tokens",
    "cost",
    "time_to_first_token",
    "trigger_event_id",
    "trigger_event_type",
    "error_type",
    "code",
    "details",
    "tags",
    "host_env",
    "video",
    "end_state",
    "end_state_reason",
    "dropped",
    "message",
    "stack_trace",
    "sdk_version",
    "unknown",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(".{0,6}", inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

/// An object of known fields that hold anything.
fn any_fields() -> impl Strategy<Value = Value> {
    let field = proptest::sample::select(&FIELDS[..]);
    btree_map(field, any_json(), 0..8).prop_map(|map| json!(map))
}

fn id() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => "\\PC{1,30}".prop_map(Value::from),
        1 => Just(json!("")),
        1 => Just(Value::Null),
    ]
}

fn time() -> impl Strategy<Value = Value> {
    let civil = (
        0..10_000u32,
        1..=12u32,
        1..=28u32,
        0..24u32,
        0..60u32,
        0..60u32,
    );
    let zone = prop_oneof![
        Just(""),
        Just("Z"),
        Just("+00:00"),
        Just("+05:30"),
        Just("-11:00")
    ];
    let fraction = option::of(0..1_000_000_000u32);
    let text = (civil, fraction, zone).prop_map(|((y, mo, d, h, mi, s), fraction, zone)| {
        let fraction = fraction.map(|f| format!(".{f:09}")).unwrap_or_default();
        json!(format!(
            "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}{fraction}{zone}"
        ))
    });
    prop_oneof![4 => text, 1 => Just(Value::Null)]
}

fn count() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..=(1u64 << 53)).prop_map(Value::from),
        (0..1_000u32).prop_map(|n| json!(f64::from(n))),
        Just(Value::Null),
    ]
}

fn cost() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0.0..1e6f64).prop_map(Value::from),
        (0..1_000_000u64, 0..1_000_000u32).prop_map(|(w, f)| json!(format!("{w}.{f:06}"))),
        (0.0..1e-9f64).prop_map(Value::from),
        Just(json!(0)),
        Just(Value::Null),
    ]
}

/// A value that fits the field.
fn value_of(field: &'static str) -> BoxedStrategy<Value> {
    let kinds = [
        "llm",
        "llms",
        "tool",
        "tools",
        "action",
        "errors",
        "api",
        "",
        "retrieval",
    ];
    match field {
        "id" | "event_id" | "session_id" | "parent_id" | "agent_id" | "thread_id"
        | "trigger_event_id" => id().boxed(),
        "event_type" | "type" | "trigger_event_type" => proptest::sample::select(kinds.to_vec())
            .prop_map(Value::from)
            .boxed(),
        "init_timestamp" | "end_timestamp" | "timestamp" => time().boxed(),
        "prompt_tokens"
        | "completion_tokens"
        | "cached_read_tokens"
        | "cached_write_tokens"
        | "reasoning_tokens"
        | "time_to_first_token" => count().boxed(),
        "cost" => cost().boxed(),
        "status" => proptest::sample::select(vec!["ok", "running", "interrupted", "odd", ""])
            .prop_map(Value::from)
            .boxed(),
        "end_state" => proptest::sample::select(vec!["success", "Failure", "Indeterminate"])
            .prop_map(Value::from)
            .boxed(),
        "action_type" | "name" | "tool_name" | "model" | "error_type" | "screenshot" | "video"
        | "end_state_reason" => option::of(".{0,20}").prop_map(|text| json!(text)).boxed(),
        "tags" => vec(".{0,8}", 0..5).prop_map(|tags| json!(tags)).boxed(),
        "dropped" => btree_map(".{0,8}", 0..1_000_000u64, 0..4)
            .prop_map(|map| json!(map))
            .boxed(),
        _ => any_json().boxed(),
    }
}

/// An object of some of the known fields, each of its own type.
fn fitting_fields() -> impl Strategy<Value = Value> {
    let field = proptest::sample::select(&FIELDS[..]);
    let member = field.prop_flat_map(|field| (Just(field), value_of(field)));
    vec(member, 0..14).prop_map(|members| {
        Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
}

/// What a create_session of this patch makes, as far as one request decides it.
fn session_of(patch: &SessionPatch) -> Session {
    let id = patch.id.clone().unwrap_or_else(session_id);
    let mut session = Session::started(id, patch.init_timestamp.unwrap_or_else(received));
    session.end_timestamp = patch.end_timestamp;
    session.end_state = patch.end_state.unwrap_or_default();
    session.end_state_reason = patch.end_state_reason.clone();
    session.tags = patch.tags.clone().unwrap_or_default();
    session.host_env = patch.host_env.clone();
    session.video = patch.video.clone();
    session.dropped = patch.dropped.clone().unwrap_or_default();
    session
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn arbitrary_bytes_never_panic(body in vec(any::<u8>(), 0..400)) {
        accept_all(&body);
    }

    #[test]
    fn arbitrary_text_never_panics(body in "\\{\"(events|session|id)\":.{0,60}\\}?") {
        accept_all(body.as_bytes());
    }

    #[test]
    fn arbitrary_json_never_panics(body in any_json(), fields in vec(any_fields(), 0..4)) {
        accept_all(body.to_string().as_bytes());
        accept_all(json!({ "events": fields }).to_string().as_bytes());
        for object in fields {
            accept_all(object.to_string().as_bytes());
            accept_all(json!({ "session": object }).to_string().as_bytes());
        }
    }

    #[test]
    fn accepted_events_survive_the_way(events in vec(fitting_fields(), 1..4)) {
        let body = json!({ "events": events }).to_string();
        let read = accept::create_events(body.as_bytes(), &session_id(), received());
        let read = read.map_err(|refusal| TestCaseError::fail(format!("{refusal}: {body}")))?;
        // Not by way of `Value`, which reads floats to their last digit but one.
        let written = format!(r#"{{"events":{}}}"#, serde_json::to_string(&read).unwrap());
        let again = accept::create_events(written.as_bytes(), &session_id(), received());
        prop_assert_eq!(again.as_ref(), Ok(&read), "{}", written);
        // As an update of everything, it makes the same of an empty event.
        for (patch, event) in accept::update_events(written.as_bytes()).unwrap().into_iter().zip(read) {
            let made = patch.into_event(event.id.clone(), received());
            prop_assert_eq!(made, event);
        }
    }

    #[test]
    fn an_accepted_session_survives_the_way(mut fields in fitting_fields()) {
        // Of an event an empty id says nothing; of a session it is a mistake, tested elsewhere.
        for name in ["id", "session_id"] {
            if fields[name] == json!("") {
                fields.as_object_mut().unwrap().remove(name);
            }
        }
        let read = accept::session(fields.to_string().as_bytes());
        let read = read.map_err(|refusal| TestCaseError::fail(format!("{refusal}: {fields}")))?;
        let session = session_of(&read);
        let written = format!(r#"{{"session":{}}}"#, serde_json::to_string(&session).unwrap());
        let again = accept::session(written.as_bytes());
        let again = again.map_err(|refusal| TestCaseError::fail(format!("{refusal}: {written}")))?;
        prop_assert_eq!(session_of(&again), session);
    }
}
