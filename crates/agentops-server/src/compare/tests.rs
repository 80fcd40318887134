use agentops_protocol::api::{ExportedSession, Stats};
use agentops_protocol::{Agent, EndState, EventId, EventKind, Json, Status};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A call and what happens inside it.
#[derive(Debug, Clone, PartialEq)]
struct Call {
    name: String,
    argument: u8,
    returns: u8,
    inside: Vec<Call>,
}

fn call(name: &str, argument: u8, inside: &[Call]) -> Call {
    Call {
        name: name.to_owned(),
        argument,
        returns: 0,
        inside: inside.to_vec(),
    }
}

fn kind(name: &str) -> EventKind {
    match name.as_bytes().first() {
        Some(b't') => EventKind::Tool,
        Some(b'l') => EventKind::Llm,
        _ => EventKind::Action,
    }
}

/// A session that made these calls, with ids and times of its own.
fn session(run: &str, calls: &[Call]) -> Export {
    let mut events = Vec::new();
    let mut waiting: Vec<(&Call, Option<EventId>)> =
        calls.iter().rev().map(|call| (call, None)).collect();
    while let Some((call, parent)) = waiting.pop() {
        let at = events.len() as i64;
        let id: EventId = format!("{run}-{at}").parse().unwrap();
        let start = Timestamp::from_micros(1_000 * at + run.len() as i64);
        let mut event = Event::started(id.clone(), kind(&call.name), start);
        event.parent_id = parent;
        event.end_timestamp = Some(Timestamp::from_micros(1_000 * at + 900));
        event.status = Status::Ok;
        event.agent_id = Some(format!("{run}-agent").parse().unwrap());
        event.returns = Some(Json::from(json!({"value": call.returns})));
        let argument = Json::from(json!({"x": call.argument, "same": [1, {"deep": null}]}));
        match &mut event.body {
            EventBody::Action(action) => action.action_type = Some(call.name.clone()),
            EventBody::Tool(tool) => tool.name = Some(call.name.clone()),
            EventBody::Llm(llm) => {
                llm.model = Some(call.name.clone());
                llm.prompt = Some(argument.clone());
            }
            EventBody::Error(_) => {}
        }
        event.params = Some(argument);
        events.push(event);
        let inside = call.inside.iter().rev();
        waiting.extend(inside.map(|call| (call, Some(id.clone()))));
    }
    export(run, events)
}

fn export(run: &str, events: Vec<Event>) -> Export {
    let id: agentops_protocol::SessionId = run.parse().unwrap();
    let mut export = Export {
        session: ExportedSession {
            id: id.clone(),
            session_id: id,
            project_id: "p".to_owned(),
            init_timestamp: Timestamp::from_micros(0),
            end_timestamp: None,
            end_state: EndState::Success,
            end_state_reason: None,
            tags: Vec::new(),
            host_env: None,
            video: None,
            dropped: Default::default(),
        },
        actions: Vec::new(),
        llms: Vec::new(),
        tools: Vec::new(),
        errors: Vec::new(),
        agents: vec![Agent {
            id: format!("{run}-agent").parse().unwrap(),
            name: Some("Agent".to_owned()),
            logs: None,
        }],
        threads: Vec::new(),
        stats: Stats::default(),
    };
    for event in events {
        let list = match event.kind() {
            EventKind::Action => &mut export.actions,
            EventKind::Llm => &mut export.llms,
            EventKind::Tool => &mut export.tools,
            EventKind::Error => &mut export.errors,
        };
        list.push(event);
    }
    export
}

fn compared(a: &[Call], b: &[Call]) -> Comparison {
    compare(&session("a", a), &session("bb", b)).unwrap()
}

/// The rows as `name`, `name!` when it differs, `-name` and `+name` when one side lacks it, a
/// dot a level, `*` at the first divergence.
fn drawn(comparison: &Comparison) -> String {
    let rows = comparison.rows.iter().enumerate().map(|(at, row)| {
        let name = |step: &Option<Step>| step.as_ref().and_then(|step| step.name.clone());
        let words: Vec<String> = row.differs.iter().map(|part| format!("{part:?}")).collect();
        let (sign, name) = match (name(&row.a), name(&row.b)) {
            (Some(a), None) => ("-", a),
            (None, b) => ("+", b.unwrap_or_default()),
            (Some(a), Some(_)) => ("", a),
        };
        let star = if comparison.first_divergence == Some(at) {
            "*"
        } else {
            ""
        };
        let dots = ".".repeat(row.depth);
        let words = if words.is_empty() {
            String::new()
        } else {
            format!("!{}", words.join("!"))
        };
        format!("{dots}{sign}{name}{words}{star}")
    });
    rows.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_call_put_in_or_left_out_moves_nothing_else() {
    let steps = |arguments: &[u8]| -> Vec<Call> {
        arguments.iter().map(|x| call("tool", *x, &[])).collect()
    };
    let drawn = |a: &[u8], b: &[u8]| drawn(&compared(&steps(a), &steps(b)));
    assert_eq!(drawn(&[1, 2, 3], &[1, 2, 3]), "tool tool tool");
    assert_eq!(drawn(&[1, 2, 3], &[9, 1, 2, 3]), "+tool* tool tool tool");
    assert_eq!(drawn(&[1, 2, 3], &[1, 3]), "tool -tool* tool");
    assert_eq!(drawn(&[1, 2, 3], &[1, 7, 3]), "tool tool!Arguments* tool");
    assert_eq!(drawn(&[1, 2], &[2, 1]), "tool!Order* tool");
    assert_eq!(drawn(&[], &[1]), "+tool*");
    assert_eq!(drawn(&[], &[]), "");
}

#[test]
fn calls_of_other_names_are_other_calls_and_models_are_not() {
    let at = |name: &str| [call("plan", 0, &[call(name, 1, &[])])];
    let found = compared(&at("tool one"), &at("tool two"));
    assert_eq!(drawn(&found), "plan .-tool one* .+tool two");
    let found = compared(&at("llm 4"), &at("llm 4o"));
    assert_eq!(drawn(&found), "plan .llm 4!Model*");
    let told = &found.rows[1].differences[0];
    assert_eq!(
        (told.path.as_str(), told.b.as_deref()),
        ("model", Some("\"llm 4o\""))
    );
}

#[test]
fn a_result_counts_after_what_led_to_it() {
    let at = |returns: u8| {
        let mut tool = call("tool", 1, &[]);
        tool.returns = returns;
        let mut plan = call("plan", 0, &[call("step", 0, &[tool])]);
        plan.returns = returns;
        [plan, call("done", returns, &[])]
    };
    let found = compared(&at(0), &at(1));
    assert_eq!(
        drawn(&found),
        "plan!Result .step ..tool!Result* done!Arguments"
    );
    let Counts {
        same,
        changed,
        only_a,
        only_b,
    } = found.rows_by;
    assert_eq!((same, changed, only_a, only_b), (1, 3, 0, 0));
    let told = &found.rows[2].differences;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].path, "returns/value");
    assert_eq!(
        (told[0].a.as_deref(), told[0].b.as_deref()),
        (Some("0"), Some("1"))
    );
    // What is the same and leads to no difference is left out; what is above one stays.
    let mut more = at(1).to_vec();
    more.insert(0, call("before", 0, &[call("tool", 0, &[])]));
    let mut all = at(0).to_vec();
    all.insert(0, call("before", 0, &[call("tool", 0, &[])]));
    let found = compared(&all, &more).changed_only();
    assert_eq!(
        drawn(&found),
        "plan!Result .step ..tool!Result* done!Arguments"
    );
    assert_eq!(found.rows[2].parent, Some(1));
}

#[test]
fn the_order_of_calls_that_run_together_is_chance() {
    let both = |run: &str, order: [u8; 2], length: i64| {
        let mut made = session(run, &order.map(|x| call("tool", x, &[])));
        for tool in &mut made.tools {
            let start = tool.init_timestamp.as_micros();
            tool.end_timestamp = Some(Timestamp::from_micros(start + length));
        }
        made
    };
    let found = compare(&both("a", [1, 2], 5_000), &both("b", [2, 1], 5_000)).unwrap();
    assert_eq!(found.first_divergence, None, "{}", drawn(&found));
    // In one of the two they ran one after the other.
    let found = compare(&both("a", [1, 2], 5_000), &both("b", [2, 1], 500)).unwrap();
    assert_eq!(drawn(&found), "tool!Order* tool");
}

#[test]
fn agents_are_known_by_name_and_errors_by_what_they_say() {
    let made = |run: &str, agent: &str, message: &str| {
        let mut made = session(run, &[call("tool", 1, &[])]);
        made.agents[0].name = Some(agent.to_owned());
        let id = format!("{run}-error").parse().unwrap();
        let mut event = Event::started(id, EventKind::Error, Timestamp::from_micros(5));
        event.status = Status::Error;
        event.body = EventBody::Error(agentops_protocol::ErrorInfo {
            trigger_event_id: Some(made.tools[0].id.clone()),
            error_type: Some("Timeout".to_owned()),
            details: Some(Json::from(json!({"message": message}))),
            ..Default::default()
        });
        made.errors.push(event);
        made
    };
    let found = compare(&made("a", "Ada", "slow"), &made("b", "Ada", "slow")).unwrap();
    assert_eq!(drawn(&found), "tool .Timeout");
    let found = compare(&made("a", "Ada", "slow"), &made("b", "Bob", "dead")).unwrap();
    assert_eq!(drawn(&found), "tool!Agent* .Timeout!Result");
    assert_eq!(found.rows[1].differences[0].path, "details/message");
}

#[test]
fn long_values_are_told_where_they_differ() {
    let with = |end: &str| {
        let mut made = session("a", &[call("tool", 1, &[])]);
        let text = "é".repeat(1_000_000) + end;
        let members: Vec<_> = (0..100).map(|n| json!({ "n": n, "end": end })).collect();
        made.tools[0].returns = Some(Json::from(json!({"a/b~c": text, "members": members})));
        made
    };
    let found = compare(&with("yes"), &with("no")).unwrap();
    let told = &found.rows[0].differences;
    assert_eq!(told.len(), 12, "bounded");
    assert_eq!(told[0].path, "returns/a~1b~0c");
    let expected = format!("\"…{}yes\"", "é".repeat(40));
    assert_eq!(told[0].a.as_deref(), Some(expected.as_str()));
    assert_eq!(told[1].path, "returns/members/0/end");
}

#[test]
fn fifty_thousand_siblings_in_another_order_are_no_matter_and_more_are_refused() {
    let calls = |order: &dyn Fn(u32) -> u32| -> Vec<Call> {
        let named = |n| call(&format!("tool {}", order(n)), 0, &[]);
        (0..50_000).map(named).collect()
    };
    let one = calls(&|n| n);
    let other = calls(&|n| n * 7_919 % 50_000);
    let found = compared(&one, &other);
    assert_eq!(found.rows.len(), 50_000, "all are found again");
    assert!(found.first_divergence.is_some());
    let same = compared(&one, &one);
    assert_eq!((same.first_divergence, same.rows_by.same), (None, 50_000));
    let more = session("c", &vec![call("tool", 0, &[]); 50_001]);
    let refused = compare(&more, &session("a", &[])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a session of 50001 events is too long to compare, 50000 at most"
    );
}

#[test]
fn a_chain_as_long_as_a_session_needs_no_stack() {
    let chain = |run: &str| {
        let mut made = session(run, &vec![call("step", 0, &[]); 50_000]);
        let ids: Vec<EventId> = made.actions.iter().map(|event| event.id.clone()).collect();
        for (event, parent) in made.actions.iter_mut().skip(1).zip(ids) {
            event.parent_id = Some(parent);
        }
        made
    };
    let found = compare(&chain("a"), &chain("b")).unwrap();
    assert_eq!(found.first_divergence, None);
    assert_eq!(found.rows[49_999].depth, 49_999);
}

fn calls(depth: u32) -> BoxedStrategy<Vec<Call>> {
    let name = prop::sample::select(vec!["plan", "tool", "tool two", "llm"]);
    let inside = match depth {
        0 => Just(Vec::new()).boxed(),
        _ => calls(depth - 1),
    };
    let one = (name, 0_u8..3, 0_u8..3, inside).prop_map(|(name, argument, returns, inside)| Call {
        name: name.to_owned(),
        argument,
        returns,
        inside,
    });
    prop::collection::vec(one, 0..5).boxed()
}

/// All calls, each after the one that it is inside of.
fn every<'a>(calls: &'a mut [Call], all: &mut Vec<&'a mut u8>) {
    for call in calls {
        all.push(&mut call.argument);
        every(&mut call.inside, all);
    }
}

fn size(calls: &[Call]) -> usize {
    calls.iter().map(|call| 1 + size(&call.inside)).sum()
}

proptest! {
    #[test]
    fn a_session_never_diverges_from_itself(made in calls(3)) {
        let found = compared(&made, &made);
        prop_assert_eq!(found.first_divergence, None);
        prop_assert_eq!(found.rows_by.same, size(&made));
        prop_assert_eq!(found.changed_only().rows.len(), 0);
    }

    #[test]
    fn every_event_of_both_has_one_row_under_its_parent(a in calls(3), b in calls(3)) {
        let found = compared(&a, &b);
        let ids = |side: fn(&Row) -> Option<&Step>| {
            let mut ids: Vec<String> =
                found.rows.iter().filter_map(|row| Some(side(row)?.id.to_string())).collect();
            ids.sort();
            ids.dedup();
            ids.len()
        };
        prop_assert_eq!(ids(|row| row.a.as_ref()), size(&a));
        prop_assert_eq!(ids(|row| row.b.as_ref()), size(&b));
        for (at, row) in found.rows.iter().enumerate() {
            let above = row.parent.map(|parent| &found.rows[parent]);
            prop_assert!(row.parent.is_none_or(|parent| parent < at));
            prop_assert_eq!(row.depth, above.map_or(0, |above| above.depth + 1));
            // Whoever is in a session is under somebody who is.
            prop_assert!(above.is_none_or(|above| row.a.is_none() || above.a.is_some()));
            prop_assert!(above.is_none_or(|above| row.b.is_none() || above.b.is_some()));
        }
        prop_assert_eq!(found.first_divergence.is_none(), found.rows.iter().all(|row| !row.is_changed()));
        prop_assert_eq!(found.first_divergence.is_none(), a == b);
    }

    #[test]
    fn one_changed_argument_is_found(mut made in calls(3), which in any::<prop::sample::Index>()) {
        let before = made.clone();
        let mut all = Vec::new();
        every(&mut made, &mut all);
        prop_assume!(!all.is_empty());
        let at = which.index(all.len());
        *all[at] = 99;
        let found = compared(&before, &made);
        // Calls are numbered as they begin, and rows stand in that order.
        let row = &found.rows[found.first_divergence.unwrap()];
        let id = |step: &Option<Step>| step.as_ref().map(|step| step.id.to_string());
        let changed = (id(&row.a), id(&row.b));
        let expected = (format!("a-{at}"), format!("bb-{at}"));
        prop_assert!(
            changed.0.as_ref() == Some(&expected.0) || changed.1.as_ref() == Some(&expected.1),
            "{changed:?} {at} {}", drawn(&found)
        );
    }

    #[test]
    fn a_new_call_is_found_and_the_rest_is_aligned(
        mut made in calls(2), at in any::<prop::sample::Index>(), is_new in any::<bool>(),
    ) {
        let before = made.clone();
        let at = at.index(made.len() + 1);
        made.insert(at, call("tool new", 99, &[]));
        let (a, b) = if is_new { (&before, &made) } else { (&made, &before) };
        let found = compared(a, b);
        prop_assert_eq!(found.rows.iter().filter(|row| row.is_changed()).count(), 1);
        prop_assert_eq!((found.rows_by.only_a, found.rows_by.only_b), (usize::from(!is_new), usize::from(is_new)));
    }
}
