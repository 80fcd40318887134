//! Whatever threads do to sessions at the same time: what was recorded is in the export or counted as lost.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agentops::{ActionEvent, EndState, ErrorEvent, LlmEvent, Session, ToolEvent, Usage};
use proptest::prelude::*;

use super::recorded::{export, session};
use crate::common::all_events;

/// What a thread does with one of the sessions.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Tool,
    Llm,
    Error,
    /// Begins one and ends it some deeds later.
    Open,
    Tag,
    Agent,
    Flush,
    End,
}

fn deeds() -> impl Strategy<Value = Vec<(Deed, usize)>> {
    let deed = prop_oneof![
        12 => Just(Deed::Tool),
        4 => Just(Deed::Llm),
        2 => Just(Deed::Error),
        4 => Just(Deed::Open),
        3 => Just(Deed::Tag),
        2 => Just(Deed::Agent),
        2 => Just(Deed::Flush),
        1 => Just(Deed::End),
    ];
    prop::collection::vec((deed, 0..3usize), 1..60)
}

/// One session and how many events were recorded in it, by the count of whoever recorded them.
struct Counted {
    session: Session,
    recorded: AtomicU64,
}

impl Counted {
    fn new() -> Self {
        Self {
            session: session(),
            recorded: AtomicU64::new(0),
        }
    }

    fn record(&self, event: impl agentops::Event) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
        self.session.record(event);
    }
}

fn act(sessions: &[Counted], deeds: &[(Deed, usize)]) {
    let mut open = Vec::new();
    for (at, (deed, which)) in deeds.iter().enumerate() {
        let counted = &sessions[*which];
        match deed {
            Deed::Tool => counted.record(ToolEvent::new("tool").params(&at)),
            Deed::Llm => counted.record(LlmEvent::new("gpt-4").usage(Usage::new(1, 1))),
            Deed::Error => counted.record(ErrorEvent::new("Mishap").message("oh")),
            Deed::Open => {
                counted.recorded.fetch_add(1, Ordering::Relaxed);
                open.push(counted.session.start(ActionEvent::new("open")));
                if open.len() > 2 {
                    open.remove(0).finish(&at);
                }
            }
            Deed::Tag => counted.session.add_tags([format!("tag {at}")]),
            Deed::Agent => drop(counted.session.create_agent("Somebody")),
            Deed::Flush => {
                counted.session.flush_blocking(Duration::from_secs(5));
            }
            Deed::End => drop(counted.session.end(EndState::Success)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    fn holds(schedule in prop::collection::vec(deeds(), 2..5)) {
        let sessions: Vec<Counted> = (0..3).map(|_| Counted::new()).collect();
        let together = Barrier::new(schedule.len());
        std::thread::scope(|scope| {
            for deeds in &schedule {
                scope.spawn(|| {
                    together.wait();
                    act(&sessions, deeds);
                });
            }
        });
        for counted in &sessions {
            let ended = counted.session.end(EndState::Success).wait();
            // It may have been ended already, and the rest be on its way still.
            prop_assert!(ended.delivered || counted.session.flush_blocking(Duration::from_secs(5)));
            let id = counted.session.id();
            let export = export(id);
            let exported = all_events(&export).len() as u64;
            let dropped: u64 = counted.session.dropped().values().sum();
            let recorded = counted.recorded.load(Ordering::Relaxed);
            prop_assert_eq!(recorded, exported + dropped, "{} exported, {:?} dropped", exported, counted.session.dropped());
            prop_assert_eq!(&export["session"]["end_state"], "Success");
        }
    }
}

#[test]
fn what_was_recorded_is_exported_or_counted() {
    if super::support::elsewhere() {
        return;
    }
    holds();
}
