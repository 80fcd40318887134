//! Events that were updated before they were created.
//!
//! A stub is an event like any other, made from the update, with a note of which fields the
//! update spoke of. When the creation arrives, those fields are put over it: the event ends as
//! if the creation had come first. Pure.

use agentops_protocol::{Event, EventBody, EventId, EventKind, EventPatch, Patch, Timestamp};

/// The fields that updates spoke of, one bit each. Stored: bits keep their meaning for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Given(pub(crate) u32);

macro_rules! bits {
    ($($bit:literal $name:ident)*) => {
        impl Given {
            $(
                #[expect(non_upper_case_globals, reason = "named as the field it stands for")]
                const $name: u32 = 1 << $bit;
            )*
        }
    };
}
bits! {
    0 kind 1 parent_id 2 agent_id 3 init_timestamp 4 end_timestamp 5 status 6 params 7 returns
    8 logs 9 action_type 10 screenshot 11 name 12 thread_id 13 model 14 prompt 15 completion
    16 prompt_tokens 17 completion_tokens 18 cached_read_tokens 19 cached_write_tokens
    20 reasoning_tokens 21 cost 22 time_to_first_token 23 trigger_event_id
    24 trigger_event_type 25 error_type 26 code 27 details
}

macro_rules! spoken_of {
    ($bits:ident $patch:ident $($name:ident)*) => {
        $(if !$patch.$name.is_keep() { $bits |= Given::$name; })*
    };
}

/// Bits of the fields that only one kind has.
const ACTION: u32 = Given::action_type | Given::screenshot;
const LLM: u32 = Given::thread_id
    | Given::model
    | Given::prompt
    | Given::completion
    | Given::prompt_tokens
    | Given::completion_tokens
    | Given::cached_read_tokens
    | Given::cached_write_tokens
    | Given::reasoning_tokens
    | Given::cost
    | Given::time_to_first_token;
const ERROR: u32 = Given::trigger_event_id
    | Given::trigger_event_type
    | Given::error_type
    | Given::code
    | Given::details;

impl Given {
    fn of(patch: &EventPatch) -> Self {
        let mut bits = 0;
        spoken_of!(bits patch parent_id agent_id end_timestamp params returns logs action_type
            screenshot name thread_id model prompt completion prompt_tokens completion_tokens
            cached_read_tokens cached_write_tokens reasoning_tokens cost time_to_first_token
            trigger_event_id trigger_event_type error_type code details);
        // A null of these two says nothing.
        if matches!(patch.init_timestamp, Patch::Set(_)) {
            bits |= Self::init_timestamp;
        }
        if matches!(patch.status, Patch::Set(_)) {
            bits |= Self::status;
        }
        if patch.kind.is_some() {
            bits |= Self::kind;
        }
        Self(bits)
    }

    fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }

    fn back<T: Clone>(self, bit: u32, value: Option<&T>) -> Patch<T> {
        match value {
            _ if !self.has(bit) => Patch::Keep,
            Some(value) => Patch::Set(value.clone()),
            None => Patch::Clear,
        }
    }

    /// The kind that has these fields, where no kind was told.
    fn likely_kind(self) -> Option<EventKind> {
        if self.has(LLM) {
            Some(EventKind::Llm)
        } else if self.has(ERROR) {
            Some(EventKind::Error)
        } else if self.has(ACTION) {
            Some(EventKind::Action)
        } else if self.has(Self::name) {
            Some(EventKind::Tool)
        } else {
            None
        }
    }
}

/// Makes a stub. `received` stands in for a start that is not told.
pub(crate) fn begin(id: EventId, mut patch: EventPatch, received: Timestamp) -> (Event, Given) {
    let mut given = Given::of(&patch);
    patch.kind = patch.kind.or(given.likely_kind());
    let end_told = matches!(patch.end_timestamp, Patch::Set(_));
    let event = patch.into_event(id, received);
    if event.end_timestamp.is_some() && !end_told {
        // An error takes no time: this end is its start's stand-in, nothing a client told.
        given.0 &= !Given::end_timestamp;
    }
    (event, given)
}

/// Updates a stub. Until a kind is told, the fields decide which it has.
pub(crate) fn update(event: &mut Event, given: &mut Given, patch: EventPatch) {
    let new = Given::of(&patch);
    if !given.has(Given::kind) {
        let kind = patch.kind.or(Given(given.0 | new.0).likely_kind());
        if let Some(kind) = kind.filter(|kind| *kind != event.kind()) {
            let past = EventPatch {
                kind: Some(kind),
                ..told(event, *given)
            };
            *event = past.into_event(event.id.clone(), event.init_timestamp);
        }
    }
    given.0 |= new.0;
    let told = event.status.clone();
    patch.apply(event);
    // Without an end of its own a stub seems to run, whatever was told before. The creation may
    // bring the end, and then what was told counts.
    if given.has(Given::status) && !new.has(Given::status) && !given.has(Given::end_timestamp) {
        event.status = told;
    }
}

/// The creation has come: what the updates told is put over it.
pub(crate) fn fill(stub: &Event, given: Given, mut created: Event) -> Event {
    told(stub, given).apply(&mut created);
    created
}

/// The update that makes `event` from nothing.
fn told(event: &Event, given: Given) -> EventPatch {
    let mut patch = EventPatch {
        parent_id: given.back(Given::parent_id, event.parent_id.as_ref()),
        agent_id: given.back(Given::agent_id, event.agent_id.as_ref()),
        init_timestamp: given.back(Given::init_timestamp, Some(&event.init_timestamp)),
        end_timestamp: given.back(Given::end_timestamp, event.end_timestamp.as_ref()),
        status: given.back(Given::status, Some(&event.status)),
        params: given.back(Given::params, event.params.as_ref()),
        returns: given.back(Given::returns, event.returns.as_ref()),
        logs: given.back(Given::logs, event.logs.as_ref()),
        ..EventPatch::default()
    };
    match &event.body {
        EventBody::Action(action) => {
            patch.action_type = given.back(Given::action_type, action.action_type.as_ref());
            patch.name = given.back(Given::name, action.action_type.as_ref());
            patch.screenshot = given.back(Given::screenshot, action.screenshot.as_ref());
        }
        EventBody::Tool(tool) => patch.name = given.back(Given::name, tool.name.as_ref()),
        EventBody::Llm(llm) => {
            let usage = &llm.usage;
            patch.thread_id = given.back(Given::thread_id, llm.thread_id.as_ref());
            patch.model = given.back(Given::model, llm.model.as_ref());
            patch.prompt = given.back(Given::prompt, llm.prompt.as_ref());
            patch.completion = given.back(Given::completion, llm.completion.as_ref());
            patch.prompt_tokens = given.back(Given::prompt_tokens, usage.prompt.as_ref());
            patch.completion_tokens =
                given.back(Given::completion_tokens, usage.completion.as_ref());
            patch.cached_read_tokens =
                given.back(Given::cached_read_tokens, usage.cached_read.as_ref());
            patch.cached_write_tokens =
                given.back(Given::cached_write_tokens, usage.cached_write.as_ref());
            patch.reasoning_tokens = given.back(Given::reasoning_tokens, usage.reasoning.as_ref());
            patch.cost = given.back(Given::cost, llm.cost.as_ref());
            patch.time_to_first_token = given.back(
                Given::time_to_first_token,
                llm.time_to_first_token_us.as_ref(),
            );
        }
        EventBody::Error(error) => {
            patch.trigger_event_id =
                given.back(Given::trigger_event_id, error.trigger_event_id.as_ref());
            patch.trigger_event_type =
                given.back(Given::trigger_event_type, error.trigger_event_type.as_ref());
            patch.error_type = given.back(Given::error_type, error.error_type.as_ref());
            patch.code = given.back(Given::code, error.code.as_ref());
            patch.details = given.back(Given::details, error.details.as_ref());
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use agentops_protocol::{Json, Status};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn id() -> EventId {
        "e".parse().unwrap()
    }

    fn created(kind: EventKind) -> Event {
        let mut event = Event::started(id(), kind, at(1));
        event.params = Some(Json::string("in"));
        event.returns = Some(Json::string("out"));
        event.end_timestamp = Some(at(5));
        event.status = match kind {
            EventKind::Error => Status::Error,
            _ => Status::Ok,
        };
        event
    }

    /// Updates before the creation end in the same event as updates after it.
    fn check(kind: EventKind, patches: &[EventPatch]) {
        let mut after = created(kind);
        for patch in patches {
            patch.clone().apply(&mut after);
        }
        let (mut stub, mut given) = begin(id(), patches[0].clone(), at(99));
        for patch in &patches[1..] {
            update(&mut stub, &mut given, patch.clone());
        }
        assert_eq!(fill(&stub, given, created(kind)), after, "{patches:?}");
    }

    #[test]
    fn an_update_before_the_creation_counts_as_one_after_it() {
        let end = EventPatch {
            end_timestamp: Patch::Set(at(7)),
            returns: Patch::Clear,
            ..EventPatch::default()
        };
        let failed = EventPatch {
            status: Patch::Set(Status::Error),
            end_timestamp: Patch::Set(at(8)),
            ..EventPatch::default()
        };
        let answer = EventPatch {
            model: Patch::Set("gpt-4".into()),
            completion: Patch::Set(Json::string("hi")),
            prompt_tokens: Patch::Set(3),
            ..EventPatch::default()
        };
        let named = EventPatch {
            name: Patch::Set("search".into()),
            ..EventPatch::default()
        };
        let told = EventPatch {
            kind: Some(EventKind::Llm),
            logs: Patch::Set(Json::string("log")),
            ..EventPatch::default()
        };
        check(EventKind::Tool, std::slice::from_ref(&end));
        check(EventKind::Tool, &[named.clone(), end.clone()]);
        check(EventKind::Action, &[named, failed.clone()]);
        check(EventKind::Llm, &[end.clone(), answer.clone()]);
        check(EventKind::Llm, &[answer.clone(), told.clone(), failed]);
        check(EventKind::Llm, &[told, answer, end]);
    }

    fn some<T>(values: &[T]) -> impl Strategy<Value = Patch<T>> + use<T>
    where
        T: Clone + std::fmt::Debug + 'static,
    {
        let values: Vec<Patch<T>> = values.iter().cloned().map(Patch::Set).collect();
        prop_oneof![3 => Just(Patch::Keep), 1 => Just(Patch::Clear), 2 => select(values)]
    }

    fn random() -> impl Strategy<Value = EventPatch> {
        let json = [Json::string("x"), Json::string("y")];
        let common = (
            some(&[at(7), at(8)]),
            some(&[at(2)]),
            some(&json),
            some(&json),
        );
        let status = some(&[Status::Ok, Status::Error, Status::Cancelled]);
        let own = (
            some(&["n".to_owned()]),
            some(&json),
            some(&[3, 5]),
            some(&json),
        );
        (common, status, own).prop_map(|(common, status, own)| EventPatch {
            end_timestamp: common.0,
            init_timestamp: common.1,
            params: common.2,
            logs: common.3,
            status,
            name: own.0.clone(),
            model: own.0.clone(),
            error_type: own.0,
            completion: own.1,
            prompt_tokens: own.2,
            details: own.3,
            ..EventPatch::default()
        })
    }

    /// Leaves only what an event of this kind has.
    fn of_kind(kind: EventKind, mut patch: EventPatch) -> EventPatch {
        if kind != EventKind::Llm {
            patch.model = Patch::Keep;
            patch.completion = Patch::Keep;
            patch.prompt_tokens = Patch::Keep;
        }
        if kind == EventKind::Error {
            // An error has no end of its own that could be cleared.
            patch.end_timestamp = Patch::Keep;
        } else {
            patch.error_type = Patch::Keep;
            patch.details = Patch::Keep;
        }
        if kind != EventKind::Tool {
            patch.name = Patch::Keep;
        }
        patch
    }

    proptest! {
        #[test]
        fn the_place_of_the_creation_among_the_updates_does_not_count(
            kind in select(EventKind::ALL.to_vec()),
            patches in proptest::collection::vec((random(), any::<bool>()), 1..5),
        ) {
            let patches = patches.into_iter().map(|(patch, told)| EventPatch {
                kind: told.then_some(kind),
                ..of_kind(kind, patch)
            });
            check(kind, &patches.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_stub_without_a_kind_shows_as_the_kind_that_has_its_fields() {
        let details = EventPatch {
            details: Patch::Set(Json::string("broken")),
            ..EventPatch::default()
        };
        assert_eq!(begin(id(), details, at(5)).0.kind(), EventKind::Error);
        let nothing = EventPatch::default();
        let (stub, _) = begin(id(), nothing, at(5));
        assert_eq!(
            (stub.kind(), stub.init_timestamp),
            (EventKind::Action, at(5))
        );
    }
}
