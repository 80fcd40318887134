//! Random histories: whatever is written in whatever order, SQLite answers as the model does,
//! whose counts are made anew at each question.

use std::sync::Arc;

use agentops_protocol::{Agent, SessionPatch};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{batch, created, id, price, project, sqlite, updated};
use crate::memory::MemoryStore;
use crate::{
    Batch, EventFilter, Ingest, Mutation, PageSize, Query, SessionFilter, SessionOrder, SessionSort,
};

/// A batch in words, so that it can be made twice.
#[derive(Debug, Clone)]
struct Step {
    session: u8,
    key: Option<u8>,
    writes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Create(Vec<String>),
    Update(Vec<String>),
    Session(bool, String),
    Recover(u8),
    Agent(u8, Option<String>),
    Logs(String),
    Interrupt,
    Share,
    Reprice,
    Delete,
}

impl Step {
    fn batch(&self) -> Batch {
        let session = format!("s{}", self.session);
        let writes = self.writes.iter().flat_map(|change| {
            let mut batch = batch(&session, change.mutation());
            // Some writes of a batch go to another project's session of the same id.
            if self.session == 2 && matches!(change, Change::Logs(_)) {
                batch.writes[0].project = id("q");
            }
            batch.writes
        });
        Batch {
            writes: writes.collect(),
            idempotency_key: self.key.map(|key| key.to_string()),
            cursor: None,
        }
    }
}

impl Change {
    fn mutation(&self) -> Mutation {
        match self {
            Self::Create(events) => created(&events.join(",")),
            Self::Update(patches) => updated(&patches.join(",")),
            Self::Session(create, body) => {
                let patch: SessionPatch =
                    agentops_protocol::accept::session(body.as_bytes()).unwrap();
                if *create {
                    Mutation::CreateSession(patch)
                } else {
                    Mutation::UpdateSession(patch)
                }
            }
            Self::Recover(reason) => Mutation::Recover {
                reason: format!("gone {reason}"),
            },
            Self::Agent(agent, name) => Mutation::UpsertAgent(Agent {
                id: id(&format!("a{agent}")),
                name: name.clone(),
                logs: None,
            }),
            Self::Logs(text) => Mutation::AppendLogs(text.clone()),
            Self::Interrupt => Mutation::Interrupt(vec![id("e0"), id("e2")]),
            Self::Share => Mutation::Share(id("q")),
            Self::Reprice => Mutation::Reprice,
            Self::Delete => Mutation::Delete,
        }
    }
}

fn time() -> impl Strategy<Value = String> {
    (0..3_u8, 0..60_u8)
        .prop_map(|(hour, minute)| format!("\"1970-01-01T{:02}:{minute:02}:00Z\"", hour * 7))
}

/// A member of an event's object: its name and one of its values, or null.
fn member() -> impl Strategy<Value = String> {
    let of = |name: &'static str, values: &'static [&'static str]| {
        proptest::sample::select(values)
            .prop_map(move |value| format!("\"{name}\":{value}"))
            .boxed()
    };
    let long = r#"[{"role":"system","content":"you are a careful assistant who answers"},{"role":"user","content":"what is the answer to this long question"},{"role":"user","content":"well?"}]"#;
    let long: &'static [&'static str] = Box::leak(Box::new(["\"hi\"", long, "null"]));
    prop_oneof![
        time().prop_map(|time| format!("\"init_timestamp\":{time}")),
        time().prop_map(|time| format!("\"end_timestamp\":{time}")),
        of("end_timestamp", &["null"]),
        of("model", &["\"gpt-4\"", "\"other\"", "null"]),
        of("prompt_tokens", &["0", "150", "9007199254740992", "null"]),
        of("completion_tokens", &["80", "null"]),
        of("reasoning_tokens", &["5", "null"]),
        of("cost", &["0", "0.25", "null"]),
        of("prompt", long),
        of("completion", &["\"ho\"", "null"]),
        of("name", &["\"search\"", "\"fetch\"", "null"]),
        of("action_type", &["\"plan\"", "null"]),
        of("error_type", &["\"E\"", "null"]),
        of("details", &["\"broken\"", "{\"message\":\"m\"}"]),
        of("trigger_event_id", &["\"e1\"", "\"e2\"", "null"]),
        of("status", &["\"error\"", "\"running\"", "\"queued\""]),
        of("agent_id", &["\"a1\"", "null"]),
        of(
            "parent_id",
            &["\"e0\"", "\"3951ab3c-c346-44f5-ba44-7ce3f548e86e\"", "null"]
        ),
        of("params", &["{\"a\": 1.0}", "null"]),
        of("returns", &["[1,  2]", "null"]),
    ]
}

fn event(with_kind: f64) -> impl Strategy<Value = String> {
    let kinds: &'static [&'static str] = &["actions", "llms", "tools", "errors"];
    let kind = proptest::option::weighted(with_kind, proptest::sample::select(kinds));
    let ids: &'static [&'static str] = &[
        "e0",
        "e1",
        "e2",
        "e3",
        "3951ab3c-c346-44f5-ba44-7ce3f548e86e",
    ];
    let id = proptest::sample::select(ids);
    (id, kind, vec(member(), 0..6)).prop_map(|(id, kind, members)| {
        let kind = kind.map_or(String::new(), |kind| format!("\"event_type\":\"{kind}\","));
        let members: String = members.iter().map(|member| format!("{member},")).collect();
        format!("{{{members}{kind}\"id\":\"{id}\"}}")
    })
}

fn session() -> impl Strategy<Value = String> {
    let states: &'static [&'static str] = &["Success", "Fail", "Indeterminate"];
    let tags: &'static [&'static str] = &["[]", "[\"a\"]", "[\"b\",\"a\"]"];
    (
        proptest::option::of(time()),
        proptest::option::of(time()),
        proptest::option::of(proptest::sample::select(states)),
        proptest::option::of(proptest::sample::select(tags)),
        proptest::option::of(0..9_u8),
    )
        .prop_map(|(start, end, state, tags, number)| {
            let mut members = Vec::new();
            members.extend(start.map(|start| format!("\"init_timestamp\":{start}")));
            members.extend(end.map(|end| format!("\"end_timestamp\":{end}")));
            members.extend(state.map(|state| format!("\"end_state\":\"{state}\"")));
            members.extend(tags.map(|tags| format!("\"tags\":{tags}")));
            members.extend(number.map(|number| {
                format!(
                    "\"host_env\":{{\"OS\": {number}}},\"end_state_reason\":\"r{number}\",\
                     \"dropped\":{{\"hook\":{number}}}"
                )
            }));
            format!("{{{}}}", members.join(","))
        })
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![
        4 => vec(event(0.9), 1..4).prop_map(Change::Create),
        4 => vec(event(0.3), 1..4).prop_map(Change::Update),
        2 => (any::<bool>(), session()).prop_map(|(create, body)| Change::Session(create, body)),
        1 => (0..3_u8).prop_map(Change::Recover),
        1 => (0..3_u8, proptest::option::of("[a-c]")).prop_map(|(a, n)| Change::Agent(a, n)),
        1 => "[a-z]{0,4}".prop_map(Change::Logs),
        1 => Just(Change::Interrupt),
        1 => Just(Change::Share),
        1 => Just(Change::Reprice),
        1 => Just(Change::Delete),
    ];
    let key = proptest::option::weighted(0.4, 0..6_u8);
    (0..3_u8, key, vec(change, 1..4)).prop_map(|(session, key, writes)| Step {
        session,
        key,
        writes,
    })
}

/// Everything that can be asked, as text.
fn answers(store: &(impl Query + Ingest)) -> String {
    let mut text = String::new();
    for project in [Some(project()), Some(id("q")), None] {
        for session in ["s0", "s1", "s2"] {
            let (project, session) = (project.as_ref(), id(session));
            let export = store.export(project, &session).unwrap();
            text += &serde_json::to_string_pretty(&export).unwrap();
            text += &serde_json::to_string(&store.stats(project, &session).unwrap()).unwrap();
            text += &format!("{:?}\n", store.session(project, &session).unwrap());
            text += &format!("{:?}\n", store.logs(project, &session).unwrap());
            let (all, size) = (EventFilter::default(), PageSize::new(4).unwrap());
            let page = store.events(project, &session, &all, size, None).unwrap();
            text += &format!("{:?}\n", page.map(|page| page.rows));
        }
        for by in [
            SessionSort::Start,
            SessionSort::Duration,
            SessionSort::Tokens,
        ] {
            let order = SessionOrder {
                by,
                ascending: false,
            };
            let all = SessionFilter {
                order,
                ..SessionFilter::default()
            };
            let page = store.sessions(project.as_ref(), &all, PageSize::MAX, None);
            text += &format!("{:?}\n", page.unwrap().rows);
        }
        for hours in [(0, 24), (7, 8)] {
            let at = |hour: i64| super::at(hour * 3_600_000_000);
            let overview = store.overview(project.as_ref(), at(hours.0), at(hours.1));
            text += &format!("{:#?}\n", overview.unwrap());
        }
        for failed in [false, true] {
            let some = EventFilter {
                heads_only: true,
                failed,
                ..EventFilter::default()
            };
            let page = store.found(project.as_ref(), &some, PageSize::new(9).unwrap(), None);
            for row in page.unwrap().rows {
                let event = serde_json::to_string(&row.event).unwrap();
                text += &format!("{} {} {event}\n", row.project, row.session);
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn sqlite_answers_as_the_model_does(steps in vec(step(), 1..24)) {
        let model = MemoryStore::new(Arc::new(price));
        let (_directory, store) = sqlite();
        // All at once, so that groups form.
        let pending: Vec<_> =
            steps.iter().map(|step| store.submit(step.batch()).unwrap()).collect();
        for (step, pending) in steps.iter().zip(pending) {
            let (stored, told) = (pending.wait().unwrap(), model.submit(step.batch()).unwrap());
            let told = told.wait().unwrap();
            prop_assert_eq!((stored.cost, stored.repeated), (told.cost, told.repeated));
        }
        store.take_away_now();
        let (stored, told) = (answers(&store), answers(&model));
        let differs = stored.lines().zip(told.lines()).find(|(stored, told)| stored != told);
        prop_assert_eq!(differs, None, "the first line that differs");
        prop_assert_eq!(stored.len(), told.len());
        store.check_rollups();
    }
}
