//! Those who wait for delivery, each for what was recorded until it asked and no longer than it said.

use std::time::Instant;

use agentops_protocol::SessionId;
use agentops_spool::Position;

use super::inbox::Flushed;
use crate::delivery::book::Progress;
use crate::delivery::item::Mark;
use crate::reply::Answer;

/// Somebody who waits.
pub(super) struct Waiter {
    /// `None` waits for nothing to be delivered, only for what `for_recovery` says.
    pub(super) target: Option<Mark>,
    /// Only what is of this session.
    pub(super) session: Option<SessionId>,
    /// Also for what dead processes left behind.
    pub(super) for_recovery: bool,
    pub(super) deadline: Instant,
    pub(super) answer: Answer<Flushed>,
}

/// All of one client, and how far its delivery is.
pub(super) struct Waiters {
    waiting: Vec<Waiter>,
    progress: Progress,
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            progress: Progress {
                settled: Mark::default(),
                at: Position::START,
                reached: Mark::default(),
                reached_at: Position::START,
                behind: Vec::new(),
            },
        }
    }
}

impl Waiters {
    /// Delivery is so far. A sender that has begun anew knows less than is known here.
    pub(super) fn note(&mut self, mut progress: Progress) {
        progress.settled = progress.settled.max(self.progress.settled);
        progress.at = progress.at.max(self.progress.at);
        progress.reached = progress.reached.max(self.progress.reached);
        progress.reached_at = progress.reached_at.max(self.progress.reached_at);
        self.progress = progress;
    }

    /// How far delivery is.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Whether a session cannot be delivered while others are.
    pub(super) fn is_behind(&self, sid: &str) -> bool {
        self.progress.behind.iter().any(|it| it == sid)
    }

    pub(super) fn push(&mut self, waiter: Waiter) {
        self.waiting.push(waiter);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether everything until here is taken care of, in one session or in all.
    pub(super) fn has(&self, target: Mark, session: Option<&SessionId>) -> bool {
        let progress = &self.progress;
        progress.settled >= target
            || session
                .is_some_and(|sid| progress.reached >= target && !self.is_behind(sid.as_str()))
    }

    /// Answers those who have nothing left to wait for; `written` is what those are told who wait for no delivery.
    pub(super) fn answer(&mut self, is_recovered: bool, written: bool) {
        for waiter in std::mem::take(&mut self.waiting) {
            let session = waiter.session.as_ref();
            let is_there = waiter.target.is_none_or(|target| self.has(target, session));
            if is_there && (is_recovered || !waiter.for_recovery) {
                let complete = waiter.target.is_some() || written;
                waiter.answer.give(Flushed { complete });
            } else {
                self.waiting.push(waiter);
            }
        }
    }

    /// Answers those whose time is up; whether any of them waited for delivery in vain.
    pub(super) fn expire(&mut self, written: bool) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let (now, mut in_vain) = (Instant::now(), false);
        for waiter in std::mem::take(&mut self.waiting) {
            if waiter.deadline > now {
                self.waiting.push(waiter);
                continue;
            }
            let session = waiter.session.as_ref();
            // What others left behind may take longer than our own.
            let is_there = waiter.target.is_none_or(|target| self.has(target, session));
            in_vain |= !is_there;
            let complete = is_there && (waiter.target.is_some() || written);
            waiter.answer.give(Flushed { complete });
        }
        in_vain
    }
}
