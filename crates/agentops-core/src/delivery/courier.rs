//! Takes the requests of a session to the server, in order: what is refused for good is quarantined and counted, and
//! only that; what cannot be delivered now is handed back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agentops_protocol::api::{CreateSessionAnswer, ReauthorizeAnswer, UpdateSessionAnswer};
use agentops_spool::Op;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::backoff::{Verdict, pause};
use super::quarantine::Quarantine;
use super::requests::{Call, Step};
use super::standing::Standing;
use super::throttle::Throttle;
use super::transport::{Attempt, Auth, Transport};
use crate::config::Settings;
use crate::tally::Loss;

/// Failures of one session after which it lets others go first.
pub(crate) const FEW: u32 = 3;
/// As often as it takes.
pub(crate) const FOR_EVER: u32 = u32::MAX;
/// Failures in a row, of any session, that double the pause of all.
const STREAK: u32 = 4;

/// What senders of one client share.
pub(crate) struct Delivery {
    pub(crate) settings: Arc<Settings>,
    pub(crate) transport: Transport,
    pub(crate) standing: Standing,
    quarantine: Quarantine,
    refusals: Throttle,
    parkings: Throttle,
    outages: Throttle,
    /// Events that the client lost, by whatever failed.
    failures: Arc<AtomicU64>,
    /// Failed attempts since the last that succeeded.
    streak: AtomicU32,
    /// Lines have been committed.
    pub(crate) news: Notify,
    /// Somebody waits for delivery, or the server is back: no pause for company, none after a failure.
    pub(crate) hurry: Notify,
    hurried: AtomicBool,
    /// How often there was reason to hurry.
    pub(crate) hurries: AtomicU64,
    /// Whether the last attempt got an answer.
    pub(crate) reachable: AtomicBool,
}

/// Attempts that have failed, and how many may.
struct Turn {
    failures: u32,
    most: u32,
}

/// What became of a request.
enum Delivered {
    /// It is taken care of.
    Done,
    /// It is to be split.
    Split(Step, Step),
    /// It has had its turn.
    NotNow(Step),
}

impl Delivery {
    pub(crate) fn new(
        settings: Arc<Settings>,
        transport: Transport,
        data_dir: Option<&std::path::Path>,
        failures: Arc<AtomicU64>,
    ) -> Self {
        Self {
            settings,
            transport,
            standing: Standing::default(),
            quarantine: Quarantine::in_dir(data_dir),
            refusals: Throttle::default(),
            parkings: Throttle::default(),
            outages: Throttle::default(),
            failures,
            streak: AtomicU32::new(0),
            news: Notify::new(),
            hurry: Notify::new(),
            hurried: AtomicBool::new(false),
            hurries: AtomicU64::new(0),
            reachable: AtomicBool::new(true),
        }
    }

    /// Somebody waits: send at once.
    pub(crate) fn hasten(&self) {
        self.hurried.store(true, Ordering::Relaxed);
        self.hurries.fetch_add(1, Ordering::Relaxed);
        self.hurry.notify_waiters();
        self.news.notify_one();
    }

    /// Waits for company, unless somebody waits for delivery.
    pub(crate) async fn gather(&self) {
        if self.hurried.swap(false, Ordering::Relaxed) {
            return;
        }
        let _ = timeout(self.settings.max_wait_time, self.hurry.notified()).await;
    }

    /// Sends the requests of one session, in order, with at most so many failures in a row; what is left of them.
    pub(crate) async fn send(
        &self,
        sid: &str,
        steps: Vec<Step>,
        source: &str,
        most: u32,
    ) -> Vec<Step> {
        let mut turn = Turn { failures: 0, most };
        // From its end, so that the next one is at hand.
        let mut waiting: Vec<Step> = steps.into_iter().rev().collect();
        while let Some(step) = waiting.pop() {
            if self.standing.is_refused(sid) {
                self.refuse(&step, Loss::Rejected, "its session was refused");
                continue;
            }
            match self.deliver(sid, step, source, &mut turn).await {
                Delivered::Done => {}
                Delivered::Split(first, second) => {
                    waiting.push(second);
                    waiting.push(first);
                }
                Delivered::NotNow(step) => {
                    waiting.push(step);
                    break;
                }
            }
        }
        waiting.reverse();
        waiting
    }

    async fn deliver(&self, sid: &str, step: Step, source: &str, turn: &mut Turn) -> Delivered {
        let mut reauthorised = false;
        loop {
            let token = match (step.call, self.standing.token(sid)) {
                (Call::CreateSession, _) => None,
                (_, Some(token)) => Some(token),
                (_, None) => match self.authorise(sid, turn).await {
                    Authorised::With(token) => Some(token),
                    Authorised::Never => {
                        self.refuse(&step, Loss::Rejected, "its session was refused");
                        return Delivered::Done;
                    }
                    Authorised::NotNow => return Delivered::NotNow(step),
                },
            };
            let auth = token.as_deref().map_or(Auth::Key, Auth::Token);
            let batch = step.batch_id(source);
            let attempt = self
                .attempt(step.call.path(), auth, step.body(), Some(&batch), turn)
                .await;
            match attempt.verdict {
                Verdict::Done => {
                    self.accepted(sid, &step, &attempt);
                    return Delivered::Done;
                }
                Verdict::Retry(asked) => {
                    if !self.again(&attempt, asked, turn).await {
                        return Delivered::NotNow(step);
                    }
                }
                Verdict::Reauthorise if token.is_some() && !reauthorised => {
                    reauthorised = true;
                    self.standing.expire(sid);
                }
                Verdict::Split if step.items.len() > 1 => {
                    let (first, second) = step.halves();
                    return Delivered::Split(first, second);
                }
                _ => {
                    if step.call == Call::CreateSession {
                        self.park(sid, &attempt);
                    }
                    let loss = match attempt.status {
                        413 => Loss::TooLarge,
                        _ => Loss::Rejected,
                    };
                    self.refuse(&step, loss, &reason(&attempt));
                    return Delivered::Done;
                }
            }
        }
    }

    /// A token for a session that has none: it was opened by another process or by an earlier
    /// run of this sender.
    async fn authorise(&self, sid: &str, turn: &mut Turn) -> Authorised {
        let mut path = "/v2/reauthorize_jwt";
        loop {
            let body = match path {
                "/v2/reauthorize_jwt" => json!({ "session_id": sid }),
                _ => json!({ "session": { "id": sid, "session_id": sid } }),
            };
            let body = body.to_string().into();
            let attempt = self.attempt(path, Auth::Key, body, None, turn).await;
            match attempt.verdict {
                Verdict::Done => {
                    let Ok(answer) = serde_json::from_str::<ReauthorizeAnswer>(&attempt.text)
                    else {
                        self.park(sid, &attempt);
                        return Authorised::Never;
                    };
                    let token: Arc<str> = answer.jwt.into();
                    self.standing.authorise(sid, Arc::clone(&token));
                    return Authorised::With(token);
                }
                Verdict::Retry(asked) => {
                    if !self.again(&attempt, asked, turn).await {
                        return Authorised::NotNow;
                    }
                }
                // The server does not know the session (yet): its creation may have been lost.
                _ if path == "/v2/reauthorize_jwt" && attempt.status != 401 => {
                    path = Call::CreateSession.path();
                }
                _ => {
                    self.park(sid, &attempt);
                    return Authorised::Never;
                }
            }
        }
    }

    async fn attempt(
        &self,
        path: &str,
        auth: Auth<'_>,
        body: Vec<u8>,
        batch: Option<&str>,
        turn: &mut Turn,
    ) -> Attempt {
        let attempt = self.transport.post(path, auth, body, batch).await;
        let was_reachable = self.reachable.swap(attempt.status != 0, Ordering::Relaxed);
        if !matches!(attempt.verdict, Verdict::Retry(_)) {
            turn.failures = 0;
            self.streak.store(0, Ordering::Relaxed);
            if !was_reachable {
                // The server is back: nobody has to sit out a pause of the outage.
                self.hurries.fetch_add(1, Ordering::Relaxed);
                self.hurry.notify_waiters();
            }
        }
        attempt
    }

    fn accepted(&self, sid: &str, step: &Step, attempt: &Attempt) {
        match step.call {
            Call::CreateSession => {
                match serde_json::from_str::<CreateSessionAnswer>(&attempt.text) {
                    Ok(answer) => {
                        self.standing.authorise(sid, answer.jwt.into());
                        let session = self.standing.session(sid);
                        if let (Some(session), Some(url)) = (session, answer.session_url) {
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
                if let (Some(session), Ok(answer)) = (self.standing.session(sid), answer) {
                    session.facts().billed = Some(answer.token_cost);
                }
            }
            _ => {}
        }
    }

    /// The session is refused: its lines go to the quarantine, those of others go on.
    fn park(&self, sid: &str, attempt: &Attempt) {
        if self.standing.refuse(sid)
            && let Some(held_back) = self.parkings.pass(Instant::now())
        {
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
            if item.op == Op::Event {
                match self.standing.session(&item.sid) {
                    Some(session) => session.lose(loss, 1),
                    // Nobody holds it any more; the client still says that something failed.
                    None => drop(self.failures.fetch_add(1, Ordering::Relaxed)),
                }
            }
        }
    }

    /// Waits after a failure; `false` when this was the last of the turn.
    async fn again(&self, attempt: &Attempt, asked: Option<Duration>, turn: &mut Turn) -> bool {
        if turn.failures == 0
            && let Some(held_back) = self.outages.pass(Instant::now())
        {
            tracing::info!(target: "agentops", status = attempt.status, held_back, "the server cannot be reached; nothing is lost, trying again: {}", first_line(&attempt.text));
        }
        let streak = self.streak.fetch_add(1, Ordering::Relaxed) / STREAK;
        let own = pause(turn.failures.max(streak), fastrand::f64());
        turn.failures = turn.failures.saturating_add(1);
        match asked {
            // A pause the server asked for is not cut short, nor is one of no length taken at its word.
            Some(asked) if asked >= own => tokio::time::sleep(asked).await,
            _ if turn.failures >= turn.most => {}
            _ => {
                let _ = timeout(own, self.hurry.notified()).await;
            }
        }
        turn.failures < turn.most
    }
}

/// A session's token, or none.
enum Authorised {
    With(Arc<str>),
    Never,
    NotNow,
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
