//! The server: which, whether it answers, whether it takes the key, whether its clock agrees.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::check::Check;
use crate::args::Source;
use crate::backend::{Probe, Remote};
use crate::env;
use crate::exit::Exit;

/// Clocks that differ by more make times of a session hard to read beside others.
const SKEW: u64 = 60;
/// Tokens are valid for a day; clocks that differ by much of it refuse good ones.
const MUCH_SKEW: u64 = 60 * 60;

pub(super) fn checks(source: &Source) -> Vec<Check> {
    let given = source.endpoint.clone();
    let from_env = || env::get(env::ENDPOINT).filter(|_| source.data_dir.is_none());
    let endpoint = given.or_else(from_env);
    let key = source.api_key.clone().or_else(|| env::get(env::API_KEY));
    let Some(endpoint) = endpoint else {
        return vec![match key {
            None => Check::good("endpoint", "none: sessions stay on this machine"),
            Some(_) => Check::warning(
                "endpoint",
                "none, but there is a key: programs send to the hosted service",
                format!(
                    "set {} to your own server, or unset {} to stay local",
                    env::ENDPOINT,
                    env::API_KEY
                ),
            ),
        }];
    };
    let remote = match Remote::new(&endpoint, key.clone()) {
        Ok(remote) => remote,
        Err(error) if Exit::of(&error) == Exit::Denied => {
            let fix = format!("set {} to a key of that server", env::API_KEY);
            return vec![
                Check::good("endpoint", &endpoint),
                Check::fault("key", error.to_string(), fix),
            ];
        }
        Err(error) => {
            let fix = format!("mend {} or --endpoint", env::ENDPOINT);
            return vec![Check::fault("endpoint", error.to_string(), fix)];
        }
    };
    let mut checks = vec![Check::good("endpoint", remote.url())];
    match remote.probe(&["health"]) {
        Err(error) => {
            let fix = "start the server, or mend the address; what is recorded meanwhile waits on this machine";
            checks.push(Check::fault("server", error.to_string(), fix));
        }
        Ok(probe) => {
            checks.push(answers(&probe));
            checks.extend(clock(&probe, SystemTime::now()));
            checks.push(takes(&remote, key.is_some()));
        }
    }
    checks
}

fn answers(probe: &Probe) -> Check {
    let millis = probe.took.as_millis();
    match (probe.status, &probe.version) {
        (200, Some(version)) => Check::good(
            "server",
            format!("version {version}, answered in {millis} ms"),
        ),
        (200, None) => Check::good(
            "server",
            format!("a server of another kind, answered in {millis} ms"),
        ),
        (status, _) => Check::fault(
            "server",
            format!("answers {status} when asked for its health"),
            "is this the address of an AgentOps server, without a path behind it?",
        ),
    }
}

/// Whether the server's clock agrees with this machine's, as far as whole seconds tell.
fn clock(probe: &Probe, now: SystemTime) -> Option<Check> {
    let date = probe.date.as_deref()?;
    let server = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date)
        .ok()?;
    let now = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    let skew = i64::try_from(now).ok()?.saturating_sub(server.as_second());
    let word = if skew > 0 { "ahead of" } else { "behind" };
    let (seconds, name) = (skew.unsigned_abs(), "clock");
    let shown = format!("this machine is {seconds} s {word} the server");
    let fix = "set the clock of this machine, or of the server, by NTP";
    Some(match seconds {
        // The answer's own way and its rounding.
        ..3 => Check::good(name, "agrees with the server's"),
        3..SKEW => Check::good(name, shown),
        SKEW..MUCH_SKEW => Check::warning(name, shown, fix),
        _ => Check::fault(name, shown, fix),
    })
}

/// Whether the server takes the key, asked by reading.
fn takes(remote: &Remote, has_key: bool) -> Check {
    let name = "key";
    let fix = || {
        format!(
            "set {} to a key of this server; `agentops keys create` makes one there",
            env::API_KEY
        )
    };
    match remote.probe(&["v2", "sessions"]) {
        Err(error) => Check::fault(name, error.to_string(), "ask again"),
        Ok(probe) => match probe.status {
            200 if has_key => Check::good(name, "the server takes it"),
            200 => Check::good(name, "none, and this server takes any from this machine"),
            401 | 403 => Check::fault(name, "the server refuses it", fix()),
            // A server without a list of sessions; the key is seen when something is sent.
            404 | 405 => Check::warning(
                name,
                "cannot be tried on this server",
                "record a session and look whether it arrives",
            ),
            status => Check::fault(
                name,
                format!("the server answers {status}"),
                "look into the server's log",
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn clocks_that_differ_much_are_a_fault() {
        let at = |seconds: u64| {
            let probe = Probe {
                status: 200,
                version: None,
                date: Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
                took: Duration::ZERO,
            };
            let check = clock(&probe, UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
            (check.state, check.found)
        };
        let then = 784_111_777;
        assert_eq!(at(then).0, State::Good);
        let (state, found) = at(then + 90);
        assert_eq!(state, State::Warning);
        assert_eq!(found, "this machine is 90 s ahead of the server");
        let (state, found) = at(then - 7_200);
        assert_eq!(state, State::Fault);
        assert_eq!(found, "this machine is 7200 s behind the server");
    }
}
