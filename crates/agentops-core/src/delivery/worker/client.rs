//! One client as the worker sees it: where its lines go.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agentops_protocol::SessionId;
use agentops_spool::{Header, Op};

use super::inbox::{Command, Fetch, Flushed, Inbox, Until};
use super::waiters::{Waiter, Waiters};
use crate::config::{ApiKey, Durability, Settings};
use crate::delivery::book::Progress;
use crate::delivery::courier::Delivery;
use crate::delivery::outbox::Outbox;
use crate::delivery::redact::Redactor;
use crate::delivery::sender::Sender;
use crate::delivery::source::Opener;
use crate::delivery::transport::Transport;
use crate::delivery::{local, recovery};
use crate::reply::Answer;
use crate::tally::Loss;

/// What is written at once within a tick, when a tick has more.
const COMMIT_BYTES: usize = 1 << 20;
/// How long after a fault sending begins anew.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);

/// A client's outbox, and its sender where there is an endpoint.
pub(super) struct ClientState {
    id: u32,
    pub(super) settings: Arc<Settings>,
    data_dir: Option<PathBuf>,
    key_fp: Option<String>,
    outbox: Outbox,
    pub(super) delivery: Option<Arc<Delivery>>,
    sender: Option<tokio::task::JoinHandle<()>>,
    pub(super) redactor: Redactor,
    /// Events that it lost, by whatever failed.
    failures: Arc<AtomicU64>,
    /// Searches for what dead processes left behind, and their deliveries, that go on.
    recoveries: usize,
    waiters: Waiters,
    /// Sessions of events that were rotated out; one entry an event.
    pub(super) rotated: Vec<String>,
    /// Lines were appended since the last commit.
    dirty: bool,
    /// How much may wait for a commit before one is made within a tick.
    commit_at: usize,
    warned: bool,
    warned_of_losses: bool,
    pub(super) closing: bool,
}

impl ClientState {
    pub(super) fn start(
        id: u32,
        settings: Arc<Settings>,
        data_dir: Option<PathBuf>,
        failures: Arc<AtomicU64>,
        inbox: &'static Inbox,
    ) -> Self {
        let key_fp = settings.api_key.as_ref().map(ApiKey::fingerprint);
        let outbox = open_outbox(&settings, data_dir.as_deref(), key_fp.as_deref());
        let mut client = Self {
            id,
            redactor: Redactor::new(&settings.redact_keys),
            delivery: None,
            sender: None,
            failures,
            recoveries: 0,
            waiters: Waiters::default(),
            rotated: Vec::new(),
            dirty: false,
            commit_at: COMMIT_BYTES,
            warned: false,
            warned_of_losses: false,
            closing: false,
            settings,
            data_dir,
            key_fp,
            outbox,
        };
        client.start_sender(inbox);
        client
    }

    fn start_sender(&mut self, inbox: &'static Inbox) {
        let Some(transport) = Transport::new(&self.settings) else {
            return;
        };
        let dir = self.data_dir.as_deref();
        let (settings, failures) = (Arc::clone(&self.settings), Arc::clone(&self.failures));
        let delivery = Arc::new(Delivery::new(settings, transport, dir, failures));
        let client = self.id;
        let done = move |progress| inbox.post(Command::Delivered { client, progress });
        let sending = keep_sending(Arc::clone(&delivery), self.outbox.opener(), done);
        self.sender = Some(tokio::spawn(sending));
        self.delivery = Some(delivery);
        self.recover(inbox);
    }

    /// Looks for what dead processes left behind.
    fn recover(&mut self, inbox: &'static Inbox) {
        let (Some(delivery), Some(dir)) = (&self.delivery, &self.data_dir) else {
            return;
        };
        let (delivery, dir, key_fp) = (Arc::clone(delivery), dir.clone(), self.key_fp.clone());
        let done = Recovered {
            inbox,
            client: self.id,
        };
        self.recoveries += 1;
        tokio::spawn(async move {
            recovery::recover(&delivery, &dir, key_fp.as_deref()).await;
            drop(done);
        });
    }

    /// One of the searches is over.
    pub(super) fn recovered(&mut self) {
        self.recoveries = self.recoveries.saturating_sub(1);
        self.answer();
    }

    /// Adds a line; the loss when it cannot be kept.
    pub(super) fn append(&mut self, op: Op, sid: &str, body: &[u8]) -> Result<(), Loss> {
        self.dirty = true;
        // Where the disk takes nothing, a session that cannot be delivered leaves room to those that can.
        let may_wait = !matches!(op, Op::Event | Op::Open)
            || self.outbox.uncommitted() < self.settings.memory_limit / 2
            || !self.waiters.is_behind(sid);
        let mut result = match may_wait {
            true => self.outbox.append(op, sid, body),
            false => Err(Loss::DiskFull),
        };
        if result == Err(Loss::DiskFull) && may_wait {
            // What waits for the end of this tick may only have to be written.
            self.commit();
            self.dirty = true;
            result = self.outbox.append(op, sid, body);
        }
        if self.outbox.uncommitted() >= self.commit_at {
            self.commit();
        }
        if let Err(loss) = result
            && !std::mem::replace(&mut self.warned_of_losses, true)
        {
            tracing::warn!(target: "agentops", reason = %loss, "events are being dropped; session.dropped() counts them");
        }
        result
    }

    pub(super) fn own(&mut self, sid: &str) {
        self.outbox.own(sid);
    }

    pub(super) fn release(&mut self, sid: &str) {
        self.outbox.release(sid);
    }

    /// Writes what was appended and wakes the sender.
    pub(super) fn commit(&mut self) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        if let Err(error) = self.write()
            && !std::mem::replace(&mut self.warned, true)
        {
            tracing::warn!(target: "agentops", %error, "the spool cannot be written; events wait in memory and are sent from there");
        }
        // What could not be written is tried again with the next ones.
        self.dirty = self.outbox.uncommitted() > 0;
        // Where nothing can be written, not every line tries again.
        self.commit_at = self.outbox.uncommitted() + COMMIT_BYTES;
        if let Some(delivery) = &self.delivery {
            delivery.news.notify_one();
        }
    }

    /// The same, and in local mode the oldest lines make room for the newest.
    fn write(&mut self) -> io::Result<()> {
        let fsync = self.settings.durability == Durability::Fsync;
        loop {
            match self.outbox.commit(fsync) {
                Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
                    let rotated = &mut self.rotated;
                    if !self.outbox.make_room(|sid| rotated.push(sid.to_owned())) {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }

    /// Whether everything appended is written.
    pub(super) fn is_committed(&self) -> bool {
        !self.dirty
    }

    pub(super) fn flush(
        &mut self,
        session: Option<SessionId>,
        until: Until,
        deadline: Instant,
        answer: Answer<Flushed>,
        inbox: &'static Inbox,
    ) {
        self.commit();
        let Some(delivery) = &self.delivery else {
            return answer.give(Flushed {
                complete: !self.dirty,
            });
        };
        let target = self.outbox.mark();
        let for_recovery = until == Until::Delivered;
        let wanted = for_recovery || delivery.reachable.load(Ordering::Relaxed);
        if wanted && !self.waiters.has(target, session.as_ref()) {
            delivery.hasten();
            self.recover(inbox);
        }
        self.waiters.push(Waiter {
            // Written is enough for an exit while the server is away.
            target: wanted.then_some(target),
            session,
            for_recovery,
            deadline,
            answer,
        });
        self.answer();
    }

    /// Delivery is so far; the segment before which lines may go now, if any may.
    pub(super) fn note(&mut self, progress: Progress) -> Option<u32> {
        self.waiters.note(progress);
        self.outbox.outgoing()
    }

    /// Whether tags that are added to a session that exists are added to what others gave it: by our server and on this
    /// machine; of others it is documented that an update replaces them.
    pub(super) fn adds_tags(&self) -> bool {
        let delivery = self.delivery.as_ref();
        delivery.is_none_or(|delivery| delivery.transport.is_ours())
    }

    /// The segment that lines go to now.
    pub(super) fn segment(&self) -> u32 {
        self.outbox.segment()
    }

    pub(super) fn delivered(&mut self) {
        self.outbox.tidy(self.waiters.progress());
        // What did not fit may fit now, or need not be written any more.
        self.dirty = true;
        self.commit();
        self.answer();
    }

    /// Answers those who have nothing left to wait for.
    fn answer(&mut self) {
        self.waiters.answer(self.recoveries == 0, !self.dirty);
    }

    /// Answers those whose time is up.
    pub(super) fn expire(&mut self) {
        if self.waiters.expire(!self.dirty)
            && let Some(delivery) = &self.delivery
        {
            // Whoever exits next does not wait for it again; its next answer says otherwise.
            delivery.reachable.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Whether nothing is left to do for a client that is closing.
    pub(super) fn is_done(&self) -> bool {
        !self.dirty && (self.delivery.is_none() || self.waiters.has(self.outbox.mark(), None))
    }

    /// Asks the server, or reads back what is on this machine.
    pub(super) fn fetch(&mut self, what: Fetch, answer: Answer<Result<String, String>>) {
        self.commit();
        if let Some(delivery) = &self.delivery {
            let delivery = Arc::clone(delivery);
            tokio::spawn(async move { answer.give(ask(&delivery, &what).await) });
            return;
        }
        let memory = self.outbox.in_memory_lines();
        let dir = self.data_dir.clone();
        tokio::task::spawn_blocking(move || {
            let (Fetch::Stats(id) | Fetch::Export(id)) = &what;
            let export = match (memory, dir) {
                (Some(items), _) => Ok(local::export_from_memory(&items, id)),
                (None, Some(dir)) => local::export_from_disk(&dir, id),
                (None, None) => Ok(None),
            };
            answer.give(match export {
                Ok(Some(export)) if matches!(what, Fetch::Stats(_)) => json(&export.stats),
                Ok(Some(export)) => json(&export),
                Ok(None) => Err(format!("no session {id} on this machine")),
                Err(error) => Err(format!("the spool cannot be read: {error}")),
            });
        });
    }
}

/// Tells the worker when a search for what dead processes left behind is over, however it ends.
struct Recovered {
    inbox: &'static Inbox,
    client: u32,
}

impl Drop for Recovered {
    fn drop(&mut self) {
        self.inbox.post(Command::Recovered {
            client: self.client,
        });
    }
}

/// Sends for as long as the process lives. A sender that comes to grief (a panic in what the
/// program's own `tracing` subscriber does with our messages, for one) is followed by another.
async fn keep_sending(
    delivery: Arc<Delivery>,
    opener: Opener,
    done: impl Fn(Progress) + Clone + Send + Sync + 'static,
) {
    let mut again = false;
    loop {
        match opener.open() {
            Ok(source) => {
                let sender = Sender::new(Arc::clone(&delivery), source, again);
                // A task of its own holds the panic; dropped with this one, it ends with it.
                let mut sending = tokio::task::JoinSet::new();
                sending.spawn(sender.run(done.clone()));
                let _ = sending.join_next().await;
            }
            Err(error) => {
                tracing::error!(target: "agentops", %error, "the spool cannot be read back");
            }
        }
        again = true;
        tokio::time::sleep(AFTER_A_FAULT).await;
    }
}

impl Drop for ClientState {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.abort();
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

async fn ask(delivery: &Delivery, what: &Fetch) -> Result<String, String> {
    let path = match what {
        Fetch::Stats(id) => format!("/v2/sessions/{}/stats", encoded(id.as_str())),
        Fetch::Export(id) => format!("/v2/sessions/{}/export", encoded(id.as_str())),
    };
    let attempt = delivery.transport.get(&path).await;
    delivery
        .reachable
        .store(attempt.status != 0, Ordering::Relaxed);
    match attempt.status {
        200..=299 => Ok(attempt.text),
        0 => Err(format!("the server cannot be reached: {}", attempt.text)),
        status => Err(format!("the server answered {status}: {}", attempt.text)),
    }
}

/// Percent-encodes an id for a path.
fn encoded(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The spool where it can be written, else memory.
fn open_outbox(
    settings: &Settings,
    data_dir: Option<&std::path::Path>,
    key_fp: Option<&str>,
) -> Outbox {
    let header = Header::new(
        concat!("agentops-rust/", env!("CARGO_PKG_VERSION")),
        std::process::id(),
    );
    let endpoint = settings.endpoint.clone();
    let header = match endpoint {
        Some(endpoint) => header.sent_to(Some(endpoint), key_fp.map(str::to_owned)),
        None => header,
    };
    match data_dir {
        Some(dir) if settings.durability != Durability::Memory => {
            match Outbox::on_disk(dir, header, settings.disk_limit, settings.memory_limit) {
                Ok(outbox) => return outbox,
                Err(error) => {
                    tracing::warn!(target: "agentops", %error, dir = %dir.display(), "the data directory cannot be written; recording in memory only");
                }
            }
        }
        _ => {}
    }
    Outbox::in_memory(settings.memory_limit)
}
