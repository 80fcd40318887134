//! Ends waits whose time is up, for those who await: whatever polls them, a runtime with a timer or none, and whatever
//! the worker is busy with.
//!
//! One thread, which is started when somebody waits and is gone when nobody does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

/// Something that is waited for.
pub(crate) trait Expire: Send + Sync {
    /// Its time is up.
    fn expire(&self);
}

struct Alarms {
    /// There is a thread that will look at them.
    watched: bool,
    waits: Vec<(Instant, Weak<dyn Expire>)>,
}

static ALARMS: Mutex<Alarms> = Mutex::new(Alarms {
    watched: false,
    waits: Vec::new(),
});
static SOONER: Condvar = Condvar::new();

/// Has a wait end at `deadline`, if somebody still waits by then.
pub(crate) fn at(deadline: Instant, wait: Weak<dyn Expire>) {
    let mut alarms = lock();
    alarms.waits.retain(|(_, wait)| wait.strong_count() > 0);
    alarms.waits.push((deadline, wait));
    if alarms.watched {
        SOONER.notify_one();
        return;
    }
    let thread = std::thread::Builder::new().name("agentops-alarm".to_owned());
    // Without a thread the worker's answer is what ends the wait.
    alarms.watched = thread.spawn(watch).is_ok();
}

fn watch() {
    let mut alarms = lock();
    loop {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut alarms.waits)
            .into_iter()
            .partition(|(deadline, _)| *deadline <= now);
        alarms.waits = later;
        if !due.is_empty() {
            drop(alarms);
            expire(due);
            alarms = lock();
            continue;
        }
        let Some(next) = alarms.waits.iter().map(|(deadline, _)| *deadline).min() else {
            alarms.watched = false;
            return;
        };
        alarms = match SOONER.wait_timeout(alarms, next - now) {
            Ok((alarms, _)) => alarms,
            Err(poisoned) => poisoned.into_inner().0,
        };
    }
}

fn expire(due: Vec<(Instant, Weak<dyn Expire>)>) {
    for wait in due.iter().filter_map(|(_, wait)| wait.upgrade()) {
        // A waker is code of somebody else's runtime.
        let _ = catch_unwind(AssertUnwindSafe(|| wait.expire()));
    }
}

fn lock() -> MutexGuard<'static, Alarms> {
    ALARMS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use super::*;

    struct Wait(&'static str, Mutex<Sender<&'static str>>);

    impl Expire for Wait {
        fn expire(&self) {
            self.1.lock().unwrap().send(self.0).unwrap();
            panic!("a waker that fails");
        }
    }

    fn wait(name: &'static str, millis: u64, told: &Sender<&'static str>) -> Arc<Wait> {
        let wait = Arc::new(Wait(name, Mutex::new(told.clone())));
        let weak: Weak<Wait> = Arc::downgrade(&wait);
        at(Instant::now() + Duration::from_millis(millis), weak);
        wait
    }

    fn next(told: &Receiver<&'static str>) -> &'static str {
        told.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    #[test]
    fn waits_end_by_their_deadlines_and_those_that_are_over_are_left_alone() {
        crate::ending::panic::install();
        let (tell, told) = channel();
        let later = wait("later", 60, &tell);
        let sooner = wait("sooner", 20, &tell);
        drop(wait("over", 1, &tell));
        assert_eq!((next(&told), next(&told)), ("sooner", "later"));
        // The thread has gone, or goes on: either way the next one is served.
        let again = wait("again", 1, &tell);
        assert_eq!(next(&told), "again");
        drop((later, sooner, again));
        assert!(told.try_recv().is_err());
    }
}
