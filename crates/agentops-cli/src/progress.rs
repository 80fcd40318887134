//! Bars on standard error for work that takes long. Beside `output`, nobody else prints.
//!
//! Where standard error is no terminal nothing is ever drawn, and nothing is drawn for work that
//! is over at once. A bar is gone when its value is.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text;

/// Work is so long silent before it shows a bar.
const PATIENCE: Duration = Duration::from_millis(300);
/// Between two pictures of a bar of unknown length.
const TICK: Duration = Duration::from_millis(120);

/// How far some work is.
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    template: &'static str,
}

impl Progress {
    /// Of nothing that anybody waits for.
    pub(crate) fn none() -> Self {
        Self::new(ProgressBar::hidden(), "", String::new())
    }

    /// Of bytes.
    pub(crate) fn bytes(what: String) -> Self {
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
        Self::new(bar(), template, what)
    }

    /// Of things that are counted.
    pub(crate) fn counted(what: String, count: u64) -> Self {
        let progress = Self::new(bar(), "{msg} {wide_bar} {pos}/{len} {eta}", what);
        progress.of(Some(count));
        progress
    }

    /// Shows that some work goes on of which nobody knows the length, and hands on what comes of it.
    pub(crate) fn during<T>(what: String, work: impl FnOnce() -> T) -> T {
        let progress = Self::new(bar(), "{spinner} {msg} {elapsed}", what);
        let (working, over) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let progress = &progress;
            scope.spawn(move || {
                if over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    progress.show();
                    progress.bar.enable_steady_tick(TICK);
                }
            });
            // Gone with the work, be it by a panic.
            let _working = working;
            work()
        })
    }

    fn new(bar: ProgressBar, template: &'static str, what: String) -> Self {
        // Addresses and paths come from outside.
        let what: Cow<'static, str> = text::clean(&what).into_owned().into();
        bar.set_message(what);
        Self {
            bar,
            begun: Instant::now(),
            template,
        }
    }

    /// How much there is; `None`: nobody knows.
    pub(crate) fn of(&self, whole: Option<u64>) {
        if let Some(whole) = whole {
            self.bar.set_length(whole);
        }
    }

    /// How much is done.
    pub(crate) fn at(&self, done: u64) {
        if self.begun.elapsed() > PATIENCE {
            self.show();
            self.bar.set_position(done);
        }
    }

    fn show(&self) {
        let hidden = self.bar.is_hidden();
        if hidden && !self.template.is_empty() && io::stderr().is_terminal() {
            if let Ok(style) = ProgressStyle::with_template(self.template) {
                self.bar.set_style(style);
            }
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

fn bar() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
