//! From the outbox to the server: reads lines, sends them session by session, acknowledges what
//! is taken care of. Retries for as long as the process lives; what a server refuses for good is
//! quarantined and counted, and only that.
//!
//! Order inside a session is kept; sessions do not wait for each other within one stretch.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use agentops_protocol::api::{CreateSessionAnswer, ReauthorizeAnswer, UpdateSessionAnswer};
use agentops_spool::Op;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::backoff::{Verdict, pause};
use super::outbox::{Item, Mark, Source};
use super::quarantine::Quarantine;
use super::requests::{Call, Step, event_id, steps};
use super::throttle::Throttle;
use super::transport::{Attempt, Auth, Transport};
use crate::config::Settings;
use crate::state::SessionState;
use crate::tally::Loss;

/// Most lines and bytes of one stretch.
const STRETCH_LINES: usize = 2_048;
const STRETCH_BYTES: usize = 2 << 20;
/// Sessions of a stretch that are sent at the same time.
const PARALLEL: usize = 4;
/// Most sessions of which a token, or that they are refused, is kept.
const MAX_SESSIONS: usize = 10_000;
/// How long a call runs before the server is told of it.
const OPEN_AFTER: Duration = Duration::from_millis(100);

/// What senders of one client share.
pub(crate) struct Delivery {
    pub(crate) settings: Arc<Settings>,
    pub(crate) transport: Transport,
    quarantine: Quarantine,
    refusals: Throttle,
    parkings: Throttle,
    outages: Throttle,
    tokens: Mutex<HashMap<String, Arc<str>>>,
    parked: Mutex<HashSet<String>>,
    sessions: Mutex<HashMap<String, Weak<SessionState>>>,
    /// Lines have been committed.
    pub(crate) news: Notify,
    /// Somebody waits for delivery: no pause for company, no pause after a failure.
    pub(crate) hurry: Notify,
    hurried: AtomicBool,
    /// Whether the last attempt got an answer.
    pub(crate) reachable: AtomicBool,
}

impl Delivery {
    pub(crate) fn new(
        settings: Arc<Settings>,
        transport: Transport,
        data_dir: Option<&std::path::Path>,
    ) -> Self {
        Self {
            settings,
            transport,
            quarantine: Quarantine::in_dir(data_dir),
            refusals: Throttle::default(),
            parkings: Throttle::default(),
            outages: Throttle::default(),
            tokens: Mutex::default(),
            parked: Mutex::default(),
            sessions: Mutex::default(),
            news: Notify::new(),
            hurry: Notify::new(),
            hurried: AtomicBool::new(false),
            reachable: AtomicBool::new(true),
        }
    }

    /// A session of this process, to be told what the server says of it.
    pub(crate) fn know(&self, session: &Arc<SessionState>) {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, known| known.strong_count() > 0);
        sessions.insert(session.id.as_str().to_owned(), Arc::downgrade(session));
    }

    /// Somebody waits: send at once.
    pub(crate) fn hasten(&self) {
        self.hurried.store(true, Ordering::Relaxed);
        self.hurry.notify_waiters();
        self.news.notify_one();
    }

    fn session(&self, sid: &str) -> Option<Arc<SessionState>> {
        lock(&self.sessions).get(sid)?.upgrade()
    }

    fn token(&self, sid: &str) -> Option<Arc<str>> {
        lock(&self.tokens).get(sid).cloned()
    }

    /// Keeps a session's token. A program of many sessions forgets all of them now and then: who
    /// needs one asks for it again.
    fn authorised(&self, sid: &str, token: Arc<str>) {
        let mut tokens = lock(&self.tokens);
        if tokens.len() >= MAX_SESSIONS {
            tokens.clear();
        }
        tokens.insert(sid.to_owned(), token);
    }

    /// Sends the requests of one session, in order.
    async fn send(self: Arc<Self>, sid: String, steps: Vec<Step>, source: Arc<str>) {
        for step in steps {
            let mut waiting = vec![step];
            while let Some(step) = waiting.pop() {
                if lock(&self.parked).contains(&sid) {
                    self.refuse(&step, Loss::Rejected, "its session was refused");
                    continue;
                }
                if let Some((first, second)) = self.deliver(&sid, step, &source).await {
                    waiting.push(second);
                    waiting.push(first);
                }
            }
        }
    }

    /// Delivers one request or says into which two it is to be split.
    async fn deliver(&self, sid: &str, step: Step, source: &str) -> Option<(Step, Step)> {
        let mut failures = 0;
        let mut reauthorised = false;
        loop {
            let token = match (step.call, self.token(sid)) {
                (Call::CreateSession, _) => None,
                (_, Some(token)) => Some(token),
                (_, None) => match self.authorise(sid, &mut failures).await {
                    Some(token) => Some(token),
                    None => {
                        self.refuse(&step, Loss::Rejected, "its session was refused");
                        return None;
                    }
                },
            };
            let auth = token.as_deref().map_or(Auth::Key, Auth::Token);
            let batch = step.batch_id(source);
            let attempt = self
                .transport
                .post(step.call.path(), auth, step.body(), Some(&batch))
                .await;
            self.reachable.store(attempt.status != 0, Ordering::Relaxed);
            match attempt.verdict {
                Verdict::Done => {
                    self.accepted(sid, &step, &attempt);
                    return None;
                }
                Verdict::Retry(asked) => self.wait(&attempt, asked, &mut failures).await,
                Verdict::Reauthorise if token.is_some() && !reauthorised => {
                    reauthorised = true;
                    lock(&self.tokens).remove(sid);
                }
                Verdict::Split if step.items.len() > 1 => return step.halves(),
                _ if step.call == Call::CreateSession => {
                    self.park(sid, &attempt);
                    self.refuse(&step, Loss::Rejected, &reason(&attempt));
                    return None;
                }
                _ => {
                    let loss = if attempt.status == 413 {
                        Loss::TooLarge
                    } else {
                        Loss::Rejected
                    };
                    self.refuse(&step, loss, &reason(&attempt));
                    return None;
                }
            }
        }
    }

    /// A token for a session that has none: it was opened by another process or by an earlier
    /// run of this sender.
    async fn authorise(&self, sid: &str, failures: &mut u32) -> Option<Arc<str>> {
        let mut path = "/v2/reauthorize_jwt";
        loop {
            let body = match path {
                "/v2/reauthorize_jwt" => json!({ "session_id": sid }),
                _ => json!({ "session": { "id": sid, "session_id": sid } }),
            };
            let attempt = self
                .transport
                .post(path, Auth::Key, body.to_string().into(), None)
                .await;
            self.reachable.store(attempt.status != 0, Ordering::Relaxed);
            match attempt.verdict {
                Verdict::Done => {
                    let Ok(answer) = serde_json::from_str::<ReauthorizeAnswer>(&attempt.text)
                    else {
                        self.park(sid, &attempt);
                        return None;
                    };
                    let token: Arc<str> = answer.jwt.into();
                    self.authorised(sid, Arc::clone(&token));
                    return Some(token);
                }
                Verdict::Retry(asked) => self.wait(&attempt, asked, failures).await,
                // The server does not know the session (yet): its creation may have been lost.
                _ if path == "/v2/reauthorize_jwt" && attempt.status != 401 => {
                    path = Call::CreateSession.path();
                }
                _ => {
                    self.park(sid, &attempt);
                    return None;
                }
            }
        }
    }

    fn accepted(&self, sid: &str, step: &Step, attempt: &Attempt) {
        match step.call {
            Call::CreateSession => {
                match serde_json::from_str::<CreateSessionAnswer>(&attempt.text) {
                    Ok(answer) => {
                        self.authorised(sid, answer.jwt.into());
                        if let (Some(session), Some(url)) = (self.session(sid), answer.session_url)
                        {
                            session.facts().url = Some(url);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(target: "agentops", %error, "the server answered create_session without a token");
                    }
                }
            }
            Call::UpdateSession => {
                let answer = serde_json::from_str::<UpdateSessionAnswer>(&attempt.text);
                if let (Some(session), Ok(answer)) = (self.session(sid), answer) {
                    session.facts().billed = Some(answer.token_cost);
                }
            }
            _ => {}
        }
    }

    /// The session is refused: its lines go to the quarantine, those of others go on.
    fn park(&self, sid: &str, attempt: &Attempt) {
        let new = {
            let mut parked = lock(&self.parked);
            if parked.len() >= MAX_SESSIONS {
                // They are refused again when they come again.
                parked.clear();
            }
            parked.insert(sid.to_owned())
        };
        if new && let Some(held_back) = self.parkings.pass(Instant::now()) {
            tracing::warn!(
                target: "agentops",
                session = %sid,
                status = attempt.status,
                held_back,
                "the server refuses the session: {}; check AGENTOPS_API_KEY and AGENTOPS_API_ENDPOINT",
                first_line(&attempt.text)
            );
        }
    }

    /// Keeps what is refused for good out of the way and counts its events.
    fn refuse(&self, step: &Step, loss: Loss, why: &str) {
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            tracing::warn!(
                target: "agentops",
                items = step.items.len(),
                path = step.call.path(),
                held_back,
                "refused by the server and put into quarantine: {why}"
            );
        }
        for item in &step.items {
            self.quarantine.keep(item, why);
            if item.op == Op::Event
                && let Some(session) = self.session(&item.sid)
            {
                session.facts().tally.lose(loss, 1);
            }
        }
    }

    async fn wait(&self, attempt: &Attempt, asked: Option<Duration>, failures: &mut u32) {
        let own = pause(*failures, fastrand::f64());
        if *failures == 0
            && let Some(held_back) = self.outages.pass(Instant::now())
        {
            tracing::info!(target: "agentops", status = attempt.status, held_back, "the server cannot be reached; nothing is lost, trying again: {}", first_line(&attempt.text));
        }
        *failures = failures.saturating_add(1);
        match asked {
            // A pause the server asked for is not cut short, nor is one of no length taken at its word.
            Some(asked) if asked >= own => tokio::time::sleep(asked).await,
            _ => {
                let _ = timeout(own, self.hurry.notified()).await;
            }
        }
    }
}

/// Reads one source to its end, or for ever.
pub(crate) struct Sender {
    delivery: Arc<Delivery>,
    source: Source,
    name: Arc<str>,
    /// Calls that run and that the server does not know of yet.
    running: HashMap<String, (Item, Instant)>,
    /// Calls that the server was told of while they ran.
    told: HashSet<String>,
    /// Whether this source was begun by another process: what it was told is not known.
    recovered: bool,
}

impl Sender {
    pub(crate) fn new(delivery: Arc<Delivery>, source: Source, recovered: bool) -> Self {
        let name = source.name().into();
        Self {
            delivery,
            source,
            name,
            running: HashMap::new(),
            told: HashSet::new(),
            recovered,
        }
    }

    /// How far everything is delivered or quarantined.
    pub(crate) fn mark(&self) -> Mark {
        self.source.mark()
    }

    /// Sends all there is now; the number of lines. On an unreadable spool, 0.
    pub(crate) async fn stretch(&mut self) -> usize {
        let read = self.source.next(STRETCH_LINES, STRETCH_BYTES);
        let items = match read {
            Ok(items) => items,
            Err(error) => {
                tracing::warn!(target: "agentops", %error, "the spool cannot be read");
                return 0;
            }
        };
        let count = items.items.len();
        let ready = self.sort_out(items.items);
        let max = self.delivery.settings.max_queue_size;
        let mut sessions = steps(ready, max).into_iter();
        let mut sending = JoinSet::new();
        loop {
            while sending.len() < PARALLEL
                && let Some((sid, steps)) = sessions.next()
            {
                let steps = self.as_updates(steps);
                sending.spawn(Arc::clone(&self.delivery).send(sid, steps, Arc::clone(&self.name)));
            }
            if sending.join_next().await.is_none() {
                break;
            }
        }
        if let Some(end) = items.end
            && let Err(error) = self.source.acknowledge(end)
        {
            tracing::warn!(target: "agentops", %error, "delivery cannot be noted; it will be repeated");
        }
        count
    }

    /// Sets running calls aside and drops those that have ended meanwhile.
    fn sort_out(&mut self, items: Vec<Item>) -> Vec<Item> {
        let now = Instant::now();
        let mut ready = Vec::with_capacity(items.len());
        for item in items {
            match (item.op, event_id_of(&item)) {
                (Op::Open, Some(id)) => {
                    self.running.insert(id, (item, now));
                }
                (Op::Open, None) => {}
                (Op::Event, Some(id)) => {
                    self.running.remove(&id);
                    ready.push(item);
                }
                _ => ready.push(item),
            }
        }
        ready
    }

    /// To our server, an event whose running form it was told of is an update.
    fn as_updates(&mut self, steps: Vec<Step>) -> Vec<Step> {
        if !self.delivery.transport.is_ours() {
            return steps;
        }
        let mut out = Vec::with_capacity(steps.len());
        for step in steps {
            if step.call != Call::CreateEvents {
                out.push(step);
                continue;
            }
            let (told, fresh): (Vec<Item>, Vec<Item>) = step.items.into_iter().partition(|item| {
                self.recovered || event_id_of(item).is_some_and(|id| self.told.remove(&id))
            });
            for (call, items) in [(Call::CreateEvents, fresh), (Call::UpdateEvents, told)] {
                if !items.is_empty() {
                    out.push(Step::new(call, items));
                }
            }
        }
        out
    }

    /// Tells our server of calls that have been running for a while. Returns when the next one
    /// will have.
    pub(crate) async fn tell_running(&mut self) -> Option<Duration> {
        if !self.delivery.transport.is_ours() {
            // Nobody else knows what to do with a call that has no end.
            return None;
        }
        let due: Vec<String> = self
            .running
            .iter()
            .filter(|(_, (_, since))| since.elapsed() >= OPEN_AFTER)
            .map(|(id, _)| id.clone())
            .collect();
        let mut items = Vec::with_capacity(due.len());
        for id in due {
            if let Some((item, _)) = self.running.remove(&id) {
                self.told.insert(id);
                items.push(item);
            }
        }
        for (sid, steps) in steps(items, self.delivery.settings.max_queue_size) {
            Arc::clone(&self.delivery)
                .send(sid, steps, Arc::clone(&self.name))
                .await;
        }
        let oldest = self
            .running
            .values()
            .map(|(_, since)| since.elapsed())
            .max()?;
        Some(OPEN_AFTER.saturating_sub(oldest))
    }

    /// Sends for as long as the process lives; tells `done` how far it is.
    pub(crate) async fn run(mut self, done: impl Fn(Mark)) {
        loop {
            let sent = self.stretch().await;
            let next_told = self.tell_running().await;
            done(self.mark());
            if sent >= STRETCH_LINES {
                continue;
            }
            let delivery = Arc::clone(&self.delivery);
            if sent == 0 {
                match next_told {
                    Some(pause) if timeout(pause, delivery.news.notified()).await.is_err() => {
                        continue;
                    }
                    Some(_) => {}
                    None => delivery.news.notified().await,
                }
            }
            self.gather().await;
        }
    }

    /// Waits for company, unless somebody waits for delivery.
    async fn gather(&self) {
        if self.delivery.hurried.swap(false, Ordering::Relaxed) {
            return;
        }
        let pause = self.delivery.settings.max_wait_time;
        let _ = timeout(pause, self.delivery.hurry.notified()).await;
    }

    /// The sends of a source that grows no more.
    pub(crate) async fn drain(&mut self) {
        while self.stretch().await > 0 {}
    }

    /// One more request of a session, outside the source.
    pub(crate) async fn send_extra(&self, item: Item, call: Call) {
        let sid = item.sid.clone();
        let steps = vec![Step::new(call, vec![item])];
        Arc::clone(&self.delivery)
            .send(sid, steps, Arc::clone(&self.name))
            .await;
    }
}

fn event_id_of(item: &Item) -> Option<String> {
    matches!(item.op, Op::Event | Op::Open)
        .then(|| event_id(&item.body))
        .flatten()
}

fn reason(attempt: &Attempt) -> String {
    format!("{} {}", attempt.status, first_line(&attempt.text))
}

/// Enough of an answer to understand it, on one line.
fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let end = line
        .char_indices()
        .nth(200)
        .map_or(line.len(), |(at, _)| at);
    &line[..end]
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
