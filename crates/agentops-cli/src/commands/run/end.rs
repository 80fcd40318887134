//! How a command ended, in the words of a session and as the code of this process.

use std::process::{ExitCode, ExitStatus};

use agentops_core::EndState;

use super::killed::OutOfMemory;

/// What shells add to a signal's number.
#[cfg(unix)]
const SIGNALLED: u8 = 128;

/// The end of a session and of this process.
#[derive(Debug)]
pub(super) struct End {
    pub(super) state: EndState,
    pub(super) reason: Option<String>,
    pub(super) code: ExitCode,
}

impl End {
    pub(super) fn of(status: ExitStatus, memory: &OutOfMemory) -> Self {
        if status.success() {
            return Self {
                state: EndState::Success,
                reason: None,
                code: ExitCode::SUCCESS,
            };
        }
        let (reason, code) = failed(status, memory);
        Self {
            state: EndState::Failure,
            reason: Some(reason),
            code,
        }
    }
}

fn failed(status: ExitStatus, memory: &OutOfMemory) -> (String, ExitCode) {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let code = u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(SIGNALLED));
        return (signalled(signal, memory), ExitCode::from(code));
    }
    #[cfg(not(unix))]
    let _ = memory;
    let code = status.code().unwrap_or(1);
    // Codes beyond a byte exist on Windows only; what is lost must not look like success.
    let own = u8::try_from(code).unwrap_or(1);
    (format!("exit code {code}"), ExitCode::from(own))
}

/// A signal that asks a program to end is reported as the library does; any other one killed it.
#[cfg(unix)]
fn signalled(signal: i32, memory: &OutOfMemory) -> String {
    use rustix::process::Signal;

    const ASKING: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];
    let known = Signal::from_named_raw(signal);
    let name = known
        .and_then(name)
        .map_or_else(|| format!("signal {signal}"), str::to_owned);
    if known.is_some_and(|signal| ASKING.contains(&signal)) {
        return format!("Signal {name} detected");
    }
    let short = known == Some(Signal::KILL) && memory.has_killed();
    let why = if short { ", out of memory" } else { "" };
    format!("killed by {name}{why}")
}

/// The names of the signals that end programs.
#[cfg(unix)]
fn name(signal: rustix::process::Signal) -> Option<&'static str> {
    use rustix::process::Signal;

    const NAMES: [(Signal, &str); 18] = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::SYS, "SIGSYS"),
    ];
    let found = NAMES.iter().find(|(known, _)| *known == signal);
    found.map(|(_, name)| *name)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(raw: i32, expected: &Expect) {
        let end = End::of(ExitStatus::from_raw(raw), &OutOfMemory::watch());
        expected.assert_eq(&format!("{:?} {:?} {:?}", end.state, end.reason, end.code));
    }

    #[test]
    fn every_end_has_its_state_its_reason_and_its_code() {
        let code = |code: i32| code << 8;
        check(
            code(0),
            &expect!["Success None ExitCode(unix_exit_status(0))"],
        );
        check(
            code(3),
            &expect![[r#"Failure Some("exit code 3") ExitCode(unix_exit_status(3))"#]],
        );
        check(
            code(255),
            &expect![[r#"Failure Some("exit code 255") ExitCode(unix_exit_status(255))"#]],
        );
        check(
            2,
            &expect![[r#"Failure Some("Signal SIGINT detected") ExitCode(unix_exit_status(130))"#]],
        );
        check(
            15,
            &expect![[
                r#"Failure Some("Signal SIGTERM detected") ExitCode(unix_exit_status(143))"#
            ]],
        );
        check(
            9,
            &expect![[r#"Failure Some("killed by SIGKILL") ExitCode(unix_exit_status(137))"#]],
        );
        check(
            11,
            &expect![[r#"Failure Some("killed by SIGSEGV") ExitCode(unix_exit_status(139))"#]],
        );
        check(
            40,
            &expect![[r#"Failure Some("killed by signal 40") ExitCode(unix_exit_status(168))"#]],
        );
    }
}
