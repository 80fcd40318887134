//! Ending a session.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use agentops_protocol::api::Stats;
use agentops_protocol::{EndState, Usd};

use super::{Session, StatsLine};
use crate::client::GRACE;
use crate::delivery::{Flushed, Until};
use crate::recording::context;
use crate::reply::Reply;
use crate::state::{Ending, SessionState, now};

/// Longest that a signal or an aborting panic is held up.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// An end that takes effect when this is awaited, waited for or dropped.
#[derive(Debug)]
#[must_use = "await the end, wait for it, or drop it to end without waiting for delivery"]
pub struct End {
    session: Session,
    /// `None` once it took effect.
    state: Option<EndState>,
    reason: Option<String>,
}

/// What became of a session that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ended {
    /// Total cost: the server's answer where it answered in time, else what this process
    /// recorded, by its price book. `None` when a model's price is unknown.
    pub cost: Option<Usd>,
    /// Whether everything of the session was delivered (in local mode: written) within
    /// `flush_timeout`, and nothing of it was refused or found no room; [`Session::dropped`] says
    /// what was.
    pub delivered: bool,
    /// Counts of what this process recorded.
    pub stats: Stats,
    /// The page to look at, where a server said which.
    pub url: Option<String>,
}

impl Ended {
    /// The line `Session Stats - Duration: … | Cost: … | LLMs: … | …`.
    #[must_use]
    pub fn stats_line(&self) -> StatsLine {
        StatsLine::new(&self.stats, self.cost)
    }
}

impl Session {
    /// Ends the session. Takes effect when what this returns is awaited, waited for or dropped;
    /// only the first two wait for delivery. Ending twice changes nothing.
    pub fn end(&self, state: EndState) -> End {
        End {
            session: self.clone(),
            state: Some(state),
            reason: None,
        }
    }
}

impl Session {
    /// Ends the session when the process has no time left: written to the spool, and delivered
    /// only if a server has been answering.
    pub(crate) fn end_at_once(&self, state: EndState, reason: String) {
        let mut end = self.end(state).reason(reason);
        end.note();
        let flushed = self.client.send_off(None, Until::AtExit, LAST_WORDS);
        let _ = flushed.wait(LAST_WORDS + GRACE);
    }
}

impl End {
    /// Why it ended.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// URL of a recording.
    pub fn video(self, url: impl Into<String>) -> Self {
        self.session.set_video(url);
        self
    }

    /// Ends the session and waits for delivery, at most `flush_timeout`. For code that is not
    /// async; there, await this instead.
    pub fn wait(mut self) -> Ended {
        let flushed = self.take_effect();
        let limit = self.session.client.settings().flush_timeout;
        let flushed = flushed.and_then(|reply| reply.wait(limit + GRACE));
        self.outcome(flushed)
    }

    /// Ends the session; what to wait for, where there is something.
    fn take_effect(&mut self) -> Option<Reply<Flushed>> {
        self.note()?;
        let (session, link) = (self.session.state.as_ref()?, self.session.client.link()?);
        let limit = session.settings.flush_timeout;
        Some(link.flush(Some(&session.id), Until::Delivered, limit))
    }

    /// Ends the session; `None` when this end has taken effect already or there is no session.
    fn note(&mut self) -> Option<()> {
        let state = self.state.take()?;
        let (session, link) = (self.session.state.as_ref()?, self.session.client.link()?);
        if mark(session, state, self.reason.take()) {
            context::clear_process(session.slot);
            context::closed();
            link.changed(session);
        }
        Some(())
    }

    fn outcome(&self, flushed: Option<Flushed>) -> Ended {
        let delivered = flushed.is_some_and(|flushed| flushed.complete);
        let Some(session) = &self.session.state else {
            return Ended {
                cost: None,
                delivered,
                stats: Stats::default(),
                url: None,
            };
        };
        let stats = self.session.own_stats();
        let (billed, failed) = {
            let facts = session.facts();
            (facts.billed, facts.tally.failures() > 0)
        };
        Ended {
            cost: billed.unwrap_or(stats.cost),
            delivered: delivered && !failed,
            stats,
            url: self.session.url(),
        }
    }
}

/// Notes the end; `false` when there was one already.
fn mark(session: &Arc<SessionState>, state: EndState, reason: Option<String>) -> bool {
    let mut facts = session.facts();
    if facts.end.is_some() {
        return false;
    }
    facts.end = Some(Ending {
        state,
        reason,
        at: now(),
    });
    facts.changed = true;
    true
}

impl IntoFuture for End {
    type Output = Ended;
    type IntoFuture = Pin<Box<dyn Future<Output = Ended> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        // It takes effect now, also when the future is dropped before it is done.
        let flushed = self.take_effect();
        let limit = self.session.client.settings().flush_timeout + GRACE;
        Box::pin(async move {
            let flushed = match flushed {
                Some(reply) => reply.within(limit).await,
                None => None,
            };
            self.outcome(flushed)
        })
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // The reply is not waited for: the worker answers into the void.
        drop(self.take_effect());
    }
}
