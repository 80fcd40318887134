//! The named schemas.

use serde_json::{Map, Value, json};

use super::shapes::{
    any, count, counts, dollars, end_state, exact, id, list, maybe_count, maybe_dollars,
    maybe_text, maybe_time, open, reference, text, time, word,
};

/// All of them by name.
pub(super) fn all() -> Value {
    let mut schemas = Map::new();
    for (name, schema) in answers().into_iter().chain(events()).chain(requests()) {
        schemas.insert(name.to_owned(), schema);
    }
    schemas.into()
}

/// One message of a stream of server-sent events; OpenAPI before 3.2 describes the messages where other
/// contents have the whole.
fn message() -> Value {
    let names = ["ready", "session", "deleted", "reset"];
    json!({
        "type": "object",
        "properties": {
            "id": text(),
            "event": {"type": "string", "enum": names},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
        "required": ["event", "data"],
        "additionalProperties": false,
    })
}

fn answers() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Error",
            exact(&[("error", text()), ("message", text()), ("path", text())]),
        ),
        ("Done", word(&["Success"])),
        ("Health", exact(&[("message", text())])),
        (
            "CreateSessionAnswer",
            exact(&[
                ("status", word(&["Success"])),
                ("jwt", text()),
                ("session_id", maybe_text()),
                ("session_url", maybe_text()),
            ]),
        ),
        (
            "UpdateSessionAnswer",
            exact(&[
                ("status", word(&["success"])),
                ("token_cost", maybe_dollars()),
                ("session_url", maybe_text()),
            ]),
        ),
        (
            "ReauthorizeAnswer",
            exact(&[("status", word(&["Success"])), ("jwt", text())]),
        ),
        (
            "LogsAnswer",
            exact(&[("status", word(&["success"])), ("logs_url", text())]),
        ),
        ("Logs", exact(&[("logs", text())])),
        ("Stats", stats()),
        ("ModelStats", model_stats()),
        ("Session", session()),
        (
            "SessionAnswer",
            exact(&[
                ("session", reference("Session")),
                ("stats", reference("Stats")),
            ]),
        ),
        ("SessionSummary", summary()),
        (
            "SessionList",
            exact(&[
                ("sessions", list(reference("SessionSummary"))),
                ("next_cursor", maybe_text()),
            ]),
        ),
        (
            "Agent",
            exact(&[("id", id()), ("name", maybe_text()), ("logs", any())]),
        ),
        ("Thread", exact(&[("id", id()), ("agent_id", maybe_text())])),
        ("Export", export()),
        ("TimeTravelRows", list(time_travel())),
        ("Document", json!({"type": "object"})),
        ("Message", message()),
        ("Overview", overview()),
        ("Step", step()),
        ("Comparison", comparison()),
    ]
}

fn stats() -> Value {
    let mut stats = exact(&[
        ("session_id", text()),
        ("cost", maybe_dollars()),
        ("cost_known", dollars()),
        ("unpriced", count()),
        ("events", count()),
        ("llms", count()),
        ("tools", count()),
        ("actions", count()),
        ("errors", count()),
        ("prompt_tokens", count()),
        ("completion_tokens", count()),
        ("cached_read_tokens", count()),
        ("cached_write_tokens", count()),
        ("reasoning_tokens", count()),
        ("duration", json!({"type": "number", "minimum": 0})),
        ("status", word(&["running", "ended"])),
        (
            "models",
            json!({"type": "object", "additionalProperties": reference("ModelStats")}),
        ),
        ("dropped", counts()),
    ]);
    // Said of single sessions, not in lists.
    stats["properties"]["prices"] = exact(&[("source", text()), ("date", text())]);
    stats
}

fn model_stats() -> Value {
    exact(&[
        ("calls", count()),
        ("prompt_tokens", count()),
        ("completion_tokens", count()),
        ("cost", maybe_dollars()),
    ])
}

fn session() -> Value {
    exact(&[
        ("id", id()),
        ("session_id", id()),
        ("project_id", text()),
        ("init_timestamp", time()),
        ("end_timestamp", maybe_time()),
        ("end_state", end_state()),
        ("end_state_reason", maybe_text()),
        ("tags", list(text())),
        ("host_env", any()),
        ("video", maybe_text()),
        ("dropped", counts()),
    ])
}

fn summary() -> Value {
    exact(&[
        ("session_id", id()),
        ("project_id", text()),
        ("init_timestamp", time()),
        ("end_timestamp", maybe_time()),
        ("end_state", end_state()),
        ("end_state_reason", maybe_text()),
        ("tags", list(text())),
        ("status", word(&["running", "ended"])),
        ("stats", reference("Stats")),
    ])
}

fn export() -> Value {
    exact(&[
        ("session", reference("Session")),
        ("actions", list(reference("Action"))),
        ("llms", list(reference("Llm"))),
        ("tools", list(reference("Tool"))),
        ("errors", list(reference("ErrorEvent"))),
        ("agents", list(reference("Agent"))),
        ("threads", list(reference("Thread"))),
        ("stats", reference("Stats")),
    ])
}

fn overview() -> Value {
    let row = |own: &[(&str, Value)]| {
        let mut members = own.to_vec();
        members.extend([
            ("events", count()),
            ("failed", count()),
            ("prompt_tokens", count()),
            ("completion_tokens", count()),
            ("cost", maybe_dollars()),
            ("cost_known", dollars()),
            ("unpriced", count()),
        ]);
        exact(&members)
    };
    let latency = exact(&[
        ("count", count()),
        ("p50", maybe_count()),
        ("p90", maybe_count()),
        ("p95", maybe_count()),
        ("p99", maybe_count()),
    ]);
    let named = || {
        list(row(&[
            ("name", maybe_text()),
            ("latency_us", latency.clone()),
        ]))
    };
    let sessions = ["total", "running", "success", "fail", "indeterminate"];
    let day = [
        ("day", text()),
        ("sessions", count()),
        ("fail", count()),
        ("errors", count()),
    ];
    let tag = [
        ("tag", text()),
        ("sessions", count()),
        ("fail", count()),
        ("cost_known", dollars()),
    ];
    exact(&[
        ("from", time()),
        ("to", time()),
        ("sessions", exact(&sessions.map(|name| (name, count())))),
        (
            "reasons",
            list(exact(&[("reason", text()), ("sessions", count())])),
        ),
        ("tags", list(exact(&tag))),
        ("days", list(row(&day))),
        ("models", named()),
        ("tools", named()),
        ("actions", named()),
        ("errors", named()),
        ("total", row(&[])),
    ])
}

fn step() -> Value {
    exact(&[
        ("id", id()),
        ("event_type", word(&["actions", "llms", "tools", "errors"])),
        ("name", maybe_text()),
        ("agent", maybe_text()),
        ("status", text()),
        ("start_us", json!({"type": "integer"})),
        ("duration_us", maybe_count()),
        ("prompt_tokens", maybe_count()),
        ("completion_tokens", maybe_count()),
        ("cost", maybe_dollars()),
    ])
}

fn comparison() -> Value {
    let part = || word(&["order", "agent", "model", "arguments", "outcome", "result"]);
    let step = || json!({"anyOf": [reference("Step"), {"type": "null"}]});
    let difference = [
        ("part", part()),
        ("path", text()),
        ("a", maybe_text()),
        ("b", maybe_text()),
    ];
    let row = [
        ("parent", maybe_count()),
        ("depth", count()),
        ("a", step()),
        ("b", step()),
        ("differs", list(part())),
        ("differences", list(exact(&difference))),
    ];
    let rows_by = ["same", "changed", "only_a", "only_b"];
    exact(&[
        ("a", reference("SessionSummary")),
        ("b", reference("SessionSummary")),
        ("first_divergence", maybe_count()),
        ("rows_by", exact(&rows_by.map(|name| (name, count())))),
        ("rows", list(exact(&row))),
    ])
}

fn time_travel() -> Value {
    exact(&[
        ("ttd_id", id()),
        ("branch_name", text()),
        ("session_id", id()),
        ("llm_id", id()),
        ("prompt", any()),
        ("completion", any()),
        ("model", maybe_text()),
        ("prompt_tokens", maybe_count()),
        ("completion_tokens", maybe_count()),
        ("params", any()),
        ("returns", any()),
        ("created_at", time()),
    ])
}

/// What every event has, and what its kind adds.
fn event(kind: &str, own: &[(&str, Value)], around: &[(&str, Value)]) -> Value {
    let mut members = around.to_vec();
    members.extend([
        ("id", id()),
        ("event_type", word(&[kind])),
        ("parent_id", maybe_text()),
        ("agent_id", maybe_text()),
        ("init_timestamp", time()),
        ("end_timestamp", maybe_time()),
        ("status", text()),
    ]);
    members.extend(own.iter().cloned());
    members.extend([("params", any()), ("returns", any()), ("logs", any())]);
    let mut event = exact(&members);
    if kind == "llms" {
        event["properties"]["tokens_estimated"] = json!({"type": "boolean"});
    }
    event
}

fn events() -> Vec<(&'static str, Value)> {
    let action = [("action_type", maybe_text()), ("screenshot", maybe_text())];
    let tool = [("name", maybe_text())];
    let llm = [
        ("thread_id", maybe_text()),
        ("model", maybe_text()),
        ("prompt", any()),
        ("completion", any()),
        ("prompt_tokens", maybe_count()),
        ("completion_tokens", maybe_count()),
        ("cached_read_tokens", maybe_count()),
        ("cached_write_tokens", maybe_count()),
        ("reasoning_tokens", maybe_count()),
        ("cost", json!({"type": ["number", "null"]})),
        ("time_to_first_token", maybe_count()),
    ];
    let error = [
        ("trigger_event_id", maybe_text()),
        ("trigger_event_type", maybe_text()),
        ("error_type", maybe_text()),
        ("code", any()),
        ("details", any()),
        ("timestamp", time()),
    ];
    let names = ["Action", "Llm", "Tool", "ErrorEvent"];
    let mut schemas = vec![
        (names[0], event("actions", &action, &[])),
        (names[1], event("llms", &llm, &[])),
        (names[2], event("tools", &tool, &[])),
        (names[3], event("errors", &error, &[])),
        ("Event", json!({"oneOf": names.map(reference)})),
    ];
    for (name, lists, around) in [
        ("SessionEvent", "SessionEventList", ("index", count())),
        ("FoundEvent", "EventList", ("project_id", text())),
    ] {
        let around = [("session_id", id()), around];
        let kinds = [
            event("actions", &action, &around),
            event("llms", &llm, &around),
            event("tools", &tool, &around),
            event("errors", &error, &around),
        ];
        schemas.push((name, json!({"oneOf": kinds})));
        let page = [
            ("events", list(reference(name))),
            ("next_cursor", maybe_text()),
        ];
        schemas.push((lists, exact(&page)));
    }
    schemas
}

fn requests() -> Vec<(&'static str, Value)> {
    let states = [
        "Success",
        "Fail",
        "Failure",
        "failed",
        "Indeterminate",
        "completed",
    ];
    let session = [
        ("session_id", id()),
        ("init_timestamp", maybe_time()),
        ("end_timestamp", maybe_time()),
        (
            "end_state",
            json!({"anyOf": [word(&states), {"type": "null"}]}),
        ),
        ("end_state_reason", maybe_text()),
        (
            "tags",
            json!({"type": ["array", "null"], "items": {"type": "string", "maxLength": 256}, "maxItems": 1000}),
        ),
        ("host_env", json!({"type": ["object", "null"]})),
        ("video", maybe_text()),
    ];
    let event = open(
        &[
            ("id", id()),
            (
                "event_type",
                json!({"type": "string", "maxLength": 256, "examples": ["actions", "llms", "tools", "errors"]}),
            ),
            ("init_timestamp", maybe_time()),
            ("end_timestamp", maybe_time()),
            ("params", any()),
            ("returns", any()),
        ],
        &["id", "event_type"],
    );
    let update = open(
        &[
            ("id", id()),
            ("end_timestamp", maybe_time()),
            ("returns", any()),
        ],
        &["id"],
    );
    let events = |items: Value| {
        let some = json!({"type": "array", "items": items, "maxItems": 10_000});
        open(&[("events", some)], &["events"])
    };
    vec![
        (
            "CreateSession",
            open(
                &[("session", open(&session, &["session_id"]))],
                &["session"],
            ),
        ),
        (
            "UpdateSession",
            open(&[("session", open(&session, &[]))], &["session"]),
        ),
        ("CreateEvents", events(event)),
        ("UpdateEvents", events(update)),
        (
            "CreateAgent",
            open(&[("id", id()), ("name", maybe_text())], &["id"]),
        ),
        (
            "CreateThread",
            open(
                &[
                    ("id", id()),
                    ("agent_id", json!({"anyOf": [id(), {"type": "null"}]})),
                ],
                &["id"],
            ),
        ),
        (
            "Reauthorize",
            open(&[("session_id", id())], &["session_id"]),
        ),
        ("UpdateLogs", open(&[("logs", text())], &["logs"])),
        (
            "DeveloperError",
            open(
                &[
                    ("sdk_version", maybe_text()),
                    ("type", maybe_text()),
                    ("message", maybe_text()),
                    ("stack_trace", maybe_text()),
                    ("host_env", any()),
                ],
                &[],
            ),
        ),
    ]
}
