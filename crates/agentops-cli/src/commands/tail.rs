//! `agentops sessions tail`: what is recorded, as it is recorded.
//!
//! ```text
//! news (a server's stream of changes, or looking at the directory) ─ reading ─ lines
//!      └ lost: look for the server again, and go on behind what was told
//! ```
//!
//! News say only which sessions changed; what happened is read from the lists, so nothing is left
//! out that the lists have. A signal ends it at once, wherever it waits.

mod lines;
mod news;
mod reading;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::lines::Lines;
use self::news::{News, Next, Stop};
use self::reading::Reading;
use crate::args::Tail;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::{self, Out};

/// Between two tries to find a server again.
const AGAIN: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &Tail, out: &mut Out) -> anyhow::Result<ExitCode> {
    let stop = Stop::listen()?;
    let mut backend = Backend::open(&args.source)?;
    let id = match &args.id {
        Some(id) => {
            Some(backend.of_session(id, |id| Ok(backend.session(id)?.map(|_| id.to_owned())))?)
        }
        None => None,
    };
    let mut reading = Reading::new(id, Lines::new(args.json));
    // The news begin before what is there is read: what comes between is told twice, not never.
    let mut news = News::of(&args.source, &backend, None, &stop)?;
    if let Some(exit) = news.open()? {
        return Ok(exit.into());
    }
    reading.begin(&backend, args.last, out)?;
    loop {
        out.flush()?;
        if reading.is_over() {
            return Ok(Exit::Success.into());
        }
        match news.next(&backend)? {
            Next::Changed(sessions) => match reading.catch_up(&backend, Some(&sessions), out) {
                // The stream breaks off as well, and says so.
                Err(error) if Exit::of(&error) == Exit::Unreachable => {}
                told => told?,
            },
            Next::Any => reading.catch_up(&backend, None, out)?,
            Next::Stop(exit) => {
                out.flush()?;
                return Ok(exit.into());
            }
            gone @ (Next::Lost(_) | Next::Moved) => {
                if let Next::Lost(error) = &gone {
                    output::note(&format!("{error:#}; looking for it again"));
                }
                match find_again(args, &news, &stop)? {
                    Found::Again(found, again) => (backend, news) = (*found, again),
                    Found::Stopped(exit) => return Ok(exit.into()),
                }
                if matches!(gone, Next::Lost(_)) {
                    output::note("found it again");
                }
                // Whatever happened meanwhile.
                reading.catch_up(&backend, None, out)?;
            }
        }
    }
}

enum Found {
    Again(Box<Backend>, News),
    Stopped(Exit),
}

/// Looks for the place that was followed until it is there again: the same server, another one
/// that has the directory now, or the directory itself.
fn find_again(args: &Tail, news: &News, stop: &Stop) -> anyhow::Result<Found> {
    let place = news.place();
    loop {
        let begun = Instant::now();
        let opened = Backend::open(&args.source).and_then(|backend| {
            let mut news = News::of(&args.source, &backend, place.clone(), stop)?;
            let stopped = news.open()?;
            Ok((backend, news, stopped))
        });
        match opened {
            Ok((_, _, Some(exit))) => return Ok(Found::Stopped(exit)),
            Ok((backend, news, None)) => return Ok(Found::Again(Box::new(backend), news)),
            // What time does not mend.
            Err(error) if matches!(Exit::of(&error), Exit::Denied | Exit::Usage) => {
                return Err(error);
            }
            Err(_) => {}
        }
        if let Some(exit) = stop.within(AGAIN.saturating_sub(begun.elapsed())) {
            return Ok(Found::Stopped(exit));
        }
    }
}
