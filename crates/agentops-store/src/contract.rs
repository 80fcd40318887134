//! What every backend must do, as tests that run on each: the reference model and SQLite.

mod random;

use agentops_protocol::api::Export;
use agentops_protocol::{
    Agent, EndState, Event, EventBody, EventKind, ProjectId, SessionId, SessionPatch, Status,
    Thread, Timestamp, Usage, Usd, accept,
};

use crate::memory::MemoryStore;
use crate::{
    Batch, Cursor, EventFilter, Image, ImportCursor, Ingest, Mutation, Options, PageSize, Query,
    Receipt, SessionFilter, SessionOrder, SessionSort, SqliteStore, TokenCount, Write, exported,
};

/// A store under test.
pub(crate) trait Backend: Ingest + Query {
    /// Waits until everything that is done afterwards has been done.
    fn settle(&self);
}

impl Backend for MemoryStore {
    fn settle(&self) {}
}

impl Backend for SqliteStore {
    fn settle(&self) {
        self.take_away_now();
    }
}

/// gpt-4 costs 30 and 60 dollars a million tokens; nothing else has a price.
pub(crate) fn price(model: &str, usage: &Usage) -> Option<Usd> {
    let micro = |count: Option<u64>, micros: i64| {
        Usd::from_picos(micros * 1_000_000).times(count.unwrap_or(0))
    };
    (model == "gpt-4").then(|| Some(micro(usage.prompt, 30)? + micro(usage.completion, 60)?))?
}

/// An empty SQLite store and the directory it lives in.
pub(crate) fn sqlite() -> (tempfile::TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), Options::new(price)).unwrap();
    (directory, store)
}

macro_rules! contract {
    ($($check:ident)*) => {
        mod on_memory {
            $(#[test] fn $check() {
                super::$check(&super::MemoryStore::new(std::sync::Arc::new(super::price)));
            })*
        }
        mod on_sqlite {
            $(#[test] fn $check() {
                let (_directory, store) = super::sqlite();
                super::$check(&store);
            })*
        }
    };
}

contract! {
    events_come_back_letter_by_letter_and_once
    whatever_comes_first_makes_the_session
    updates_merge_null_clears_and_may_come_first
    costs_are_given_found_or_unknown
    a_cost_follows_its_model_and_tokens
    a_session_ends_the_same_in_any_order
    recovery_ends_at_the_last_event_and_interrupts
    an_event_after_the_end_reopens_the_duration
    a_repeated_batch_id_changes_nothing
    an_errors_trigger_kind_is_found_in_any_order
    events_without_an_agent_belong_to_the_default_agent
    projects_never_meet
    sessions_are_listed_newest_first_in_pages
    events_are_listed_in_order_in_pages
    agents_threads_and_logs_are_kept
    an_import_stands_where_its_rows_are
    conversations_come_back_whole
    an_export_has_one_form_of_prompts
    sessions_are_filtered_and_put_in_order
    events_of_all_sessions_are_listed_as_they_arrived
    a_head_lacks_what_is_long
    a_shared_session_is_read_by_both_projects_and_each_has_its_own
    a_deleted_session_is_gone_and_may_begin_anew
    interrupted_are_only_those_that_ran
    tokens_that_nobody_told_are_counted_and_marked
    images_are_kept_once_in_their_session_and_go_with_it
}

pub(crate) fn project() -> ProjectId {
    "p".parse().unwrap()
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn batch(session: &str, mutation: Mutation) -> Batch {
    Batch {
        writes: vec![Write {
            project: project(),
            session: id(session),
            received: at(1_000_000),
            mutation,
        }],
        idempotency_key: None,
        cursor: None,
    }
}

fn put(store: &dyn Backend, session: &str, mutation: Mutation) -> Receipt {
    store
        .submit(batch(session, mutation))
        .unwrap()
        .wait()
        .unwrap()
}

pub(crate) fn created(events: &str) -> Mutation {
    let body = format!("{{\"events\":[{events}]}}");
    let session: SessionId = id("s");
    Mutation::CreateEvents(accept::create_events(body.as_bytes(), &session, at(7_000_000)).unwrap())
}

pub(crate) fn updated(patches: &str) -> Mutation {
    let body = format!("{{\"events\":[{patches}]}}");
    Mutation::UpdateEvents(accept::update_events(body.as_bytes()).unwrap())
}

fn patch(session: &str) -> SessionPatch {
    accept::session(session.as_bytes()).unwrap()
}

fn export(store: &dyn Backend, session: &str) -> Export {
    store
        .export(Some(&project()), &id(session))
        .unwrap()
        .unwrap()
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn events_come_back_letter_by_letter_and_once(store: &dyn Backend) {
    let events = r#"
        {"event_type":"actions","id":"3951ab3c-c346-44f5-ba44-7ce3f548e86e","action_type":"plan",
         "agent_id":"a","parent_id":"x","params":{"b":1.50, "a":[null,"\u00e9"]},"returns":0,
         "logs":"l","screenshot":"shot","init_timestamp":"2024-03-14T12:00:00Z",
         "end_timestamp":"2024-03-14T12:00:01Z"},
        {"event_type":"tools","id":"3951AB3C-C346-44F5-BA44-7CE3F548E86E","name":"search",
         "agent_id":"a","status":"queued","init_timestamp":"2024-03-14T12:00:02Z"},
        {"event_type":"llms","id":"sixteen bytes ok","model":"gpt-4","agent_id":"a",
         "prompt_tokens":9007199254740992,"reasoning_tokens":1,"time_to_first_token":9,
         "thread_id":"t","completion":null,"cost":0.25,"init_timestamp":"2024-03-14T12:00:03Z"},
        {"event_type":"errors","id":"e","agent_id":"a","error_type":"E","code":404,
         "details":{"message":"m"},"trigger_event_id":"x","trigger_event_type":"tools",
         "timestamp":"2024-03-14T12:00:04Z"}"#;
    let Mutation::CreateEvents(told) = created(events) else {
        unreachable!()
    };
    put(store, "s", created(events));
    put(store, "s", created(events));
    let other = r#"{"event_type":"tools","id":"e","name":"not this one"}"#;
    put(store, "s", created(other));
    let export = export(store, "s");
    for (kept, told) in [
        (&export.actions, &told[0]),
        (&export.tools, &told[1]),
        (&export.llms, &told[2]),
        (&export.errors, &told[3]),
    ] {
        assert_eq!(kept.len(), 1);
        assert_eq!(text(&kept[0]), text(told));
    }
    assert_eq!(export.stats.events, 4);
    assert_eq!(export.stats.cost, Some("0.25".parse().unwrap()));
}

fn whatever_comes_first_makes_the_session(store: &dyn Backend) {
    put(store, "logs", Mutation::AppendLogs("x".into()));
    put(
        store,
        "event",
        created(r#"{"event_type":"tools","id":"e"}"#),
    );
    put(
        store,
        "end",
        Mutation::UpdateSession(patch(
            r#"{"end_state":"Success","end_timestamp":"1970-01-01T00:00:09Z"}"#,
        )),
    );
    put(
        store,
        "end",
        Mutation::CreateSession(patch(
            r#"{"init_timestamp":"1970-01-01T00:00:02Z","tags":["t"]}"#,
        )),
    );
    for session in ["logs", "event"] {
        let row = store
            .session(Some(&project()), &id(session))
            .unwrap()
            .unwrap();
        assert_eq!(row.session.init_timestamp, at(1_000_000));
        assert_eq!(row.stats.status, "running");
    }
    let row = store
        .session(Some(&project()), &id("end"))
        .unwrap()
        .unwrap();
    assert_eq!(row.session.init_timestamp, at(2_000_000));
    assert_eq!(row.session.end_state, EndState::Success);
    assert_eq!(
        (row.stats.status.as_str(), row.stats.duration),
        ("ended", 7.0)
    );
    assert!(
        store
            .session(Some(&project()), &id("nobody"))
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .stats(Some(&project()), &id("nobody"))
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .logs(Some(&project()), &id("nobody"))
            .unwrap()
            .is_none()
    );
}

fn updates_merge_null_clears_and_may_come_first(store: &dyn Backend) {
    let create = r#"{"event_type":"llms","id":"e","model":"gpt-4","prompt":"hi","prompt_tokens":150,
        "params":{"a":1},"init_timestamp":"1970-01-01T00:00:01Z"}"#;
    let first = r#"{"id":"e","completion":"ho","completion_tokens":80,"params":null}"#;
    let second = r#"{"id":"e","end_timestamp":"1970-01-01T00:00:03Z"}"#;
    put(store, "after", created(create));
    put(store, "after", updated(first));
    put(store, "after", updated(second));
    put(store, "before", updated(first));
    let stub = export(store, "before");
    assert_eq!(
        stub.llms.len(),
        1,
        "a stub shows as what its fields make it"
    );
    put(store, "before", updated(second));
    put(store, "before", created(create));
    put(store, "before", created(create));
    let (after, before) = (export(store, "after"), export(store, "before"));
    let neutral = |event: &Event| Event {
        agent_id: None,
        ..event.clone()
    };
    assert_eq!(
        text(&neutral(&after.llms[0])),
        text(&neutral(&before.llms[0]))
    );
    let event = &after.llms[0];
    assert_eq!(
        (event.params.clone(), event.status.clone()),
        (None, Status::Ok)
    );
    for export in [&after, &before] {
        assert_eq!(export.stats.events, 1);
        assert_eq!(export.stats.cost.unwrap().to_string(), "0.00930");
        assert_eq!(export.stats.models["gpt-4"].completion_tokens, 80);
        assert_eq!(export.stats.duration, 2.0);
    }
}

fn costs_are_given_found_or_unknown(store: &dyn Backend) {
    let llm = |more: &str| created(&format!("{{\"event_type\":\"llms\",{more}}}"));
    let receipt = put(
        store,
        "s",
        llm(r#""id":"1","model":"gpt-4","prompt_tokens":150,"completion_tokens":80"#),
    );
    assert_eq!(receipt.cost.unwrap().to_string(), "0.00930");
    let receipt = put(store, "s", llm(r#""id":"2","model":"x","cost":0"#));
    assert_eq!(
        receipt.cost.unwrap().to_string(),
        "0.00930",
        "a given 0 is a cost"
    );
    let receipt = put(store, "s", llm(r#""id":"3","model":"x","prompt_tokens":1"#));
    assert_eq!(receipt.cost, None);
    let stats = store.stats(Some(&project()), &id("s")).unwrap().unwrap();
    assert_eq!((stats.cost, stats.unpriced), (None, 1));
    assert_eq!(stats.cost_known.to_string(), "0.00930");
    assert_eq!(stats.models["x"].cost, None);
    assert_eq!(stats.models["gpt-4"].cost.unwrap().to_string(), "0.00930");
    let receipt = put(store, "s", llm(r#""id":"4","model":"gpt-4""#));
    assert_eq!(receipt.cost, None, "no tokens: not known, never 0");
    assert_eq!(
        put(store, "empty", Mutation::CreateSession(patch("{}"))).cost,
        Some(Usd::ZERO)
    );
}

fn a_cost_follows_its_model_and_tokens(store: &dyn Backend) {
    let cost = |receipt: Receipt| receipt.cost.map(|cost| cost.to_string());
    put(
        store,
        "s",
        created(r#"{"event_type":"llms","id":"1","model":"x","prompt_tokens":100}"#),
    );
    let receipt = put(store, "s", updated(r#"{"id":"1","model":"gpt-4"}"#));
    assert_eq!(cost(receipt).as_deref(), Some("0.00300"));
    let receipt = put(store, "s", updated(r#"{"id":"1","completion_tokens":50}"#));
    assert_eq!(cost(receipt).as_deref(), Some("0.00600"));
    let receipt = put(store, "s", updated(r#"{"id":"1","cost":1}"#));
    assert_eq!(cost(receipt).as_deref(), Some("1.00000"));
    let receipt = put(store, "s", updated(r#"{"id":"1","completion_tokens":0}"#));
    assert_eq!(
        cost(receipt).as_deref(),
        Some("1.00000"),
        "a given cost stays"
    );
    let receipt = put(store, "s", updated(r#"{"id":"1","cost":null}"#));
    assert_eq!(cost(receipt).as_deref(), Some("0.00300"));
    let receipt = put(store, "s", updated(r#"{"id":"1","model":null}"#));
    assert_eq!(cost(receipt), None);
    let models = store
        .stats(Some(&project()), &id("s"))
        .unwrap()
        .unwrap()
        .models;
    assert!(models.is_empty(), "{models:?}");
}

fn a_session_ends_the_same_in_any_order(store: &dyn Backend) {
    let create =
        r#"{"init_timestamp":"1970-01-01T00:00:02Z","tags":["a","b"],"host_env":{"OS":{}}}"#;
    let join = r#"{"init_timestamp":"1970-01-01T00:00:05Z","tags":["b","c"],"video":"v"}"#;
    let end =
        r#"{"end_state":"Fail","end_state_reason":"broke","end_timestamp":"1970-01-01T00:00:09Z"}"#;
    let other = r#"{"end_state":"Indeterminate","init_timestamp":"1970-01-01T00:00:04Z"}"#;
    let create = || Mutation::CreateSession(patch(create));
    let join = || Mutation::CreateSession(patch(join));
    let end = || Mutation::UpdateSession(patch(end));
    let other = || Mutation::UpdateSession(patch(other));
    for (name, order) in [
        ("1", [create(), join(), end(), other()]),
        ("2", [end(), create(), other(), join()]),
        ("3", [other(), end(), create(), join()]),
    ] {
        for mutation in order {
            put(store, name, mutation);
        }
        let session = export(store, name).session;
        assert_eq!(session.init_timestamp, at(2_000_000), "{name}");
        assert_eq!(session.end_timestamp, Some(at(9_000_000)), "{name}");
        assert_eq!(session.end_state, EndState::Failure, "{name}");
        assert_eq!(session.end_state_reason.as_deref(), Some("broke"), "{name}");
        assert_eq!(session.tags, ["a", "b", "c"], "{name}");
        assert_eq!(session.video.as_deref(), Some("v"), "{name}");
        assert_eq!(session.host_env.unwrap().get(), r#"{"OS":{}}"#, "{name}");
    }
    let replaced = r#"{"tags":["only"],"dropped":{"hook":2},"host_env":{"CPU":{}}}"#;
    put(store, "1", Mutation::UpdateSession(patch(replaced)));
    let session = export(store, "1").session;
    assert_eq!(
        (session.tags, session.dropped["hook"]),
        (vec!["only".to_owned()], 2)
    );
    assert_eq!(session.host_env.unwrap().get(), r#"{"CPU":{}}"#);
}

fn recovery_ends_at_the_last_event_and_interrupts(store: &dyn Backend) {
    let events = r#"{"event_type":"tools","id":"1","init_timestamp":"1970-01-01T00:00:02Z"},
        {"event_type":"actions","id":"2","init_timestamp":"1970-01-01T00:00:03Z",
         "end_timestamp":"1970-01-01T00:00:04Z"}"#;
    let gone = || Mutation::Recover {
        reason: "process ended".into(),
    };
    put(store, "s", created(events));
    put(store, "s", gone());
    let recovered = export(store, "s");
    assert_eq!(recovered.session.end_timestamp, Some(at(4_000_000)));
    assert_eq!(recovered.session.end_state, EndState::Indeterminate);
    assert_eq!(
        recovered.session.end_state_reason.as_deref(),
        Some("process ended")
    );
    assert_eq!(recovered.tools[0].status, Status::Interrupted);
    assert_eq!(recovered.actions[0].status, Status::Ok);
    let end = r#"{"end_state":"Success","end_timestamp":"1970-01-01T00:00:08Z"}"#;
    put(store, "s", Mutation::UpdateSession(patch(end)));
    put(store, "s", gone());
    let ended = export(store, "s").session;
    assert_eq!(ended.end_timestamp, Some(at(8_000_000)));
    assert_eq!(
        (ended.end_state, ended.end_state_reason),
        (EndState::Success, None)
    );
    put(
        store,
        "s",
        updated(r#"{"id":"1","end_timestamp":"1970-01-01T00:00:05Z"}"#),
    );
    assert_eq!(
        export(store, "s").tools[0].status,
        Status::Ok,
        "it ended after all"
    );
}

fn an_event_after_the_end_reopens_the_duration(store: &dyn Backend) {
    let start = r#"{"init_timestamp":"1970-01-01T00:00:01Z"}"#;
    put(store, "s", Mutation::CreateSession(patch(start)));
    let duration = || {
        store
            .stats(Some(&project()), &id("s"))
            .unwrap()
            .unwrap()
            .duration
    };
    assert_eq!(duration(), 0.0);
    let tool = |end: &str| {
        let from = r#""event_type":"tools","init_timestamp":"1970-01-01T00:00:02Z""#;
        created(&format!(
            r#"{{{from},"id":"{end}","end_timestamp":"1970-01-01T00:00:{end}Z"}}"#
        ))
    };
    put(store, "s", tool("04"));
    assert_eq!(duration(), 3.0);
    let end = r#"{"end_timestamp":"1970-01-01T00:00:06Z"}"#;
    put(store, "s", Mutation::UpdateSession(patch(end)));
    assert_eq!(duration(), 5.0);
    put(store, "s", tool("05"));
    assert_eq!(duration(), 5.0);
    put(store, "s", tool("09"));
    assert_eq!(duration(), 8.0);
    put(
        store,
        "s",
        updated(r#"{"id":"09","end_timestamp":"1970-01-01T00:00:07Z"}"#),
    );
    assert_eq!(duration(), 6.0, "the last event moved back");
}

fn a_repeated_batch_id_changes_nothing(store: &dyn Backend) {
    let keyed = |session: &str, mutation, key: &str| {
        let batch = Batch {
            idempotency_key: Some(key.into()),
            ..batch(session, mutation)
        };
        store.submit(batch).unwrap().wait().unwrap()
    };
    let llm = |number: u8| {
        created(&format!(
            r#"{{"event_type":"llms","id":"{number}","cost":1}}"#
        ))
    };
    let first = keyed("s", llm(1), "k1");
    assert!(!first.repeated);
    put(store, "s", llm(2));
    let again = keyed("s", llm(3), "k1");
    assert!(again.repeated);
    assert_eq!(again.cost, first.cost, "the answer it got the first time");
    assert_eq!(export(store, "s").stats.llms, 2);
    assert!(
        !keyed("other", llm(1), "k1").repeated,
        "keys are scoped by session"
    );
    assert!(!keyed("s", Mutation::AppendLogs("a".into()), "k2").repeated);
    assert!(keyed("s", Mutation::AppendLogs("a".into()), "k2").repeated);
    assert_eq!(
        store.logs(Some(&project()), &id("s")).unwrap().unwrap(),
        "a"
    );
}

fn an_errors_trigger_kind_is_found_in_any_order(store: &dyn Backend) {
    let error = |number: u8, trigger: &str| {
        created(&format!(
            r#"{{"event_type":"errors","id":"e{number}","trigger_event_id":"{trigger}"}}"#
        ))
    };
    put(store, "s", error(1, "t"));
    put(store, "s", created(r#"{"event_type":"tools","id":"t"}"#));
    put(store, "s", error(2, "t"));
    put(store, "s", error(3, "never"));
    let kind = |event: &Event| match &event.body {
        EventBody::Error(error) => error.trigger_event_type,
        _ => panic!("an error"),
    };
    let tool = Some(EventKind::Tool);
    assert_eq!(
        export(store, "s")
            .errors
            .iter()
            .map(kind)
            .collect::<Vec<_>>(),
        [tool, tool, None]
    );
    let page = store
        .events(
            Some(&project()),
            &id("s"),
            &EventFilter {
                kind: Some(EventKind::Error),
                ..EventFilter::default()
            },
            PageSize::MAX,
            None,
        )
        .unwrap()
        .unwrap();
    let kinds: Vec<_> = page.rows.iter().map(|row| kind(&row.event)).collect();
    assert_eq!(kinds, [tool, tool, None]);
}

fn events_without_an_agent_belong_to_the_default_agent(store: &dyn Backend) {
    put(
        store,
        "s",
        created(r#"{"event_type":"tools","id":"1","agent_id":"a"}"#),
    );
    put(
        store,
        "s",
        Mutation::UpsertAgent(Agent {
            id: id("a"),
            name: Some("A".into()),
            logs: None,
        }),
    );
    assert_eq!(export(store, "s").agents.len(), 1, "made on demand only");
    put(store, "s", created(r#"{"event_type":"tools","id":"2"}"#));
    let whole = export(store, "s");
    let agent = &whole.agents[1];
    assert_eq!(agent.name.as_deref(), Some("Default Agent"));
    assert_eq!(agent.id, exported::default_agent_id(&id("s")));
    assert_eq!(whole.tools[1].agent_id.as_ref(), Some(&agent.id));
    let page = store
        .events(
            Some(&project()),
            &id("s"),
            &EventFilter::default(),
            PageSize::MAX,
            None,
        )
        .unwrap()
        .unwrap();
    assert_eq!(page.rows[1].event.agent_id.as_ref(), Some(&agent.id));
}

fn projects_never_meet(store: &dyn Backend) {
    let write = |project: &str, start: &str| {
        let start = format!(r#"{{"init_timestamp":"1970-01-01T00:00:0{start}Z"}}"#);
        let mut batch = batch("s", Mutation::CreateSession(patch(&start)));
        batch.writes[0].project = id(project);
        store.submit(batch).unwrap().wait().unwrap();
    };
    write("p", "5");
    write("q", "8");
    let start = |project: Option<&str>| {
        let project = project.map(id::<ProjectId>);
        let row = store.session(project.as_ref(), &id("s")).unwrap();
        row.map(|row| row.session.init_timestamp.as_micros() / 1_000_000)
    };
    assert_eq!((start(Some("p")), start(Some("q"))), (Some(5), Some(8)));
    assert_eq!((start(Some("r")), start(None)), (None, Some(8)));
    let listed = |project: Option<&str>| {
        let project = project.map(id::<ProjectId>);
        let filter = SessionFilter::default();
        store
            .sessions(project.as_ref(), &filter, PageSize::MAX, None)
            .unwrap()
            .rows
            .len()
    };
    assert_eq!(
        (listed(Some("p")), listed(Some("r")), listed(None)),
        (1, 0, 2)
    );
}

fn sessions_are_listed_newest_first_in_pages(store: &dyn Backend) {
    for number in 0..7 {
        let start = format!(
            r#"{{"init_timestamp":"1970-01-01T00:00:0{}Z","tags":["t{}"]}}"#,
            number / 2,
            number % 2
        );
        put(
            store,
            &format!("s{number}"),
            Mutation::CreateSession(patch(&start)),
        );
    }
    put(
        store,
        "s3",
        created(r#"{"event_type":"errors","id":"e","error_type":"E"}"#),
    );
    put(
        store,
        "s4",
        created(r#"{"event_type":"actions","id":"e","action_type":"plan"}"#),
    );
    put(
        store,
        "s5",
        Mutation::UpdateSession(patch(r#"{"end_state":"Fail"}"#)),
    );
    let list = |filter: &SessionFilter| {
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let size = PageSize::new(3).unwrap();
            let page = store
                .sessions(Some(&project()), filter, size, cursor.as_ref())
                .unwrap();
            names.extend(page.rows.into_iter().map(|row| {
                assert!(row.session.host_env.is_none());
                (row.session.id.to_string(), row.first_name)
            }));
            cursor = page.next;
            if cursor.is_none() {
                return names;
            }
        }
    };
    let names = |filter: &SessionFilter| -> String {
        list(filter)
            .into_iter()
            .map(|(name, _)| name + " ")
            .collect()
    };
    let all = SessionFilter::default;
    assert_eq!(names(&all()), "s6 s5 s4 s3 s2 s1 s0 ");
    assert_eq!(
        names(&SessionFilter {
            tag: Some("t1".into()),
            ..all()
        }),
        "s5 s3 s1 "
    );
    assert_eq!(
        names(&SessionFilter {
            end_state: Some(EndState::Failure),
            ..all()
        }),
        "s5 "
    );
    assert_eq!(
        names(&SessionFilter {
            with_errors: true,
            ..all()
        }),
        "s3 "
    );
    let some = SessionFilter {
        from: Some(at(1_000_000)),
        to: Some(at(2_000_000)),
        ..all()
    };
    assert_eq!(names(&some), "s3 s2 ");
    let first: Vec<_> = list(&all())
        .into_iter()
        .filter_map(|(_, first)| first)
        .collect();
    assert_eq!(first, ["plan", "E"]);
    for cursor in ["", "s.1", "e.1.2.3", "nonsense"] {
        let cursor = Cursor(cursor.into());
        assert!(
            store
                .sessions(None, &all(), PageSize::MAX, Some(&cursor))
                .is_err()
        );
    }
}

fn events_are_listed_in_order_in_pages(store: &dyn Backend) {
    for number in 0..10 {
        let kind = if number % 3 == 0 { "llms" } else { "tools" };
        put(
            store,
            "s",
            created(&format!(
                r#"{{"event_type":"{kind}","id":"{number}","init_timestamp":"1970-01-01T00:00:0{}Z"}}"#,
                (9 - number) / 2
            )),
        );
    }
    let list = |kind: Option<EventKind>| {
        let (mut rows, mut cursor) = (String::new(), None);
        loop {
            let size = PageSize::new(3).unwrap();
            let filter = EventFilter {
                kind,
                ..EventFilter::default()
            };
            let page = store
                .events(Some(&project()), &id("s"), &filter, size, cursor.as_ref())
                .unwrap()
                .unwrap();
            for row in &page.rows {
                rows += &format!("{}={} ", row.index, row.event.id);
            }
            cursor = page.next;
            if cursor.is_none() {
                return rows;
            }
        }
    };
    assert_eq!(list(None), "0=8 1=9 2=6 3=7 4=4 5=5 6=2 7=3 8=0 9=1 ");
    assert_eq!(list(Some(EventKind::Llm)), "1=9 2=6 7=3 8=0 ");
    assert_eq!(list(Some(EventKind::Error)), "");
    let export = export(store, "s");
    let order: String = export.tools.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(order, "874521");
    let (all, size) = (EventFilter::default(), PageSize::MAX);
    assert!(
        store
            .events(None, &id("nobody"), &all, size, None)
            .unwrap()
            .is_none()
    );
    let cursor = Cursor("s.1.2".into());
    assert!(
        store
            .events(None, &id("s"), &all, size, Some(&cursor))
            .is_err()
    );
}

fn agents_threads_and_logs_are_kept(store: &dyn Backend) {
    let agent = |name: &str, by: Option<&str>| {
        Mutation::UpsertAgent(Agent {
            id: id(name),
            name: by.map(str::to_owned),
            logs: None,
        })
    };
    let thread = |name: &str, by: Option<&str>| {
        Mutation::UpsertThread(Thread {
            id: id(name),
            agent_id: by.map(id),
        })
    };
    for mutation in [
        agent("b", Some("B")),
        agent("a", None),
        agent("b", Some("C")),
        agent("b", None),
    ] {
        put(store, "s", mutation);
    }
    for mutation in [thread("t", None), thread("t", Some("a")), thread("t", None)] {
        put(store, "s", mutation);
    }
    let long = "ü line\n".repeat(200);
    put(store, "s", Mutation::AppendLogs("first\n".into()));
    put(store, "s", Mutation::AppendLogs(long.clone()));
    let whole = export(store, "s");
    let agents: Vec<_> = whole
        .agents
        .iter()
        .map(|agent| (agent.id.as_str(), agent.name.as_deref()))
        .collect();
    assert_eq!(agents, [("b", Some("C")), ("a", None)]);
    let listed = store.agents(None, &whole.session.id).unwrap().unwrap();
    assert_eq!(listed, whole.agents);
    assert_eq!(
        store.agents(None, &"nobody".parse().unwrap()).unwrap(),
        None
    );
    assert_eq!(
        whole.threads,
        [Thread {
            id: id("t"),
            agent_id: Some(id("a"))
        }]
    );
    let logs = store.logs(Some(&project()), &id("s")).unwrap().unwrap();
    assert_eq!(logs, format!("first\n{long}"));
    put(store, "quiet", Mutation::CreateSession(patch("{}")));
    assert_eq!(
        store.logs(Some(&project()), &id("quiet")).unwrap().unwrap(),
        ""
    );
}

fn an_import_stands_where_its_rows_are(store: &dyn Backend) {
    let cursor = |offset| ImportCursor {
        directory: "d".into(),
        segment: 1,
        offset,
    };
    assert_eq!(store.import_cursor("d").unwrap(), None);
    for offset in [5, 9] {
        let log = Mutation::AppendLogs("x".into());
        let batch = Batch {
            cursor: Some(cursor(offset)),
            ..batch("s", log)
        };
        store.submit(batch).unwrap().wait().unwrap();
        assert_eq!(store.import_cursor("d").unwrap(), Some(cursor(offset)));
    }
    let empty = Batch {
        writes: Vec::new(),
        idempotency_key: None,
        cursor: Some(cursor(12)),
    };
    assert_eq!(store.submit(empty).unwrap().wait().unwrap().cost, None);
    assert_eq!(store.import_cursor("d").unwrap(), Some(cursor(12)));
    assert_eq!(store.import_cursor("other").unwrap(), None);
}

fn conversations_come_back_whole(store: &dyn Backend) {
    let message = |turn: usize| {
        format!(
            r#"{{"role": "user","content":"turn {turn} {}"}}"#,
            "word ".repeat(30)
        )
    };
    let prompt = |turns: usize| {
        let messages: Vec<String> = (0..turns).map(message).collect();
        format!("[{}]", messages.join(", "))
    };
    for turns in 1..12 {
        let prompt = prompt(turns);
        put(
            store,
            "s",
            created(&format!(
                r#"{{"event_type":"llms","id":"{turns}","prompt":{prompt},"init_timestamp":"1970-01-01T00:00:{turns:02}Z"}}"#
            )),
        );
    }
    put(store, "s", updated(r#"{"id":"5","completion":"changed"}"#));
    let page = store
        .events(
            Some(&project()),
            &id("s"),
            &EventFilter::default(),
            PageSize::MAX,
            None,
        )
        .unwrap()
        .unwrap();
    assert_eq!(page.rows.len(), 11);
    for (turns, row) in (1..).zip(&page.rows) {
        let EventBody::Llm(llm) = &row.event.body else {
            panic!("an LLM call")
        };
        assert_eq!(llm.prompt.as_ref().unwrap().get(), prompt(turns));
    }
}

fn an_export_has_one_form_of_prompts(store: &dyn Backend) {
    put(
        store,
        "s",
        created(
            r#"{"event_type":"llms","id":"e","prompt":"hi","completion":{"role":"assistant"}}"#,
        ),
    );
    let export = export(store, "s");
    let EventBody::Llm(llm) = &export.llms[0].body else {
        panic!("an LLM call")
    };
    assert_eq!(
        llm.prompt.as_ref().unwrap().get(),
        r#"{"type":"string","string":"hi"}"#
    );
    let completion = r#"{"type":"chatml","messages":{"role":"assistant"}}"#;
    assert_eq!(llm.completion.as_ref().unwrap().get(), completion);
}

fn ids_listed(store: &dyn Backend, filter: &SessionFilter) -> String {
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let size = PageSize::new(2).unwrap();
        let page = store.sessions(Some(&project()), filter, size, cursor.as_ref());
        let page = page.unwrap();
        names.extend(page.rows.iter().map(|row| row.session.id.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            return names.join(" ");
        }
    }
}

fn sessions_are_filtered_and_put_in_order(store: &dyn Backend) {
    for (number, (body, events)) in [
        (r#"{"init_timestamp":"1970-01-01T00:00:10Z","end_timestamp":"1970-01-01T00:00:40Z","end_state":"Success","tags":["Über-Tag"]}"#,
         r#"{"event_type":"llms","id":"a","model":"gpt-4","prompt_tokens":10,"completion_tokens":10,"init_timestamp":"1970-01-01T00:00:11Z"}"#),
        (r#"{"init_timestamp":"1970-01-01T00:00:20Z","tags":["100%_\"'"],"end_state_reason":"Disk FULL"}"#,
         r#"{"event_type":"errors","id":"a","timestamp":"1970-01-01T00:00:25Z"}"#),
        (r#"{"init_timestamp":"1970-01-01T00:00:30Z","end_timestamp":"1970-01-01T00:00:31Z"}"#,
         r#"{"event_type":"llms","id":"a","model":"other","prompt_tokens":500,"cost":2,"init_timestamp":"1970-01-01T00:00:30Z"}"#),
    ].into_iter().enumerate() {
        let session = format!("S{number}");
        put(store, &session, Mutation::CreateSession(patch(body)));
        put(store, &session, created(events));
    }
    put(
        store,
        "S1",
        Mutation::UpsertAgent(Agent {
            id: id("a-1"),
            name: Some("Researcher".into()),
            logs: None,
        }),
    );
    let check = |change: &dyn Fn(&mut SessionFilter), expected: &str| {
        let mut filter = SessionFilter::default();
        change(&mut filter);
        assert_eq!(ids_listed(store, &filter), expected, "{filter:?}");
    };
    for (text, expected) in [
        ("s", "S2 S1 S0"),
        ("tag", "S0"),
        ("disk full", "S1"),
        ("%", "S1"),
        ("_\"'", "S1"),
        ("' OR 1=1 --", ""),
        ("*", ""),
    ] {
        check(&|filter| filter.text = Some(text.to_owned()), expected);
    }
    check(&|filter| filter.running = Some(true), "S1");
    check(&|filter| filter.running = Some(false), "S2 S0");
    for agent in ["a-1", "Researcher"] {
        check(&|filter| filter.agent = Some(agent.to_owned()), "S1");
    }
    check(&|filter| filter.agent = Some("researcher".to_owned()), "");
    check(&|filter| filter.model = Some("gpt-4".to_owned()), "S0");
    check(&|filter| filter.micros = (Some(5_000_000), None), "S1 S0");
    check(&|filter| filter.micros = (None, Some(5_000_000)), "S2 S1");
    check(
        &|filter| filter.cost = (Some(Usd::from_picos(1)), None),
        "S2 S0",
    );
    check(&|filter| filter.cost = (None, Some(Usd::ZERO)), "S1");
    for (by, expected) in [
        (SessionSort::Start, "S2 S1 S0"),
        (SessionSort::Duration, "S0 S1 S2"),
        (SessionSort::Cost, "S2 S0 S1"),
        (SessionSort::Errors, "S1 S2 S0"),
        (SessionSort::Tokens, "S2 S0 S1"),
    ] {
        let ascending = false;
        check(
            &|filter| filter.order = SessionOrder { by, ascending },
            expected,
        );
        let mut other: Vec<_> = expected.split(' ').collect();
        other.reverse();
        let ascending = true;
        check(
            &|filter| filter.order = SessionOrder { by, ascending },
            &other.join(" "),
        );
    }
}

fn events_of_all_sessions_are_listed_as_they_arrived(store: &dyn Backend) {
    for number in 0..6 {
        let kind = if number % 2 == 0 { "llms" } else { "tools" };
        let status = if number > 3 { "error" } else { "ok" };
        put(
            store,
            &format!("s{}", number % 3),
            created(&format!(
                r#"{{"event_type":"{kind}","id":"{number}","model":"m","name":"t{number}","status":"{status}",
                    "init_timestamp":"1970-01-01T00:00:0{}Z"}}"#,
                9 - number
            )),
        );
    }
    let mut elsewhere = batch(
        "s0",
        created(r#"{"event_type":"tools","id":"x","name":"t1"}"#),
    );
    elsewhere.writes[0].project = id("q");
    store.submit(elsewhere).unwrap().wait().unwrap();
    let list = |change: &dyn Fn(&mut EventFilter)| {
        let mut filter = EventFilter::default();
        change(&mut filter);
        let (mut found, mut cursor) = (String::new(), None);
        loop {
            let size = PageSize::new(2).unwrap();
            let page = store.found(Some(&project()), &filter, size, cursor.as_ref());
            let page = page.unwrap();
            for row in page.rows {
                assert_eq!(row.project, project());
                found += &format!("{}:{} ", row.session, row.event.id);
            }
            cursor = page.next;
            if cursor.is_none() {
                return found;
            }
        }
    };
    assert_eq!(list(&|_| {}), "s2:5 s1:4 s0:3 s2:2 s1:1 s0:0 ");
    assert_eq!(list(&|f| f.kind = Some(EventKind::Llm)), "s1:4 s2:2 s0:0 ");
    assert_eq!(list(&|f| f.name = Some("m".into())), "s1:4 s2:2 s0:0 ");
    assert_eq!(list(&|f| f.name = Some("t1".into())), "s1:1 ");
    assert_eq!(list(&|f| f.name = Some("nobody".into())), "");
    assert_eq!(list(&|f| f.failed = true), "s2:5 s1:4 ");
    assert_eq!(list(&|f| f.from = Some(at(8_000_000))), "s1:1 s0:0 ");
    assert_eq!(list(&|f| f.to = Some(at(6_000_000))), "s2:5 s1:4 ");
    let all = store.found(None, &EventFilter::default(), PageSize::MAX, None);
    assert_eq!(all.unwrap().rows.len(), 7);
    let cursor = Cursor("s.1.2".into());
    let other_list = store.found(None, &EventFilter::default(), PageSize::MAX, Some(&cursor));
    assert!(other_list.is_err());
}

fn a_head_lacks_what_is_long(store: &dyn Backend) {
    put(
        store,
        "s",
        created(
            r#"{"event_type":"llms","id":"l","model":"gpt-4","prompt":"hi","completion":"ho","prompt_tokens":1,"params":{"a":1}},
               {"event_type":"errors","id":"e","details":"broken"},
               {"event_type":"tools","id":"t","name":"search","params":{"a":1},"returns":2,"status":"queued"}"#,
        ),
    );
    let filter = EventFilter {
        heads_only: true,
        ..EventFilter::default()
    };
    let page = store.events(None, &id("s"), &filter, PageSize::MAX, None);
    let rows = page.unwrap().unwrap().rows;
    let of = |wanted: &str| {
        let mut rows = rows.iter();
        &rows
            .find(|row| row.event.id.as_str() == wanted)
            .unwrap()
            .event
    };
    let EventBody::Llm(llm) = &of("l").body else {
        panic!("it is a call");
    };
    assert_eq!(
        (&llm.prompt, &llm.completion, llm.usage.prompt),
        (&None, &None, Some(1))
    );
    assert_eq!(
        (of("l").params.as_ref(), of("l").name()),
        (None, Some("gpt-4"))
    );
    assert!(
        text(of("e")).contains("broken"),
        "an error says what is wrong"
    );
    assert_eq!(of("t").status, Status::Unknown("queued".into()));
    let whole = store.event(None, &id("s"), &id("l")).unwrap().unwrap();
    assert!(text(&whole).contains("\"ho\""));
    for (session, event) in [("s", "nobody"), ("nobody", "l")] {
        assert!(
            store
                .event(None, &id(session), &id(event))
                .unwrap()
                .is_none()
        );
    }
}

fn a_shared_session_is_read_by_both_projects_and_each_has_its_own(store: &dyn Backend) {
    put(
        store,
        "s",
        created(r#"{"event_type":"tools","id":"t","name":"n"}"#),
    );
    let parent: ProjectId = id("parent");
    let stats = |project: &str| store.stats(Some(&id(project)), &id("s")).unwrap();
    assert!(stats("parent").is_none());
    put(store, "s", Mutation::Share(parent.clone()));
    put(store, "s", Mutation::Share(parent.clone()));
    put(store, "s", Mutation::Share(project()));
    assert_eq!(stats("parent").unwrap().tools, 1);
    assert!(stats("stranger").is_none());
    let row = store.session(Some(&parent), &id("s")).unwrap().unwrap();
    assert_eq!(row.session.project_id, project().to_string());
    let listed = |project: &ProjectId| {
        let filter = SessionFilter::default();
        let page = store.sessions(Some(project), &filter, PageSize::MAX, None);
        page.unwrap().rows.len()
    };
    assert_eq!(
        (listed(&parent), listed(&project()), listed(&id("stranger"))),
        (1, 1, 0)
    );
    let found = |project: &ProjectId| {
        let filter = EventFilter::default();
        let page = store.found(Some(project), &filter, PageSize::MAX, None);
        page.unwrap().rows.len()
    };
    assert_eq!((found(&parent), found(&id("stranger"))), (1, 0));
    // A session of its own under the same id comes first.
    let mut own = batch("s", Mutation::AppendLogs("own".into()));
    own.writes[0].project = parent.clone();
    store.submit(own).unwrap().wait().unwrap();
    assert_eq!(store.logs(Some(&parent), &id("s")).unwrap().unwrap(), "own");
    assert_eq!(listed(&parent), 2);
}

fn a_deleted_session_is_gone_and_may_begin_anew(store: &dyn Backend) {
    let events: Vec<String> = (0..1_200)
        .map(|number| format!(r#"{{"event_type":"tools","id":"{number}","name":"n"}}"#))
        .collect();
    put(store, "s", created(&events.join(",")));
    put(store, "s", Mutation::AppendLogs("log".into()));
    put(store, "s", Mutation::Share(id("parent")));
    put(store, "other", created(&events[0]));
    put(store, "s", Mutation::Delete);
    for project in [project(), id("parent")] {
        assert!(store.session(Some(&project), &id("s")).unwrap().is_none());
        assert!(store.export(Some(&project), &id("s")).unwrap().is_none());
    }
    let found = || {
        let filter = EventFilter::default();
        let page = store.found(None, &filter, PageSize::MAX, None);
        page.unwrap().rows.len()
    };
    assert_eq!(found(), 1);
    // The same id begins anew, while the old rows may still be there.
    put(store, "s", created(&events[0]));
    let export = || export(store, "s");
    assert_eq!((export().tools.len(), export().stats.tools), (1, 1));
    store.settle();
    assert_eq!((export().tools.len(), found()), (1, 2));
    assert_eq!(store.logs(None, &id("s")).unwrap().unwrap(), "");
    put(store, "nobody", Mutation::Delete);
    assert!(store.session(None, &id("nobody")).unwrap().is_none());
}

fn interrupted_are_only_those_that_ran(store: &dyn Backend) {
    put(
        store,
        "s",
        created(
            r#"{"event_type":"tools","id":"runs","status":"running"},{"event_type":"tools","id":"other","status":"running"},
               {"event_type":"tools","id":"done","status":"ok","end_timestamp":"1970-01-01T00:00:09Z"}"#,
        ),
    );
    put(
        store,
        "s",
        Mutation::Interrupt(vec![id("runs"), id("done"), id("nobody")]),
    );
    put(store, "ghost", Mutation::Interrupt(vec![id("runs")]));
    let statuses: Vec<String> = export(store, "s")
        .tools
        .iter()
        .map(|event| format!("{}={}", event.id, event.status.as_str()))
        .collect();
    let mut statuses = statuses;
    statuses.sort();
    assert_eq!(statuses, ["done=ok", "other=running", "runs=interrupted"]);
    assert!(store.session(None, &id("ghost")).unwrap().is_none());
}

fn images_are_kept_once_in_their_session_and_go_with_it(store: &dyn Backend) {
    let image = |last: u8| Image::of([&b"\xff\xd8\xff"[..], &[last]].concat()).unwrap();
    let (first, second) = (image(1), image(2));
    put(
        store,
        "s",
        Mutation::KeepImages(vec![first.clone(), second.clone()]),
    );
    put(store, "s", Mutation::KeepImages(vec![first.clone()]));
    put(store, "other", Mutation::KeepImages(vec![second.clone()]));
    let find = |project: &str, session: &str, image: &Image| {
        let name = image.name();
        store
            .image(Some(&id(project)), &id(session), &name)
            .unwrap()
    };
    assert_eq!(find("p", "s", &first), Some(first.clone()));
    assert_eq!(find("p", "s", &second), Some(second.clone()));
    assert_eq!(find("p", "other", &first), None, "it is another session's");
    assert_eq!(find("q", "s", &first), None, "it is another project's");
    put(store, "s", Mutation::Delete);
    store.settle();
    assert_eq!(find("p", "s", &first), None);
    assert_eq!(find("p", "other", &second), Some(second));
}

fn tokens_that_nobody_told_are_counted_and_marked(store: &dyn Backend) {
    let body = br#"{"events":[
        {"id":"both","event_type":"llms","model":"gpt-4","prompt":"p","completion":"c","end_timestamp":"2024-03-14T12:00:01Z"},
        {"id":"one","event_type":"llms","model":"gpt-4","prompt":"p","completion":"c","prompt_tokens":7,"end_timestamp":"2024-03-14T12:00:01Z"},
        {"id":"told","event_type":"llms","model":"gpt-4","prompt":"p","completion":"c","prompt_tokens":7,"completion_tokens":7,"end_timestamp":"2024-03-14T12:00:01Z"},
        {"id":"running","event_type":"llms","model":"gpt-4","prompt":"p"},
        {"id":"empty","event_type":"llms","model":"gpt-4","end_timestamp":"2024-03-14T12:00:01Z"}]}"#;
    let events = accept::create_events(body, &id("s"), at(5)).unwrap();
    put(store, "s", Mutation::CreateEvents(events));
    let waiting = |of: Option<(&ProjectId, &SessionId)>| {
        let found = store.uncounted(of, 10).unwrap();
        let mut ids: Vec<String> = found
            .iter()
            .map(|found| found.event.id.to_string())
            .collect();
        ids.sort();
        ids.join(" ")
    };
    assert_eq!(waiting(None), "both one");
    assert_eq!(waiting(Some((&project(), &id("s")))), "both one");
    assert_eq!(waiting(Some((&id("q"), &id("s")))), "", "another project's");
    let count = |event: &str| TokenCount {
        event: id(event),
        prompt: Some(100),
        completion: Some(10),
    };
    // What does not wait for a count is not changed by one.
    let counts = vec![count("both"), count("one"), count("told"), count("nowhere")];
    put(store, "s", Mutation::CountTokens(counts));
    assert_eq!(waiting(None), "");
    let shown = |wanted: &str| {
        let export = store.export(Some(&project()), &id("s")).unwrap().unwrap();
        let event = export
            .llms
            .into_iter()
            .find(|event| event.id.as_str() == wanted);
        let EventBody::Llm(llm) = event.unwrap().body else {
            panic!("it is a call")
        };
        (
            llm.usage.prompt,
            llm.usage.completion,
            llm.tokens_estimated,
            llm.cost,
        )
    };
    let cost = |micros: i64| Some(Usd::from_picos(micros * 1_000_000));
    assert_eq!(shown("both"), (Some(100), Some(10), true, cost(3_600)));
    assert_eq!(shown("one"), (Some(7), Some(10), true, cost(810)));
    assert_eq!(shown("told"), (Some(7), Some(7), false, cost(630)));
    let stats = store.stats(Some(&project()), &id("s")).unwrap().unwrap();
    assert_eq!((stats.prompt_tokens, stats.completion_tokens), (114, 27));
    put(store, "s", Mutation::Reprice);
    assert_eq!(shown("both"), (Some(100), Some(10), true, cost(3_600)));
    // What a client tells later wins; what it changes is counted anew.
    let body = br#"{"events":[{"id":"both","prompt_tokens":3},{"id":"one","completion":"more"}]}"#;
    put(
        store,
        "s",
        Mutation::UpdateEvents(accept::update_events(body).unwrap()),
    );
    assert_eq!(shown("both"), (Some(3), None, false, cost(90)));
    assert_eq!(waiting(None), "both one");
    put(
        store,
        "s",
        Mutation::CountTokens(vec![TokenCount {
            event: id("one"),
            prompt: None,
            completion: None,
        }]),
    );
    assert_eq!(waiting(None), "both", "there was nothing to count");
    put(store, "s", Mutation::Delete);
    store.settle();
    assert_eq!(waiting(None), "");
}
