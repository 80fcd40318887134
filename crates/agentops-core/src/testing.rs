//! What a piece of code records, for tests of the code that is annotated. Nothing touches disk or
//! network.

use std::time::Duration;

use serde_json::Value;

use crate::client::{Client, GRACE};
use crate::config::{Config, Durability};
use crate::delivery::Fetch;
use crate::session::{Session, SessionOptions};
use agentops_protocol::EndState;

/// Longest that a test waits for what was recorded.
const LIMIT: Duration = Duration::from_secs(10);

/// What [`capture`] saw.
#[derive(Debug)]
#[non_exhaustive]
pub struct Captured<R> {
    /// What the code returned.
    pub result: R,
    /// The session's export: `actions`, `llms`, `tools`, `errors`, `stats`, …
    pub export: Value,
}

impl<R> Captured<R> {
    /// The events of one list of the export (`actions`, `llms`, `tools`, `errors`), in the order
    /// they began.
    ///
    /// # Panics
    /// For a name that is none of the four.
    #[must_use]
    pub fn events(&self, list: &str) -> &[Value] {
        match self.export[list].as_array() {
            Some(events) => events,
            None => panic!("{list:?} is none of actions, llms, tools, errors"),
        }
    }
}

/// Runs code in a session of its own and says what it recorded.
///
/// ```
/// # #[cfg(feature = "enable")] {
/// use agentops_core::{ToolEvent, testing};
///
/// let captured = testing::capture(|session| {
///     session.record(ToolEvent::new("search").params(&("rust", 3)));
///     42
/// });
/// assert_eq!(captured.result, 42);
/// assert_eq!(captured.events("tools")[0]["name"], "search");
/// # }
/// ```
///
/// # Panics
/// When recording does not answer: a fault of this crate.
pub fn capture<R>(code: impl FnOnce(&Session) -> R) -> Captured<R> {
    let session = session();
    let result = {
        let _inside = session.enter();
        code(&session)
    };
    Captured {
        result,
        export: finish(&session),
    }
}

/// As [`capture`], for a future.
///
/// # Panics
/// As [`capture`].
pub async fn capture_async<R>(code: impl AsyncFnOnce(&Session) -> R) -> Captured<R> {
    let session = session();
    let result = session.scope(code(&session)).await;
    Captured {
        result,
        export: finish(&session),
    }
}

fn session() -> Session {
    let config = Config::new()
        .durability(Durability::Memory)
        .env_data_opt_out(true);
    Client::new(config).start_session(SessionOptions::new())
}

fn finish(session: &Session) -> Value {
    let _ = session.end(EndState::Success).wait();
    let link = session
        .client()
        .link()
        .expect("the feature `enable` is on in tests");
    let id = session
        .id()
        .parse()
        .expect("a session that was started has an id");
    let answer = link.fetch(Fetch::Export(id)).wait(LIMIT + GRACE);
    let text = answer
        .expect("the worker answers")
        .expect("the session is known");
    serde_json::from_str(&text).expect("an export is JSON")
}

#[cfg(all(test, feature = "enable"))]
mod tests {
    use super::*;
    use crate::{LlmEvent, Usage};

    #[tokio::test]
    async fn what_a_future_records_is_seen() {
        let captured = capture_async(async |session: &Session| {
            session.record(LlmEvent::new("gpt-4").usage(Usage::new(150, 80)));
            tokio::task::yield_now().await;
            7
        })
        .await;
        assert_eq!(captured.result, 7);
        assert_eq!(captured.events("llms")[0]["model"], "gpt-4");
        assert_eq!(captured.export["stats"]["cost"], "0.00930");
    }
}
