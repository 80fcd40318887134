//! That something changed: told by a server, found by looking at a directory, or that we are to end.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;

use crate::args::Source;
use crate::backend::{self, Backend, Place, Told};
use crate::exit::Exit;

/// Between two looks at a directory.
const LOOK: Duration = Duration::from_millis(300);
/// Messages that wait to be read; more wait at the server.
const WAITING: usize = 256;
/// How long a signal's request to end may stay unanswered, by a disk that hangs for one.
const PATIENCE: Duration = Duration::from_secs(2);

/// What comes to whoever follows.
enum Message {
    Told(Told),
    Stop(Exit),
}

/// The signals that end it.
#[derive(Clone)]
pub(super) struct Stop(Arc<Inner>);

struct Inner {
    /// Whoever waits now is woken by this.
    waiter: Mutex<Option<SyncSender<Message>>>,
    asked: Mutex<Option<Exit>>,
    woken: std::sync::Condvar,
}

impl Stop {
    /// Begins to listen.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let stop = Self(Arc::new(Inner {
            waiter: Mutex::new(None),
            asked: Mutex::new(None),
            woken: std::sync::Condvar::new(),
        }));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.context("cannot listen for signals")?;
        let signals = {
            let _inside = runtime.enter();
            Signals::new().context("cannot listen for signals")?
        };
        let told = stop.clone();
        let listener = std::thread::Builder::new().name("signals".to_owned());
        listener
            .spawn(move || {
                let exit = runtime.block_on(signals.first());
                told.ask(exit);
                // Whoever is stuck is not waited for: every line so far has been printed.
                std::thread::sleep(PATIENCE);
                std::process::exit(exit as i32);
            })
            .context("cannot listen for signals")?;
        Ok(stop)
    }

    fn ask(&self, exit: Exit) {
        if let Ok(mut asked) = self.0.asked.lock() {
            *asked = Some(exit);
        }
        self.0.woken.notify_all();
        if let Ok(waiter) = self.0.waiter.lock() {
            // Somebody with a full queue looks at `asked` before the queue.
            let _ = waiter
                .as_ref()
                .map(|waiter| waiter.try_send(Message::Stop(exit)));
        }
    }

    fn asked(&self) -> Option<Exit> {
        self.0.asked.lock().ok().and_then(|asked| *asked)
    }

    fn wake(&self, waiter: SyncSender<Message>) {
        if let Ok(mut place) = self.0.waiter.lock() {
            *place = Some(waiter);
        }
    }

    /// Waits so long at most; the code to end with, if that was asked for.
    pub(super) fn within(&self, limit: Duration) -> Option<Exit> {
        let asked = self.0.asked.lock().ok()?;
        let waited = self
            .0
            .woken
            .wait_timeout_while(asked, limit, |asked| asked.is_none());
        waited.ok().and_then(|(asked, _)| *asked)
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn first(mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn first(self) -> Exit {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Exit::Interrupted
    }
}

/// What is next.
pub(super) enum Next {
    /// These sessions changed.
    Changed(Vec<String>),
    /// Any may have changed.
    Any,
    /// The place cannot be followed any more.
    Lost(anyhow::Error),
    /// What was followed is reached another way now: by a server, or as a directory.
    Moved,
    /// We are to end.
    Stop(Exit),
}

/// News of one place.
pub(super) struct News {
    from: From,
    stop: Stop,
    /// The server's place behind what has been told.
    place: Option<String>,
}

enum From {
    Server {
        messages: Receiver<Message>,
        /// Taken from the queue and not told yet.
        waiting: VecDeque<Message>,
    },
    Directory {
        place: Option<Place>,
        source: Source,
    },
}

impl News {
    /// News of a place that is open, of a server from behind `after` on.
    pub(super) fn of(
        source: &Source,
        backend: &Backend,
        after: Option<String>,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let from = match backend {
            Backend::Server(_) => {
                // The reader has a connection of its own: the stream never ends.
                let Backend::Server(own) = Backend::open(source)? else {
                    anyhow::bail!("the server has just ended");
                };
                let (sender, messages) = sync_channel(WAITING);
                stop.wake(sender.clone());
                backend::follow(own, after.clone(), sender, Message::Told)?;
                From::Server {
                    messages,
                    waiting: VecDeque::new(),
                }
            }
            Backend::Directory(_) | Backend::Empty(_) => From::Directory {
                place: None,
                source: source.clone(),
            },
        };
        Ok(Self {
            from,
            stop: stop.clone(),
            place: after,
        })
    }

    /// Waits until changes are followed; the code to end with, if that was asked for meanwhile.
    pub(super) fn open(&mut self) -> anyhow::Result<Option<Exit>> {
        let From::Server { messages, .. } = &mut self.from else {
            return Ok(self.stop.asked());
        };
        match messages.recv() {
            Ok(Message::Told(Told::Lost(error))) => Err(error),
            Ok(Message::Stop(exit)) => Ok(Some(exit)),
            Ok(Message::Told(_)) => Ok(self.stop.asked()),
            Err(_) => anyhow::bail!("the stream of changes ended"),
        }
    }

    /// Where to go on when this is lost.
    pub(super) fn place(&self) -> Option<String> {
        self.place.clone()
    }

    /// Waits for what is next.
    pub(super) fn next(&mut self, backend: &Backend) -> anyhow::Result<Next> {
        match &mut self.from {
            From::Server { messages, waiting } => loop {
                if waiting.is_empty() {
                    waiting.extend(messages.recv());
                }
                // All that is there at once: a session that changed ten times is read once.
                waiting.extend(messages.try_iter());
                if let Some(next) = told(waiting, &mut self.place, &self.stop) {
                    return Ok(next);
                }
            },
            From::Directory { place, source } => look(place, source, backend, &self.stop),
        }
    }
}

/// What messages say together; `None`: nothing that counts.
fn told(waiting: &mut VecDeque<Message>, place: &mut Option<String>, stop: &Stop) -> Option<Next> {
    let mut changed = Vec::new();
    let mut is_any = false;
    while let Some(message) = waiting.pop_front() {
        match message {
            Message::Stop(exit) => return Some(Next::Stop(exit)),
            Message::Told(Told::Changed(Some(id))) if !changed.contains(&id) => changed.push(id),
            Message::Told(Told::Place(next)) => *place = Some(next),
            Message::Told(Told::Reset) => is_any = true,
            Message::Told(Told::Changed(_) | Told::Open) => {}
            // What was told before it comes first.
            Message::Told(Told::Lost(error)) if changed.is_empty() && !is_any => {
                return Some(Next::Lost(error));
            }
            lost @ Message::Told(Told::Lost(_)) => {
                waiting.push_front(lost);
                break;
            }
        }
    }
    match (stop.asked(), is_any, changed.is_empty()) {
        (Some(exit), _, _) => Some(Next::Stop(exit)),
        (None, true, _) => Some(Next::Any),
        (None, false, false) => Some(Next::Changed(changed)),
        (None, false, true) => None,
    }
}

/// Looks at the directory until something changed.
fn look(
    place: &mut Option<Place>,
    source: &Source,
    backend: &Backend,
    stop: &Stop,
) -> anyhow::Result<Next> {
    loop {
        if let Some(exit) = stop.within(LOOK) {
            return Ok(Next::Stop(exit));
        }
        let Backend::Directory(local) = backend else {
            // Nothing was there; is something now?
            match Backend::open(source)? {
                Backend::Empty(_) => continue,
                _ => return Ok(Next::Moved),
            }
        };
        if agentops_server::running_server(local.dir())?.is_some() {
            return Ok(Next::Moved);
        }
        // Another command may be importing; then it does our work.
        let _ = local.import()?;
        let (changed, next) = local.changes(place.as_ref())?;
        if place.replace(next).is_none() {
            return Ok(Next::Any);
        }
        let changed: Vec<String> = changed.into_iter().flatten().collect();
        if !changed.is_empty() {
            return Ok(Next::Changed(changed));
        }
    }
}
