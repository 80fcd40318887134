//! developer_errors: faults that an SDK reports of itself.

use agentops_protocol::accept;
use http::StatusCode;

use crate::access::KeyHolder;
use crate::ingest::RequestBody;

/// How much of a text goes to the log.
const LOGGED_CHARS: usize = 2_000;

/// Logs the report. Whatever is wrong with it, the reporter has trouble enough: always 204.
pub(crate) async fn developer_errors(holder: KeyHolder, body: RequestBody) -> StatusCode {
    match body.read(accept::developer_error).await {
        Ok(report) => tracing::warn!(
            project.id = %holder.project,
            sdk.version = ?start(report.sdk_version),
            error.type_ = ?start(report.kind),
            message = ?start(report.message),
            stack_trace = ?start(report.stack_trace),
            "an SDK reported a fault of its own",
        ),
        Err(error) => tracing::warn!(
            project.id = %holder.project,
            reason = error.message(),
            "an SDK reported a fault in a form that cannot be read",
        ),
    }
    StatusCode::NO_CONTENT
}

fn start(text: Option<String>) -> Option<String> {
    text.map(|text| text.chars().take(LOGGED_CHARS).collect())
}
