//! An export as JSON lines: each an object of one member, whose name says what it is.

use agentops_protocol::Event;
use agentops_protocol::api::Export;
use serde::Serialize;

/// The session first, then agents and threads, the events in the order they began, the counts
/// last.
pub(super) fn write(export: &Export, events: &[&Event]) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    line(&mut out, "session", &export.session)?;
    for agent in &export.agents {
        line(&mut out, "agent", agent)?;
    }
    for thread in &export.threads {
        line(&mut out, "thread", thread)?;
    }
    for event in events {
        line(&mut out, "event", event)?;
    }
    line(&mut out, "stats", &export.stats)?;
    Ok(out)
}

fn line(out: &mut Vec<u8>, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    serde_json::to_writer(&mut *out, value)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}
