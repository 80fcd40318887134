//! The signals that reach this process while the command runs.
//!
//! ```text
//! SIGINT, SIGQUIT           a terminal sends them to the command as well: survived, not repeated
//! SIGTERM, SIGHUP,          sent to this process alone as a rule: passed on
//! SIGUSR1, SIGUSR2, SIGCONT
//! SIGTSTP, SIGTTIN, …       left as they are: a terminal stops both, and both go on together
//!                           (`stops.rs` deals with a command that stops alone)
//! ```
//!
//! A signal that was ignored when this process began (`nohup`, a job in the background of a
//! script) stays ignored, here and so in the command: listening to it would undo that.

#[cfg(not(unix))]
use std::io;

/// A signal that came.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signal(rustix::process::Signal);

/// The end of the console's patience; the command has heard it too.
#[cfg(not(unix))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signal;

#[cfg(unix)]
pub(super) use unix::Signals;

#[cfg(unix)]
impl Signal {
    /// Whether the command is to be told of it.
    pub(super) fn is_passed_on(self) -> bool {
        use rustix::process::Signal as Number;
        !matches!(self.0, Number::INT | Number::QUIT)
    }

    /// The signal itself.
    pub(super) fn number(self) -> rustix::process::Signal {
        self.0
    }

    /// Whether it asks a program to end.
    fn asks_to_end(self) -> bool {
        use rustix::process::Signal as Number;
        matches!(
            self.0,
            Number::INT | Number::QUIT | Number::TERM | Number::HUP
        )
    }
}

impl Signals {
    /// Waits until this process is asked to end.
    pub(super) async fn end_asked(&mut self) {
        while !self.next().await.asks_to_end() {}
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::task::Poll;

    use rustix::process::Signal as Number;
    use tokio::signal::unix as tokio;

    use super::Signal;

    /// What is listened to.
    const HEARD: [Number; 7] = [
        Number::INT,
        Number::QUIT,
        Number::TERM,
        Number::HUP,
        Number::USR1,
        Number::USR2,
        Number::CONT,
    ];

    /// The signals of this process.
    pub(crate) struct Signals {
        heard: Vec<(Number, tokio::Signal)>,
        /// Never read: where the end of children is ignored, none could be waited for.
        _children: tokio::Signal,
    }

    impl Signals {
        /// Begins to listen. From now on these signals do not end this process.
        pub(crate) fn listen() -> io::Result<Self> {
            let ignored = ignored();
            let mut heard = Vec::new();
            for number in HEARD {
                let raw = number.as_raw();
                if ignored & (1 << (raw - 1)) == 0 {
                    heard.push((number, tokio::signal(tokio::SignalKind::from_raw(raw))?));
                }
            }
            let _children = tokio::signal(tokio::SignalKind::child())?;
            Ok(Self { heard, _children })
        }

        /// The next signal.
        pub(crate) async fn next(&mut self) -> Signal {
            std::future::poll_fn(|context| {
                for (number, stream) in &mut self.heard {
                    if stream.poll_recv(context).is_ready() {
                        return Poll::Ready(Signal(*number));
                    }
                }
                Poll::Pending
            })
            .await
        }
    }

    /// The signals that are ignored, a bit each; none where that cannot be learnt.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0)
    }
}

/// The signals of this process.
#[cfg(not(unix))]
pub(super) struct Signals(tokio::sync::mpsc::Receiver<()>);

#[cfg(not(unix))]
impl Signal {
    fn asks_to_end(self) -> bool {
        true
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Begins to listen. From now on Ctrl-C does not end this process.
    pub(super) fn listen() -> io::Result<Self> {
        let (heard, next) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                // One that waits to be taken says as much as two.
                let _ = heard.try_send(());
            }
        });
        Ok(Self(next))
    }

    /// The next Ctrl-C.
    pub(super) async fn next(&mut self) -> Signal {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        Signal
    }
}
