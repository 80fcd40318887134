//! The command's calls of language models: recorded by what stands between it and its providers.

use agentops_core::Session;
use agentops_http::{Recorder, layer};
use anyhow::Context as _;
use reqwest::redirect::Policy;
use tokio::process::Command;

use crate::backend;
use crate::env;
use crate::exit::{Exit, Problem};

/// Where the recorder listens, which no proxy reaches.
const HERE: &str = "127.0.0.1";

/// The recorders of a command, and what it is told of them.
pub(super) struct Models {
    /// For providers on this machine, which no proxy stands before; and for all others.
    near: Recorder,
    far: Recorder,
    variables: Vec<(&'static str, String)>,
}

impl Models {
    /// Starts them. What cannot be forwarded to is refused now: nothing has been run yet.
    pub(super) async fn start(session: &Session) -> anyhow::Result<Self> {
        backend::install_crypto();
        let client = || {
            reqwest::Client::builder()
                // What a program asks for and gets is its own business.
                .redirect(Policy::none())
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
        };
        let far = client().build().context("cannot start the recorder")?;
        let near = client()
            .no_proxy()
            .build()
            .context("cannot start the recorder")?;
        let mut models = Self {
            near: Recorder::start(layer(), near).await?,
            far: Recorder::start(layer(), far).await?,
            variables: Vec::new(),
        };
        for (name, provider) in env::PROVIDERS {
            let given = env::get(name);
            if let Some(upstream) = given.as_deref().or(*provider) {
                let address = models.address(session, name, upstream)?;
                models.variables.push((name, address));
            }
        }
        models.pass_proxies_by();
        Ok(models)
    }

    /// The recorder's address that leads to this provider.
    fn address(&self, session: &Session, name: &str, upstream: &str) -> anyhow::Result<String> {
        let upstream = match name {
            env::OLLAMA_HOST => ollama(upstream),
            _ => upstream.to_owned(),
        };
        let recorder = if backend::is_loopback(&upstream) {
            &self.near
        } else {
            &self.far
        };
        // The calls belong to this session.
        let _inside = session.enter();
        recorder.base_url(&upstream).map_err(|error| {
            let message = format!("{name} cannot be recorded: {error}");
            Problem::new(Exit::Usage, message).into()
        })
    }

    /// A proxy for the outside world does not reach a recorder on this machine.
    fn pass_proxies_by(&mut self) {
        if env::PROXIES.iter().all(|name| env::get(name).is_none()) {
            return;
        }
        let known = env::NO_PROXY.iter().find_map(|name| env::get(name));
        let hosts = known.map_or_else(|| HERE.to_owned(), |known| format!("{known},{HERE}"));
        for name in env::NO_PROXY {
            self.variables.push((name, hosts.clone()));
        }
    }

    /// Tells the command.
    pub(super) fn hand_down(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// Stops them; what was seen until now has been recorded then.
    pub(super) async fn stop(self) {
        self.near.stop().await;
        self.far.stop().await;
    }
}

/// Ollama's own way to read its variable: scheme, host and port, of which any may be missing; a server's "every
/// address" is this machine.
fn ollama(given: &str) -> String {
    let (scheme, rest) = given.split_once("://").unwrap_or(("", given));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port_at = authority.rfind(':').filter(|at| {
        !authority.ends_with(']') && !authority[..*at].contains(':')
            || authority[..*at].ends_with(']')
    });
    let (host, port) = match port_at {
        Some(at) => (&authority[..at], authority[at + 1..].to_owned()),
        None => {
            let port = match scheme {
                "http" => "80",
                "https" => "443",
                _ => "11434",
            };
            (authority, port.to_owned())
        }
    };
    let host = match host {
        "" | "0.0.0.0" | "[::]" | "::" => HERE.to_owned(),
        // An address of version 6 may come without its brackets.
        bare if bare.contains(':') && !bare.starts_with('[') => format!("[{bare}]"),
        host => host.to_owned(),
    };
    let scheme = if scheme.is_empty() { "http" } else { scheme };
    format!("{scheme}://{host}:{port}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ollamas_variable_is_read_as_it_reads_it() {
        for (given, expected) in [
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            (":1234", "http://127.0.0.1:1234"),
            ("gpu-box", "http://gpu-box:11434"),
            ("gpu-box:80/ollama/", "http://gpu-box:80/ollama/"),
            ("https://example.org", "https://example.org:443"),
            ("http://example.org", "http://example.org:80"),
            ("::1", "http://[::1]:11434"),
            ("[::1]:7", "http://[::1]:7"),
            ("[::]", "http://127.0.0.1:11434"),
        ] {
            assert_eq!(ollama(given), expected, "{given}");
        }
    }
}
