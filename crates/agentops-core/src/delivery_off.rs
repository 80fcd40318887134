//! Delivery without the feature `enable`: there is none, and no value of [`Link`] exists, so that
//! everything behind one is never compiled into a program.

use std::sync::Arc;
use std::time::Duration;

use agentops_protocol::SessionId;

use crate::reply::Reply;
use crate::state::SessionState;

/// What somebody waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Delivered,
    AtExit,
}

/// What became of a flush.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flushed {
    pub(crate) complete: bool,
}

/// What is asked of a session.
#[derive(Debug, Clone)]
pub(crate) enum Fetch {
    Stats(SessionId),
    Export(SessionId),
}

/// A way to the worker; there is none.
#[derive(Clone)]
pub(crate) enum Link {}

impl Link {
    pub(crate) fn open(&self, _session: &Arc<SessionState>) {
        match *self {}
    }

    pub(crate) fn changed(&self, _session: &Arc<SessionState>) {
        match *self {}
    }

    pub(crate) fn flush(
        &self,
        _session: Option<&SessionId>,
        _until: Until,
        _limit: Duration,
    ) -> Reply<Flushed> {
        match *self {}
    }

    pub(crate) fn fetch(&self, _what: Fetch) -> Reply<Result<String, String>> {
        match *self {}
    }

    pub(crate) fn close(&self) {
        match *self {}
    }
}
