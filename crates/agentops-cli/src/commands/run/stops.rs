//! A command that stops itself alone.
//!
//! ```text
//! Ctrl-Z, `kill(0, SIGTSTP)`   stops both; nothing to do here
//! a full-screen program that   stops itself only: the shell would go on waiting for this process
//! reads Ctrl-Z as a key        and the terminal would seem dead; so this process stops as well
//! ```
//!
//! Only in the foreground of a terminal, where a shell sees it and `fg` wakes both. Elsewhere
//! nobody might wake this process again when the command goes on.

use std::fs::File;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgrp, getpid, kill_process, waitid};

/// Follows the command in a thread, which ends with this process.
pub(super) fn follow(command: Pid) {
    let follower = std::thread::Builder::new().name("follow-stops".to_owned());
    // Without the thread only this is missing.
    let _ = follower.spawn(move || {
        loop {
            match waitid(WaitId::Pid(command), WaitIdOptions::STOPPED) {
                Ok(Some(_)) => stop_with(command),
                Ok(None) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    });
}

fn stop_with(command: Pid) {
    if !is_in_foreground() {
        return;
    }
    // Where both were stopped and go on together, it goes on already.
    let goes_on = WaitIdOptions::CONTINUED | WaitIdOptions::NOHANG;
    if let Ok(None) = waitid(WaitId::Pid(command), goes_on) {
        // Not `SIGSTOP`: the kernel ignores this one where no shell could wake us.
        let _ = kill_process(getpid(), Signal::TSTP);
    }
}

fn is_in_foreground() -> bool {
    let terminal = File::open("/dev/tty").ok();
    let group = terminal.and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok());
    group == Some(getpgrp())
}
