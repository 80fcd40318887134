//! What is known of a session apart from its counts, and the rules by which it changes.
//!
//! Pure: every backend keeps [`Facts`] in its own way and changes them here only, so that a
//! session that is joined, updated and recovered in any order ends the same everywhere.

use std::collections::BTreeMap;

use agentops_protocol::{EndState, Json, SessionPatch, Timestamp, limits};

/// The host environment is large and seldom looked at: a backend need not load it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HostEnv {
    /// None was given.
    Absent,
    /// One was given before.
    Stored,
    /// Given just now.
    New(Json),
}

/// A session without its counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub(crate) start: Timestamp,
    /// Whether a client told the start; else it is the time of the first receipt.
    pub(crate) start_given: bool,
    pub(crate) end: Option<Timestamp>,
    /// Whether the end was found by a recovery; a client's end replaces it.
    pub(crate) recovered: bool,
    pub(crate) state: EndState,
    pub(crate) reason: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) video: Option<String>,
    pub(crate) dropped: BTreeMap<String, u64>,
    pub(crate) host_env: HostEnv,
}

impl Facts {
    /// A session of which nothing is known but that something of it came in.
    pub(crate) fn begun(received: Timestamp) -> Self {
        Self {
            start: received,
            start_given: false,
            end: None,
            recovered: false,
            state: EndState::Indeterminate,
            reason: None,
            tags: Vec::new(),
            video: None,
            dropped: BTreeMap::new(),
            host_env: HostEnv::Absent,
        }
    }

    /// Creates or joins: adds what is not known yet, merges tags, resets nothing.
    pub(crate) fn join(&mut self, patch: SessionPatch, received: Timestamp) {
        self.begin(patch.init_timestamp);
        self.lose(patch.dropped);
        for tag in patch.tags.unwrap_or_default() {
            if self.tags.len() < limits::TAGS && !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        if self.video.is_none() {
            self.video = patch.video;
        }
        if let (HostEnv::Absent, Some(env)) = (&self.host_env, patch.host_env) {
            self.host_env = HostEnv::New(env);
        }
        let ended = self.ended_by_client();
        self.end(
            patch.end_timestamp.filter(|_| !ended),
            patch
                .end_state
                .filter(|_| self.state == EndState::Indeterminate),
            patch
                .end_state_reason
                .filter(|_| self.recovered || self.reason.is_none()),
            received,
        );
    }

    /// Changes the fields given.
    pub(crate) fn update(&mut self, patch: SessionPatch, received: Timestamp) {
        self.begin(patch.init_timestamp);
        self.lose(patch.dropped);
        if let Some(mut tags) = patch.tags {
            tags.truncate(limits::TAGS);
            self.tags = tags;
        }
        if patch.video.is_some() {
            self.video = patch.video;
        }
        if let Some(env) = patch.host_env {
            self.host_env = HostEnv::New(env);
        }
        self.end(
            patch.end_timestamp,
            patch.end_state,
            patch.end_state_reason,
            received,
        );
    }

    /// Ends a session whose client is gone, unless a client ended it.
    pub(crate) fn recover(&mut self, reason: String, last_event: Option<Timestamp>) {
        if self.ended_by_client() {
            return;
        }
        self.recovered = true;
        self.state = EndState::Indeterminate;
        self.reason = Some(reason);
        self.end = Some(last_event.map_or(self.start, |at| at.max(self.start)));
    }

    /// Microseconds from the start to the end or, when an event came after it or there is none,
    /// to the last event.
    pub(crate) fn duration_micros(&self, last_event: Option<Timestamp>) -> u64 {
        let end = self.end.max(last_event).unwrap_or(self.start);
        u64::try_from(end.micros_since(self.start)).unwrap_or(0)
    }

    fn ended_by_client(&self) -> bool {
        !self.recovered && self.end.is_some()
    }

    /// The earliest start that a client told wins; a stand-in gives way to any.
    fn begin(&mut self, start: Option<Timestamp>) {
        let Some(start) = start else { return };
        self.start = if self.start_given {
            self.start.min(start)
        } else {
            start
        };
        self.start_given = true;
    }

    /// Clients send totals, so counts only grow, whatever the order of arrival.
    fn lose(&mut self, dropped: Option<BTreeMap<String, u64>>) {
        for (reason, count) in dropped.unwrap_or_default() {
            if self.dropped.len() < limits::DROP_REASONS || self.dropped.contains_key(&reason) {
                let known = self.dropped.entry(reason).or_insert(0);
                *known = count.max(*known);
            }
        }
    }

    fn end(
        &mut self,
        at: Option<Timestamp>,
        state: Option<EndState>,
        reason: Option<String>,
        received: Timestamp,
    ) {
        let definite = state.filter(|state| *state != EndState::Indeterminate);
        if self.recovered && (at.is_some() || definite.is_some()) {
            self.recovered = false;
            self.reason = None;
        }
        // The reason of an Indeterminate that is ignored is not the reason of what stays.
        let ignored =
            state.is_some() && definite.is_none() && self.state != EndState::Indeterminate;
        if at.is_some() {
            self.end = at;
        }
        if let Some(state) = definite {
            self.state = state;
            // Who says how it ended says that it ended.
            self.end = self.end.or(Some(received));
        }
        if reason.is_some() && !ignored {
            self.reason = reason;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn ending(state: EndState, end: i64, reason: Option<&str>) -> SessionPatch {
        SessionPatch {
            end_state: Some(state),
            end_timestamp: Some(at(end)),
            end_state_reason: reason.map(str::to_owned),
            ..SessionPatch::default()
        }
    }

    #[test]
    fn a_stand_in_start_gives_way_and_the_earliest_told_one_wins() {
        let mut facts = Facts::begun(at(50));
        let start = |micros| SessionPatch {
            init_timestamp: Some(at(micros)),
            ..SessionPatch::default()
        };
        facts.join(start(70), at(50));
        assert_eq!(facts.start, at(70));
        facts.update(start(60), at(50));
        facts.join(start(65), at(50));
        assert_eq!(facts.start, at(60));
    }

    #[test]
    fn indeterminate_replaces_neither_state_nor_reason() {
        let mut facts = Facts::begun(at(0));
        facts.update(ending(EndState::Success, 5, Some("all good")), at(9));
        facts.update(ending(EndState::Indeterminate, 8, Some("unknown")), at(9));
        assert_eq!(facts.state, EndState::Success);
        assert_eq!(facts.reason.as_deref(), Some("all good"));
        facts.update(ending(EndState::Success, 7, None), at(9));
        assert_eq!(
            (facts.end, facts.reason.as_deref()),
            (Some(at(7)), Some("all good"))
        );
    }

    #[test]
    fn a_clients_end_beats_a_recovered_one_in_either_order() {
        let mut early = Facts::begun(at(0));
        early.recover("gone".into(), Some(at(3)));
        assert_eq!(
            (early.end, early.reason.as_deref()),
            (Some(at(3)), Some("gone"))
        );
        early.update(ending(EndState::Failure, 5, None), at(9));
        let mut late = Facts::begun(at(0));
        late.update(ending(EndState::Failure, 5, None), at(9));
        late.recover("gone".into(), Some(at(3)));
        assert_eq!(early, late);
        assert_eq!((late.end, late.reason.as_deref()), (Some(at(5)), None));
    }

    #[test]
    fn a_join_resets_nothing() {
        let mut facts = Facts::begun(at(0));
        facts.update(ending(EndState::Success, 5, Some("done")), at(9));
        facts.tags = vec!["a".into()];
        facts.join(
            SessionPatch {
                tags: Some(vec!["a".into(), "b".into()]),
                video: Some("v".into()),
                ..ending(EndState::Failure, 8, Some("other"))
            },
            at(9),
        );
        assert_eq!((facts.state, facts.end), (EndState::Success, Some(at(5))));
        assert_eq!(facts.reason.as_deref(), Some("done"));
        assert_eq!(facts.tags, ["a", "b"]);
        assert_eq!(facts.video.as_deref(), Some("v"));
    }

    #[test]
    fn an_event_after_the_end_reopens_the_duration() {
        let mut facts = Facts::begun(at(10));
        facts.update(ending(EndState::Indeterminate, 30, None), at(9));
        assert_eq!(facts.duration_micros(Some(at(20))), 20);
        assert_eq!(facts.duration_micros(Some(at(45))), 35);
        assert_eq!(Facts::begun(at(10)).duration_micros(None), 0);
    }

    #[test]
    fn an_end_state_without_a_time_ends_at_its_receipt() {
        let mut facts = Facts::begun(at(0));
        let patch = SessionPatch {
            end_state: Some(EndState::Failure),
            ..SessionPatch::default()
        };
        facts.update(patch, at(12));
        assert_eq!(facts.end, Some(at(12)));
    }
}
