//! SIGINT and SIGTERM, for `#[session]` on main. The only file of the SDK with `unsafe`.
//!
//! ```text
//! handler (any thread, may do almost nothing)     writes the signal's number into a pipe
//! watcher (a thread of its own)                   reads it; if this handler is still the installed
//!                                                 one: ends the session, restores the default, raises
//! ```
//!
//! Nothing is installed where somebody handles the signal already. Where the program installs a
//! handler later (`tokio::signal`, `ctrlc`, `signal-hook`), the signal is the program's alone: a
//! chained call to this handler is noticed by the watcher and changes nothing. A second signal
//! while the first is being dealt with ends the process at once.

#![expect(
    unsafe_code,
    reason = "signal handlers exist in C only; everything else is safe"
)]

use std::io::Read;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The writing end of the pipe; -1 before there is one.
static PIPE: AtomicI32 = AtomicI32::new(-1);
/// A signal is being dealt with.
static BUSY: AtomicBool = AtomicBool::new(false);

/// Watches for both signals; `ended` is called with the name of the one that came, in a thread
/// of its own, before the process ends by it. Once a process.
pub(crate) fn watch(ended: impl FnOnce(&'static str) + Send + 'static) {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.swap(true, Ordering::AcqRel) {
        return;
    }
    let Ok((mut reader, writer)) = std::io::pipe() else {
        return;
    };
    PIPE.store(writer.as_raw_fd(), Ordering::Release);
    // Never closed: a handler may write into it until the process ends.
    std::mem::forget(writer);
    let watcher = std::thread::Builder::new().name("agentops-signal".to_owned());
    let spawned = watcher.spawn(move || {
        let mut ended = Some(ended);
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_ok() {
            let signal = i32::from(byte[0]);
            if !is_ours(signal) {
                BUSY.store(false, Ordering::Release);
                continue;
            }
            if let Some(ended) = ended.take() {
                ended(if signal == libc::SIGINT {
                    "SIGINT"
                } else {
                    "SIGTERM"
                });
            }
            default_and_raise(signal);
        }
    });
    if spawned.is_ok() {
        install(libc::SIGINT);
        install(libc::SIGTERM);
    }
}

extern "C" fn handler(signal: libc::c_int) {
    if BUSY.swap(true, Ordering::AcqRel) && is_ours(signal) {
        default_and_raise(signal);
        return;
    }
    let byte = signal.to_le_bytes()[0];
    // SAFETY: `write` may be called in a handler; the byte lives on this stack, and the
    // descriptor stays open for ever. A failed write leaves the signal without effect.
    unsafe { libc::write(PIPE.load(Ordering::Acquire), (&raw const byte).cast(), 1) };
}

/// What handles a signal now.
fn current(signal: libc::c_int) -> Option<libc::sigaction> {
    // SAFETY: all zeros is a valid `sigaction`, and a null second argument only reads.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0).then_some(action)
    }
}

fn address() -> libc::sighandler_t {
    handler as extern "C" fn(libc::c_int) as libc::sighandler_t
}

fn is_ours(signal: libc::c_int) -> bool {
    current(signal).is_some_and(|action| action.sa_sigaction == address())
}

fn install(signal: libc::c_int) {
    if current(signal).is_some_and(|action| action.sa_sigaction == libc::SIG_DFL) {
        set(signal, address());
    }
}

fn default_and_raise(signal: libc::c_int) {
    set(signal, libc::SIG_DFL);
    // SAFETY: raising a signal has no precondition. To the process, not to this thread: another
    // one may hold it blocked.
    unsafe { libc::kill(libc::getpid(), signal) };
}

fn set(signal: libc::c_int, to: libc::sighandler_t) {
    // SAFETY: all zeros is a valid `sigaction` with an empty mask, and the handler calls only
    // what POSIX allows in one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = to;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}
