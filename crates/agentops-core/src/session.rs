//! Sessions as users hold them: cheap handles on what the worker records.

mod end;
mod options;
mod stats;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use agentops_protocol::{Agent as WireAgent, EndState, EventId, SessionId, Timestamp};

pub use end::{End, Ended};
pub use options::SessionOptions;
pub use stats::{Analytics, FetchError, StatsLine};
pub(crate) use stats::{export, stats};

use crate::client::{Client, GRACE};
use crate::delivery::Until;
use crate::env;
use crate::events::{Event, own_time, sealed::Draft};
use crate::open_call::OpenCall;
use crate::recording::context::{self, Scope, Scoped};
use crate::recording::{AgentSlot, CallId, Kind, Outcome, Slot, record};
use crate::state::{self, SessionState};
use crate::tally::Loss;

/// A session: one run of an agent, and everything recorded in it.
///
/// A handle; clones are the same session, and dropping handles does not end it. Recording
/// returns nothing, never waits and never fails; what had to be dropped is counted in
/// [`Session::dropped`]. All methods of an inactive session (see [`Session::is_active`]) do
/// nothing.
///
/// ```
/// use agentops_core::{Client, Config, EndState, SessionOptions, ToolEvent};
///
/// # let dir = tempfile::tempdir()?;
/// let client = Client::new(Config::new().data_dir(dir.path()));
/// let session = client.start_session(SessionOptions::new().tags(["demo"]));
/// let call = session.start(ToolEvent::new("sql").params("SELECT 1"));
/// call.finish(&1);
/// let ended = session.end(EndState::Success).reason("done").wait();
/// assert_eq!(ended.stats.tools, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    client: Client,
    /// `None`: inactive.
    state: Option<Arc<SessionState>>,
}

impl Session {
    /// A session that records nothing.
    pub(crate) fn inactive(client: Client) -> Self {
        Self {
            client,
            state: None,
        }
    }

    /// A session that has begun.
    pub(crate) fn begun(client: Client, state: Arc<SessionState>) -> Self {
        #[cfg(feature = "enable")]
        if let Some(link) = client.link() {
            crate::names::opened(&state, link, &client);
        }
        Self::active(client, state)
    }

    fn active(client: Client, state: Arc<SessionState>) -> Self {
        Self {
            client,
            state: Some(state),
        }
    }

    /// The client it was started by.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it can record: it was started, its client is enabled, and it has not ended.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state.as_ref().is_some_and(|state| !state.is_ended())
    }

    /// Its id; empty for one that was never started.
    #[must_use]
    pub fn id(&self) -> &str {
        self.state.as_ref().map_or("", |state| state.id.as_str())
    }

    /// The page to look at it, once a server said which, or the client's `app_url` knows.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let state = self.state.as_ref()?;
        if let Some(base) = &state.settings.app_url {
            return Some(format!(
                "{}/sessions/{}",
                base.trim_end_matches('/'),
                state.id
            ));
        }
        state.facts().url.clone()
    }

    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        self.state
            .as_ref()
            .map(|state| state.facts().tags.clone())
            .unwrap_or_default()
    }

    /// When it began, for this process.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        self.state.as_ref().map(|state| state.started)
    }

    /// When it ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<Timestamp> {
        self.state.as_ref()?.facts().end.as_ref().map(|end| end.at)
    }

    /// How it ended; `Indeterminate` while it runs.
    #[must_use]
    pub fn end_state(&self) -> EndState {
        let state = self.state.as_ref();
        state
            .and_then(|state| state.facts().end.as_ref().map(|end| end.state))
            .unwrap_or_default()
    }

    /// How much this process had to drop of it, by reason.
    #[must_use]
    pub fn dropped(&self) -> std::collections::BTreeMap<Loss, u64> {
        self.state
            .as_ref()
            .map(|state| state.facts().tally.losses().clone())
            .unwrap_or_default()
    }

    /// How many events of this session this process has written to its spool, in the order they
    /// ended on each thread. Whatever happens to the process, those are safe; in memory-only mode
    /// they are what can be delivered.
    #[must_use]
    pub fn spooled(&self) -> u64 {
        self.state
            .as_ref()
            .map_or(0, |state| state.spooled.load(Ordering::Acquire))
    }

    /// Adds tags at the end; those it has are not repeated. In a session that another process made, they are added to
    /// what that one gave it.
    pub fn add_tags<S: Into<String>>(&self, tags: impl IntoIterator<Item = S>) {
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        self.change(|facts| {
            for tag in tags {
                if !facts.tags.contains(&tag) {
                    facts.tags.push(tag);
                }
            }
            if facts.changed_tags == state::Tags::Same {
                facts.changed_tags = state::Tags::Added;
            }
        });
    }

    /// Sets the tags; all it had are gone.
    pub fn set_tags<S: Into<String>>(&self, tags: impl IntoIterator<Item = S>) {
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        self.change(|facts| {
            facts.tags = tags;
            facts.changed_tags = state::Tags::Set;
        });
    }

    /// Sets the URL of a recording.
    pub fn set_video(&self, url: impl Into<String>) {
        let url = url.into();
        self.change(|facts| facts.video = Some(url));
    }

    /// Records an event that is over.
    pub fn record(&self, event: impl Event) {
        let draft = event.into_draft();
        let ended = draft
            .took
            .map(|took| draft.started.unwrap_or_else(SystemTime::now) + took);
        let Some((id, slot)) = self.begin(&draft) else {
            return;
        };
        let own_end = ended
            .or(draft.started)
            .map(|at| own_time("end_timestamp", at));
        let outcome = if draft.kind == Kind::Error {
            Outcome::Error
        } else {
            Outcome::Ok
        };
        let members = own_end.unwrap_or_default();
        record::end(id, slot, outcome, &mut |cut| cut.members(&members), &[]);
    }

    /// Records the start of an event; the guard ends it. It is visible while it runs, and in
    /// the tree what is recorded meanwhile stands beside it, not under it.
    pub fn start(&self, event: impl Event) -> OpenCall {
        let draft = event.into_draft();
        let begun = self.begin(&draft);
        let slot = begun.map_or(Slot::NONE, |(_, slot)| slot);
        OpenCall::new(begun.map(|(id, _)| id), slot, draft.kind)
    }

    /// Runs a future in this session: what it records belongs here, in whatever task or thread
    /// it is polled.
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped::new(self.own_scope(), future)
    }

    /// Makes this the current session of the thread until the guard is dropped. Not for async
    /// code: a guard must not be held across an `.await`; use [`Session::scope`] there.
    pub fn enter(&self) -> context::Entered {
        context::enter(self.own_scope())
    }

    /// The variables by which a child process joins this session, inside the current call:
    /// `cmd.envs(session.env())`. They hold the API key where there is one.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let Some(state) = &self.state else {
            return Vec::new();
        };
        let mut variables = vec![(env::SESSION_ID, state.id.as_str().to_owned())];
        let current = context::raw_current();
        if current.session.index() == state.slot.index() && !current.parent.is_none() {
            variables.push((env::PARENT_ID, current.parent.uuid().to_string()));
        } else if let Some(parent) = &state.parent {
            variables.push((env::PARENT_ID, parent.as_str().to_owned()));
        }
        let settings = &state.settings;
        if let Some(dir) = self.client.data_dir().and_then(|dir| dir.to_str()) {
            variables.push((env::DATA_DIR, dir.to_owned()));
        }
        if let (Some(endpoint), Some(key)) = (&settings.endpoint, &settings.api_key) {
            variables.push((env::ENDPOINT, endpoint.clone()));
            variables.push((env::API_KEY, key.expose().to_owned()));
        }
        variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Waits until everything recorded in this session so far is delivered (in local mode:
    /// written), at most `limit`; whether it was.
    ///
    /// `false` says that there was not time enough, or that since the last flush of this session
    /// some of its events were refused or found no room: [`Session::dropped`] counts them.
    pub async fn flush(&self, limit: Duration) -> bool {
        let Some(state) = &self.state else {
            return true;
        };
        let told = state.told.load(Ordering::Relaxed);
        let flushed = self
            .client
            .send_off(Some(&state.id), Until::Delivered, limit);
        let flushed = flushed.within(limit + GRACE);
        let is_there = flushed.await.is_some_and(|flushed| flushed.complete);
        self.lost_since(told) == 0 && is_there
    }

    /// As [`Session::flush`], for code that is not async.
    pub fn flush_blocking(&self, limit: Duration) -> bool {
        let Some(state) = &self.state else {
            return true;
        };
        let told = state.told.load(Ordering::Relaxed);
        let flushed = self
            .client
            .send_off(Some(&state.id), Until::Delivered, limit);
        let flushed = flushed.wait(limit + GRACE);
        self.lost_since(told) == 0 && flushed.is_some_and(|flushed| flushed.complete)
    }

    /// How many events are lost beyond those that were told of, which is told herewith.
    fn lost_since(&self, told: u64) -> u64 {
        let Some(state) = &self.state else { return 0 };
        let lost = state.facts().tally.failures();
        state.told.fetch_max(lost, Ordering::Relaxed);
        lost.saturating_sub(told)
    }

    /// The process is about to end: what was recorded gets to the spool, and from there away if
    /// that takes no waiting for a server that is not there.
    pub(crate) fn at_exit(&self, limit: Duration) {
        if self.state.is_some() {
            let _ = self
                .client
                .send_off(None, Until::AtExit, limit)
                .wait(limit + GRACE);
        }
    }

    /// Its number in this process; none for an inactive one.
    pub(crate) fn slot(&self) -> Slot {
        self.state
            .as_ref()
            .map(|state| state.slot)
            .unwrap_or_default()
    }

    /// Whether another process made it.
    pub(crate) fn is_joined(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.joined)
    }

    /// Gives an agent a number and tells the server of it.
    pub(crate) fn register(&self, agent: WireAgent) -> AgentSlot {
        let (Some(state), Some(link)) = (&self.state, self.client.link()) else {
            return AgentSlot::default();
        };
        let slot = state.admit(agent);
        link.changed(state);
        slot
    }

    /// The scope of its outermost events; one in which nothing is recorded for an inactive one.
    pub(crate) fn own_scope(&self) -> Scope {
        match self.recording() {
            Some(slot) => self.nested(slot),
            None => Scope::of(Slot(Slot::OFF)),
        }
    }

    /// Inside the call that runs, where it is of this session.
    fn nested(&self, slot: Slot) -> Scope {
        let current = context::raw_current();
        if current.session.index() == slot.index() {
            current
        } else {
            Scope::of(slot)
        }
    }

    /// Its slot while it records.
    fn recording(&self) -> Option<Slot> {
        self.state
            .as_ref()
            .filter(|state| !state.is_ended())
            .map(|state| state.slot)
    }

    /// Writes the start of an event; counts it where there is no session for it. What has begun is ended by the slot
    /// it began in, even if the session ends meanwhile.
    fn begin(&self, draft: &Draft) -> Option<(CallId, Slot)> {
        let Some(slot) = self.recording() else {
            match &self.state {
                Some(state) => state.lose(Loss::NoSession, 1),
                None => state::count_homeless(1),
            }
            return None;
        };
        let start = draft
            .started
            .map(|at| own_time("init_timestamp", at))
            .unwrap_or_default();
        let id = record::start(self.nested(slot), draft.kind, &draft.name, &mut |cut| {
            cut.members(&start);
            draft.fields.write(cut, slot.wants_content());
        });
        id.map(|id| (id, slot))
    }

    fn change(&self, change: impl FnOnce(&mut state::Facts)) {
        let (Some(state), Some(link)) = (&self.state, self.client.link()) else {
            return;
        };
        {
            let mut facts = state.facts();
            change(&mut facts);
            facts.changed = true;
        }
        link.changed(state);
    }

    /// The agent that events of this scope are attributed to.
    pub(crate) fn scope_of_agent(&self, agent: AgentSlot) -> Scope {
        Scope {
            agent,
            ..self.own_scope()
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("active", &self.is_active())
            .finish_non_exhaustive()
    }
}

/// The id of a session that another process or the user gave; a new one for an unusable text.
pub(crate) fn given_id(text: &str) -> SessionId {
    text.parse().unwrap_or_else(|error| {
        tracing::warn!(target: "agentops", "the session id cannot be used: {error}; a new one is made");
        SessionId::from(uuid::Uuid::new_v4())
    })
}

/// The session that something recorded here and now belongs to: of the innermost scope of the
/// task or thread, else the process's. `None` outside any, and in one that is not recorded.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let client = agentops_core::Client::new(agentops_core::Config::new().data_dir(dir.path()));
/// # #[cfg(feature = "enable")] {
/// use agentops_core::{SessionOptions, current_session};
///
/// let session = client.start_session(SessionOptions::new());
/// assert!(current_session().is_none());
/// let _inside = session.enter();
/// assert_eq!(current_session().unwrap().id(), session.id());
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn current_session() -> Option<Session> {
    let scope = context::current()?;
    let (client, state) = crate::names::handle(scope.session)?;
    Some(Session::active(client, state))
}

/// The id of the call that runs now, for [`ErrorEvent::trigger`](crate::ErrorEvent::trigger).
#[must_use]
pub fn current_event() -> Option<EventId> {
    let scope = context::current()?;
    (!scope.parent.is_none()).then(|| EventId::from(scope.parent.uuid()))
}

#[cfg(all(test, feature = "enable"))]
mod tests;
