//! The attribute macros, with a session open and with none.

use std::time::Duration;

use agentops::{Config, Session, SessionOptions};
use tempfile::TempDir;

use super::{Exporter, Running};
use crate::work::{NotFound, What, drive, search};

#[agentops::record_action]
fn add(a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

#[agentops::record_tool]
async fn tool(query: &str) -> Result<String, NotFound> {
    search(query)
}

#[agentops::record_action]
async fn tiny(x: u64) -> u64 {
    x.wrapping_mul(3)
}

/// A session, and what it was configured with.
#[derive(Debug)]
pub struct Ours {
    /// The session that records.
    pub session: Session,
    _directory: Option<TempDir>,
}

impl Ours {
    /// A session by this configuration, which names the data directory.
    #[must_use]
    pub fn by(config: Config) -> Self {
        Self {
            session: agentops::start_session(SessionOptions::new().config(config)),
            _directory: None,
        }
    }
}

struct Off;

pub(super) fn set_up_on(_: Exporter, _: usize) -> Box<dyn Running> {
    let directory = tempfile::tempdir().expect("the temporary directory can be written");
    let config = Config::new()
        .data_dir(directory.path())
        .disk_limit(64 << 30);
    let mut ours = Ours::by(config);
    ours._directory = Some(directory);
    Box::new(ours)
}

pub(super) fn set_up_off(_: Exporter, _: usize) -> Box<dyn Running> {
    Box::new(Off)
}

impl Running for Ours {
    fn run(&self, what: What, calls: usize) {
        let _entered = self.session.enter();
        drive(what, calls, add, tool, tiny);
    }

    fn settle(&self) {
        // The watermark of `arrived` moves just after a flush is answered; the second one comes after that.
        for _ in 0..2 {
            self.session.flush_blocking(Duration::from_secs(60));
        }
    }

    fn arrived(&self) -> Option<u64> {
        Some(self.session.spooled())
    }

    fn shown_as_lost(&self) -> Option<u64> {
        Some(self.session.dropped().values().sum())
    }
}

impl Running for Off {
    fn run(&self, what: What, calls: usize) {
        drive(what, calls, add, tool, tiny);
    }
}
