//! What a project did, in sums; and how the server itself does.

use agentops_protocol::Timestamp;
use agentops_store::{DaySums, EventSums, Latencies, NamedSums, Overview};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use http::{HeaderValue, Uri, header};
use serde_json::{Value, json};

use super::params::Params;
use crate::access::{KeyHolder, may_watch};
use crate::app::App;
use crate::error::ApiError;

/// How far back an overview reaches unless told otherwise.
const DEFAULT_MICROS: i64 = 30 * DAY_MICROS;
/// How much an overview spans at most: what is read must be read soon.
const LONGEST_MICROS: i64 = 366 * DAY_MICROS;
const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// Sums over the key's project's own sessions and events of a stretch of time.
pub(crate) async fn overview(
    State(app): State<App>,
    holder: KeyHolder,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    let params = Params::of(&uri);
    let to = params.time("to")?.unwrap_or_else(|| later(app.now(), 1));
    let from = params.time("from")?;
    let from = from.unwrap_or_else(|| later(to, -DEFAULT_MICROS));
    let span = to.as_micros().saturating_sub(from.as_micros());
    if !(1..=LONGEST_MICROS).contains(&span) {
        let message = "from, to: expected from before to, and at most 366 days between them";
        return Err(ApiError::bad_request(message));
    }
    let read = app.read(move |store| store.overview(Some(&holder.project), from, to));
    Ok(Json(spelled(&read.await?, from, to)))
}

fn later(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}

fn spelled(overview: &Overview, from: Timestamp, to: Timestamp) -> Value {
    let sessions = &overview.sessions;
    let named = |rows: &[NamedSums]| rows.iter().map(of_name).collect::<Vec<_>>();
    let reasons = overview.reasons.iter();
    let tags = overview.tags.iter();
    json!({
        "from": from,
        "to": to,
        "sessions": {
            "total": sessions.total,
            "running": sessions.running,
            "success": sessions.success,
            "fail": sessions.fail,
            "indeterminate": sessions.total - sessions.success - sessions.fail,
        },
        "reasons": reasons
            .map(|(reason, count)| json!({"reason": reason, "sessions": count}))
            .collect::<Vec<_>>(),
        "tags": tags
            .map(|tag| json!({"tag": tag.tag, "sessions": tag.sessions, "fail": tag.fail, "cost_known": tag.cost}))
            .collect::<Vec<_>>(),
        "days": overview.days.iter().map(|(day, sums)| of_day(*day, sums)).collect::<Vec<_>>(),
        "models": named(&overview.models),
        "tools": named(&overview.tools),
        "actions": named(&overview.actions),
        "errors": named(&overview.errors),
        "total": sums(&overview.total),
    })
}

fn sums(sums: &EventSums) -> Value {
    json!({
        "events": sums.events,
        "failed": sums.failed,
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "cost": (sums.unpriced == 0).then_some(sums.cost),
        "cost_known": sums.cost,
        "unpriced": sums.unpriced,
    })
}

fn of_day(day: i64, told: &DaySums) -> Value {
    let start = Timestamp::from_micros(day.saturating_mul(DAY_MICROS));
    let date: String = start
        .to_string()
        .chars()
        .take_while(|c| *c != 'T')
        .collect();
    let mut spelled = sums(&told.sums);
    spelled["day"] = date.into();
    spelled["sessions"] = told.sessions.into();
    spelled["fail"] = told.fail.into();
    spelled["errors"] = told.errors.into();
    spelled
}

fn of_name(row: &NamedSums) -> Value {
    let mut spelled = sums(&row.sums);
    spelled["name"] = json!(row.name);
    spelled["latency_us"] = latency(&row.latencies);
    spelled
}

fn latency(latencies: &Latencies) -> Value {
    json!({
        "count": latencies.count(),
        "p50": latencies.within(0.5),
        "p90": latencies.within(0.9),
        "p95": latencies.within(0.95),
        "p99": latencies.within(0.99),
    })
}

/// The server's own numbers, as Prometheus reads them: for this machine, and for the holder of
/// any key.
pub(crate) async fn metrics(
    State(app): State<App>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let (parts, _) = request.into_parts();
    if !may_watch(&app, &parts).await? {
        return Err(ApiError::invalid_key());
    }
    let text = app.meter().text(app.store().is_alive());
    let prometheus = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, prometheus)], text))
}
