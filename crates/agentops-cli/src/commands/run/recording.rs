//! The session of a command: where it goes, what the command is told of it, how it is read back.

use std::time::{Duration, Instant};

use agentops_core::{Client, Config, EndState, Session, SessionOptions, Settings};
use anyhow::Context as _;
use tokio::process::Command;

use crate::args::{Run, Source};
use crate::backend::{self, Backend};
use crate::env;
use crate::exit::{Exit, Problem};
use crate::view::Export;

/// The key for a server on this machine, which takes any. Always the same one: what a server did
/// not take is sent later only with the key that it was recorded with.
const ANY_KEY: &str = "00000000-0000-4000-8000-000000000000";
/// Longest that the command's start waits for the session: written on this machine, and, beside
/// that, taken by a server.
const WRITTEN: Duration = Duration::from_secs(2);
const TAKEN: Duration = Duration::from_millis(100);
/// Longest that a server is given to have all of a session.
const SETTLING: Duration = Duration::from_secs(5);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(100);

/// A session that is recorded.
pub(super) struct Recording {
    session: Session,
    /// Where it can be read.
    source: Source,
}

impl Recording {
    /// Starts the session. What cannot be used is refused now: nothing has been run yet.
    pub(super) fn start(args: &Run) -> anyhow::Result<Self> {
        let (config, key) = match &args.source.data_dir {
            Some(_) => (local()?, None),
            None => anywhere(&args.source)?,
        };
        let config = match backend::data_dir(args.source.data_dir.as_deref()) {
            Ok(dir) if dir.to_str().is_none() => {
                let dir = dir.display();
                let message = format!("data directory {dir} is no UTF-8 text; use another one");
                return Err(Problem::new(Exit::DataDir, message).into());
            }
            Ok(dir) => config.data_dir(dir),
            Err(error) if args.source.data_dir.is_some() => return Err(error),
            // Without a home the library makes a temporary one.
            Err(_) => config,
        };
        // Whoever asks for this run wants this run.
        let config = config.sample_rate(1.0);
        let settings = usable(config.clone())?;
        let client = Client::new(config);
        let source = match settings.endpoint {
            Some(endpoint) => Source {
                endpoint: Some(endpoint),
                api_key: key,
                data_dir: None,
            },
            None => Source {
                data_dir: client.data_dir().map(Into::into),
                ..Source::default()
            },
        };
        let session = client.start_session(SessionOptions::new().tags(&args.tags));
        Ok(Self { session, source })
    }

    /// Waits until the session is on the disk. A command that joins one which no directory owns
    /// would leave it open for ever, were this process killed now.
    pub(super) async fn begun(&self) {
        let limit = match self.source.endpoint {
            Some(_) => TAKEN,
            None => WRITTEN,
        };
        // It is written before a server is waited for; beyond that the command comes first.
        let _ = tokio::time::timeout(limit, self.session.flush(limit)).await;
    }

    /// Whether anything is recorded.
    pub(super) fn is_on(&self) -> bool {
        !self.session.id().is_empty()
    }

    /// The session itself.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Tells the command which session it runs in.
    pub(super) fn hand_down(&self, command: &mut Command) {
        if !self.is_on() {
            return;
        }
        // The call that this process may run inside of is in another session.
        command.env_remove(env::PARENT_ID);
        if self.source.endpoint.is_none() {
            command.env_remove(env::ENDPOINT).env_remove(env::API_KEY);
        }
        command.envs(self.session.env());
    }

    /// Ends the session; whether all of it got to where it belongs.
    pub(super) async fn end(&self, state: EndState, reason: Option<String>) -> bool {
        let mut end = self.session.end(state);
        if let Some(reason) = reason {
            end = end.reason(reason);
        }
        end.await.delivered
    }

    /// Where the session is kept, for people.
    pub(super) fn place(&self) -> String {
        let dir = self.source.data_dir.as_ref();
        let endpoint = self.source.endpoint.clone();
        endpoint
            .or_else(|| dir.map(|dir| dir.display().to_string()))
            .unwrap_or_default()
    }

    /// How to see it again.
    pub(super) fn show_command(&self) -> String {
        let place = match &self.source.endpoint {
            Some(_) => format!("--endpoint {}", self.place()),
            None => format!("--data-dir {}", self.place()),
        };
        format!("agentops sessions show {} {place}", self.session.id())
    }

    /// Reads the session back as an export, in a thread of its own: neither a disk nor a server
    /// may keep this process from hearing a signal.
    pub(super) async fn read(&self) -> anyhow::Result<String> {
        let (answer, read) = tokio::sync::oneshot::channel();
        let (source, id) = (self.source.clone(), self.session.id().to_owned());
        let reader = std::thread::Builder::new().name("read-session".to_owned());
        reader
            .spawn(move || {
                // Nobody may be waiting any more.
                let _ = answer.send(read_settled(&source, &id));
            })
            .context("cannot start a thread")?;
        read.await.context("the session was not read")?
    }
}

/// The export once it is complete. A data directory is complete when it has been opened. A server
/// takes in what programs wrote there, the command's children too, a little later: it is asked
/// until the session has ended and nothing more comes.
fn read_settled(source: &Source, id: &str) -> anyhow::Result<String> {
    let backend = Backend::open(source)?;
    let begun = Instant::now();
    let mut last = None;
    loop {
        let now = backend.export_exactly(id)?;
        let settled = match &backend {
            Backend::Server(_) => now == last && now.as_deref().is_some_and(has_ended),
            _ => true,
        };
        match now {
            Some(export) if settled || begun.elapsed() >= SETTLING => return Ok(export),
            None if settled || begun.elapsed() >= SETTLING => {
                anyhow::bail!("no session {id:?} in {}", backend.place())
            }
            now => last = now,
        }
        std::thread::sleep(LOOK);
    }
}

fn has_ended(export: &str) -> bool {
    let export: Result<Export, _> = serde_json::from_str(export);
    export.is_ok_and(|export| export.session.end_timestamp.is_some())
}

/// A configuration for a data directory: whatever the environment says of a server is not meant.
fn local() -> anyhow::Result<Config> {
    // The key is for the check alone, where the environment names a server without one.
    let said = usable(Config::from_env().api_key(ANY_KEY))?;
    Ok(Config::new()
        .default_tags(said.default_tags)
        .env_data_opt_out(said.env_data_opt_out)
        .durability(said.durability)
        .disk_limit(said.disk_limit)
        .flush_timeout(said.flush_timeout)
        .enabled(said.enabled))
}

/// A configuration by options and environment, and the key in it.
fn anywhere(source: &Source) -> anyhow::Result<(Config, Option<String>)> {
    let given = source.endpoint.clone();
    let endpoint = given.or_else(|| env::get(env::ENDPOINT));
    let key = source.api_key.clone().or_else(|| env::get(env::API_KEY));
    let config = Config::from_env();
    let Some(endpoint) = endpoint else {
        return Ok(match key {
            Some(key) => (config.api_key(key.clone()), Some(key)),
            None => (config, None),
        });
    };
    let key = match key {
        Some(key) => key,
        None if backend::is_loopback(&endpoint) => ANY_KEY.to_owned(),
        None => {
            let variable = env::API_KEY;
            let message = format!("{endpoint} needs a key; give --api-key or set {variable}");
            return Err(Problem::new(Exit::Denied, message).into());
        }
    };
    let config = config.endpoint(endpoint).api_key(key.clone());
    Ok((config, Some(key)))
}

fn usable(config: Config) -> anyhow::Result<Settings> {
    config
        .build()
        .map_err(|error| Problem::new(Exit::Usage, error.to_string()).into())
}
