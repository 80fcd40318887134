//! `agentops spool flush`: what programs that are gone left for a server is sent there.
//!
//! The library does it, as it does in any program with the same endpoint and key: this only says
//! for which servers, shows how far it is and tells what is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agentops_core::{ApiKey, Client, Config, Durability};
use serde::Serialize;

use super::left::{self, Left};
use crate::args::Flush;
use crate::exit::{Exit, Problem};
use crate::output::{self, Out};
use crate::progress::Progress;
use crate::text::counted;
use crate::{backend, env};

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Done {
    sent: u64,
    left: u64,
    /// Waiting lines that were not to be sent: of this machine, of another server or key, of
    /// programs that run.
    others: u64,
}

pub(super) fn run(args: &Flush, out: &mut Out) -> anyhow::Result<ExitCode> {
    let dir = backend::data_dir(args.data_dir.as_deref())?;
    let wanted = args.endpoint.clone().or_else(|| env::get(env::ENDPOINT));
    let key = args.api_key.clone().or_else(|| env::get(env::API_KEY));
    let parsed = key.clone().and_then(ApiKey::new);
    let (Some(key), Some(parsed)) = (key, parsed) else {
        let variable = env::API_KEY;
        let message = format!(
            "what waits is sent with the key it was recorded with; give --api-key or set {variable}"
        );
        return Err(Problem::new(Exit::Denied, message).into());
    };
    // Servers are known by the spelling that the library gives them.
    let wanted =
        wanted.map(|endpoint| usable(Config::new().endpoint(endpoint).api_key(key.as_str())));
    let wanted = wanted.transpose()?.flatten();
    let fingerprint = parsed.fingerprint();
    let is_wanted = |left: &Left| {
        let to = left.endpoint.as_ref();
        to.is_some_and(|to| wanted.as_ref().is_none_or(|wanted| wanted == to))
            && left.key_fingerprint.as_deref() == Some(fingerprint.as_str())
            && !left.live
    };
    let found = left::all(&dir)?;
    let (ours, others): (Vec<Left>, Vec<Left>) = found.into_iter().partition(is_wanted);
    let count = |all: &[Left]| all.iter().map(|left| left.waiting).sum::<u64>();
    let (begin, others) = (count(&ours), count(&others));
    let names: BTreeSet<String> = ours.iter().map(|left| left.name.clone()).collect();
    let endpoints: BTreeSet<String> = ours.into_iter().filter_map(|left| left.endpoint).collect();
    let remaining = send(
        &dir,
        &key,
        endpoints,
        &names,
        begin,
        Duration::from_secs(args.timeout.into()),
    )?;
    tell(
        &Done {
            sent: begin.saturating_sub(remaining.0),
            left: remaining.0,
            others,
        },
        args.json,
        out,
    )?;
    out.flush()?;
    if remaining.1 == 0 {
        return Ok(Exit::Success.into());
    }
    output::note(
        "what is left stays on this machine; is the server running, and does it take this key?",
    );
    Ok(Exit::Failure.into())
}

/// The endpoint as the library spells it.
fn usable(config: Config) -> anyhow::Result<Option<String>> {
    let settings = config.build();
    let settings = settings.map_err(|error| Problem::new(Exit::Usage, error.to_string()))?;
    Ok(settings.endpoint)
}

/// Sends until all is gone or time is up; the lines and the directories that are left.
fn send(
    dir: &Path,
    key: &str,
    endpoints: BTreeSet<String>,
    names: &BTreeSet<String>,
    begin: u64,
    limit: Duration,
) -> anyhow::Result<(u64, usize)> {
    let progress = Progress::counted("sending".to_owned(), begin);
    // Making a client makes it look for what the dead left for its endpoint and key.
    let clients: Vec<Client> = endpoints
        .into_iter()
        .map(|endpoint| {
            let config = Config::new().endpoint(endpoint).api_key(key);
            // It records nothing, so it needs no directory of its own.
            let config = config.durability(Durability::Memory);
            Client::new(config.data_dir(dir).auto_start_session(false))
        })
        .collect();
    let (mut since, mut fewest) = (Instant::now(), u64::MAX);
    loop {
        let all = left::all(dir)?;
        let remaining: Vec<&Left> = all
            .iter()
            .filter(|left| names.contains(&left.name))
            .collect();
        let waiting = remaining.iter().map(|left| left.waiting).sum::<u64>();
        progress.at(begin.saturating_sub(waiting));
        // Time is counted from the last line that went.
        if waiting < fewest {
            (since, fewest) = (Instant::now(), waiting);
        }
        if remaining.is_empty() || since.elapsed() >= limit {
            return Ok((waiting, remaining.len()));
        }
        let flushed = clients.iter().all(|client| client.flush_blocking(LOOK));
        if flushed && clients.is_empty() {
            return Ok((waiting, remaining.len()));
        }
        std::thread::sleep(LOOK / 4);
    }
}

fn tell(done: &Done, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        return out.json(&serde_json::to_string(done)?);
    }
    out.line(format!("sent {}", counted(done.sent, "line")))?;
    if done.left > 0 {
        out.line(format!("{} could not be sent", counted(done.left, "line")))?;
    }
    if done.others > 0 {
        let others = counted(done.others, "line");
        out.line(format!(
            "{others} not sent: of this machine, of another server or key, or of a program that runs"
        ))?;
    }
    Ok(())
}
