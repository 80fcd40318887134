//! Attempts at one call: the same request again after a failure that invites it.
//!
//! A layer below the one that retries sees requests and no connection between them. The same body to the same place,
//! from the same place in the program and after a failure that is worth another try, is another attempt.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use agentops_core::EventId;

use crate::limits;

/// After so long it is a new call; no library waits longer between attempts.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// What makes two requests the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) url: u64,
    pub(crate) body: u64,
    pub(crate) parent: Option<EventId>,
}

/// Which attempt a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// 2 is the first repetition.
    pub(crate) number: u32,
    /// The event of the first one, where it has one of its own.
    pub(crate) first: Option<EventId>,
}

/// Calls that failed lately.
#[derive(Debug, Default)]
pub(crate) struct Retries(Mutex<HashMap<Key, Failed>>);

#[derive(Debug)]
struct Failed {
    attempts: u32,
    first: Option<EventId>,
    at: Instant,
}

impl Retries {
    /// Which repetition this is; `None`: a first attempt.
    pub(crate) fn attempt(&self, key: &Key) -> Option<Attempt> {
        let failed = self.failed();
        let before = failed
            .get(key)
            .filter(|before| before.at.elapsed() < FORGOTTEN)?;
        Some(Attempt {
            number: before.attempts + 1,
            first: before.first.clone(),
        })
    }

    /// The call failed and may be tried again.
    pub(crate) fn failed_once(&self, key: Key, event: Option<EventId>) {
        let mut failed = self.failed();
        if failed.len() >= limits::RETRIES {
            failed.retain(|_, before| before.at.elapsed() < FORGOTTEN);
        }
        if failed.len() >= limits::RETRIES && !failed.contains_key(&key) {
            // The oldest goes.
            let oldest = failed.iter().min_by_key(|(_, before)| before.at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                failed.remove(&oldest);
            }
        }
        let entry = failed.entry(key).or_insert(Failed {
            attempts: 0,
            first: event,
            at: Instant::now(),
        });
        entry.attempts += 1;
        entry.at = Instant::now();
    }

    /// The call ended in a way that nobody repeats.
    pub(crate) fn settled(&self, key: &Key) {
        self.failed().remove(key);
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Failed>> {
        // No code of anybody else runs under this lock, so nothing in it is half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a status invites another try.
pub(crate) fn worth_a_retry(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429) || status >= 500
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_until_one_settles_it_and_memory_is_bounded() {
        let retries = Retries::default();
        let key = |body| Key {
            url: 1,
            body,
            parent: None,
        };
        assert_eq!(retries.attempt(&key(1)), None);
        retries.failed_once(key(1), None);
        retries.failed_once(key(1), None);
        assert_eq!(
            retries.attempt(&key(1)).map(|attempt| attempt.number),
            Some(3)
        );
        assert_eq!(retries.attempt(&key(2)), None);
        retries.settled(&key(1));
        assert_eq!(retries.attempt(&key(1)), None);
        for body in 0..10 * limits::RETRIES as u64 {
            retries.failed_once(key(body), None);
        }
        assert_eq!(retries.failed().len(), limits::RETRIES);
        assert!(
            retries
                .attempt(&key(10 * limits::RETRIES as u64 - 1))
                .is_some()
        );
    }
}
