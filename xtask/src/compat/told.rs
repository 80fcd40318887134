//! What a program says that it did, line by line.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// One line.
#[derive(Debug)]
pub(crate) struct Told {
    /// What was done.
    pub(crate) what: What,
    fields: Map<String, Value>,
}

/// The kinds of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Session,
    Agent,
    Tags,
    Event,
    Analytics,
    AnalyticsWhileRunning,
    RefusedEnd,
    Counts,
    End,
    Video,
    TokenCost,
    Stuck,
    /// Worth a line for the reader, and nothing to compare.
    Remark,
}

impl Told {
    /// Reads everything a program wrote to standard output.
    pub(crate) fn read(output: &str) -> anyhow::Result<Vec<Self>> {
        output.lines().map(Self::line).collect()
    }

    fn line(line: &str) -> anyhow::Result<Self> {
        let unclear = || format!("the program says what is not understood: {line}");
        let fields: Map<String, Value> = serde_json::from_str(line).with_context(unclear)?;
        let what = match fields.get("did").and_then(Value::as_str) {
            Some("session") => What::Session,
            Some("agent") => What::Agent,
            Some("tags") => What::Tags,
            Some("event") => What::Event,
            Some("analytics") => What::Analytics,
            Some("analytics_while_running") => What::AnalyticsWhileRunning,
            Some("refused_end") => What::RefusedEnd,
            Some("counts") => What::Counts,
            Some("end") => What::End,
            Some("video") => What::Video,
            Some("token_cost") => What::TokenCost,
            Some("stuck") => What::Stuck,
            Some("nothing" | "joined") => What::Remark,
            _ => bail!(unclear()),
        };
        Ok(Self { what, fields })
    }

    /// A field; null where there is none.
    pub(crate) fn get(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }

    /// A field that is a text; empty where there is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.get(field).as_str().unwrap_or_default()
    }

    /// Whether it is about a session.
    pub(crate) fn is_of(&self, session: &str) -> bool {
        self.text("session") == session
    }
}
