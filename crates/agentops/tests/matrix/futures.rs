//! Async functions, and functions that return futures.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use agentops::{InSession, record_action, record_tool};
use serde_json::json;

use super::seen::{action, check, recorded, tool, wait};
use super::{CAUSE, NotFound, Opaque, not_found};

fn send<T: Send>(value: T) -> T {
    value
}

#[record_tool]
async fn early(text: &str) -> Result<u32, std::num::ParseIntError> {
    tokio::task::yield_now().await;
    if text.is_empty() {
        return Ok(0);
    }
    let number: u32 = text.parse()?;
    Ok(number)
}

#[record_tool]
async fn opaque(fail: bool) -> Result<Opaque, Opaque> {
    if fail { Err(Opaque(1)) } else { Ok(Opaque(2)) }
}

#[record_tool]
async fn nothing() {}

#[record_tool]
async fn generic<T, const N: usize>(values: [T; N], map: &HashMap<String, u8>) -> usize
where
    T: Send,
{
    tokio::task::yield_now().await;
    values.len() + map.len()
}

#[record_tool]
async fn never(code: u8) -> ! {
    tokio::task::yield_now().await;
    panic!("code {code}")
}

#[record_tool]
async fn recursive(from: u32) -> u32 {
    if from == 0 {
        0
    } else {
        Box::pin(recursive(from - 1)).await + 1
    }
}

#[test]
fn async_functions() {
    let call = |text: &str| tool("early").params(json!({"text": text}));
    check(|| wait(send(early("7"))), Ok(7), &[call("7").returns(7)]);
    check(|| wait(early("")), Ok(0), &[call("").returns(0)]);
    let seen = call("x").failed::<std::num::ParseIntError>(CAUSE, &[]);
    check(|| wait(early("x")).is_err(), true, &[seen]);
    let name = std::any::type_name::<Opaque>();
    let seen = tool("opaque").params(json!({"fail": false})).returns(name);
    check(|| wait(opaque(false)).is_ok(), true, &[seen]);
    let seen = tool("opaque")
        .params(json!({"fail": true}))
        .failed::<Opaque>(name, &[]);
    check(|| wait(opaque(true)).is_ok(), false, &[seen]);
    check(|| wait(nothing()), (), &[tool("nothing")]);
    let seen = tool("generic")
        .params(json!({"values": "[u8; 2]", "map": {"a": 1}}))
        .returns(3);
    let map = HashMap::from([("a".to_owned(), 1)]);
    check(|| wait(send(generic([1_u8, 2], &map))), 3, &[seen]);
    let seen = tool("never")
        .params(json!({"code": 1}))
        .panicked("code 1", file!());
    let run = || std::panic::catch_unwind(|| wait(never(1))).is_err();
    check(run, true, &[seen]);
    let call = |from: u32| {
        tool("recursive")
            .params(json!({"from": from}))
            .returns(from)
    };
    let expected = [call(1), call(0).under("recursive")];
    check(|| wait(recursive(1)), 1, &expected);
}

#[test]
fn a_future_that_is_never_polled_is_not_recorded() {
    check(|| drop(early("7")), (), &[]);
}

#[record_tool]
fn later(value: u8) -> impl Future<Output = Result<u8, NotFound>> + Send {
    async move {
        tokio::task::yield_now().await;
        if value == 0 {
            Err(not_found())
        } else {
            Ok(value)
        }
    }
}

#[record_tool]
fn boxed_later<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { text.len() })
}

#[record_tool]
fn countdown(from: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move {
        if from == 0 {
            0
        } else {
            countdown(from - 1).await + 1
        }
    })
}

#[record_tool]
async fn future_of_future(value: u8) -> impl Future<Output = u8> {
    async move { value + 1 }
}

#[record_tool]
async fn boxed_future_of_future(value: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    tokio::task::yield_now().await;
    boxed(value)
}

#[record_tool]
async fn future_not_written_yet() -> Pin<Box<dyn Future<Output = u8>>> {
    unimplemented!()
}

fn boxed(value: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async move { value + 1 })
}

#[test]
fn returned_futures_are_recorded_until_they_are_ready() {
    let call = |value: u8| tool("later").params(json!({"value": value}));
    check(|| wait(send(later(1))), Ok(1), &[call(1).returns(1)]);
    let seen = call(0).failed::<NotFound>("no such file", &[CAUSE]);
    check(|| wait(later(0)).is_err(), true, &[seen]);
    check(|| drop(later(1)), (), &[call(1).cancelled()]);
    let seen = tool("boxed_later")
        .params(json!({"text": "abc"}))
        .returns(3);
    check(|| wait(send(boxed_later("abc"))), 3, &[seen]);
    let call = |from: u32| {
        tool("countdown")
            .params(json!({"from": from}))
            .returns(from)
    };
    let expected = [call(1), call(0).under("countdown")];
    check(|| wait(countdown(1)), 1, &expected);
    let seen = tool("future_of_future")
        .params(json!({"value": 1}))
        .returns(2);
    check(
        || wait(async { future_of_future(1).await.await }),
        2,
        &[seen],
    );
    let seen = tool("boxed_future_of_future")
        .params(json!({"value": 1}))
        .returns(2);
    check(
        || wait(async { boxed_future_of_future(1).await.await }),
        2,
        &[seen],
    );
    let seen = tool("future_not_written_yet").panicked("not implemented", file!());
    let run = || std::panic::catch_unwind(|| drop(wait(future_not_written_yet()))).is_err();
    check(run, true, &[seen]);
}

trait Tool {
    async fn call(&self, input: String) -> Result<String, Box<dyn Error>>;
    #[record_tool]
    async fn call_default(&self) -> usize {
        self.call("a".to_owned()).await.map_or(0, |text| text.len())
    }
}
#[async_trait::async_trait]
trait Remote {
    async fn ask(&self, question: &str, limit: usize) -> Option<String>;
    #[record_tool]
    async fn ask_default(&self) -> Option<String> {
        self.ask("abc", 1).await
    }
}
struct Upper;
impl Tool for Upper {
    #[record_tool]
    async fn call(&self, input: String) -> Result<String, Box<dyn Error>> {
        if input.is_empty() {
            Err("empty")?;
        }
        Ok(input.to_uppercase())
    }
}
#[async_trait::async_trait]
impl Remote for Upper {
    #[record_tool]
    async fn ask(&self, question: &str, limit: usize) -> Option<String> {
        tokio::task::yield_now().await;
        question.get(..limit).map(str::to_uppercase)
    }
}

#[test]
fn async_functions_of_traits() {
    let seen = tool("call").params(json!({"input": "a"})).returns("A");
    let expected = [tool("call_default").returns(1), seen.under("call_default")];
    check(|| wait(Upper.call_default()), 1, &expected);
    let seen = tool("call")
        .params(json!({"input": ""}))
        .failed::<Box<dyn Error>>("empty", &[]);
    check(|| wait(Upper.call(String::new())).is_err(), true, &[seen]);
    let seen = tool("ask").params(json!({"question": "abc", "limit": 1}));
    let expected = [
        tool("ask_default").returns("A"),
        seen.returns("A").under("ask_default"),
    ];
    check(
        || wait(send(Upper.ask_default())),
        Some("A".to_owned()),
        &expected,
    );
}

#[record_action]
async fn outer(spawn: bool) -> u32 {
    let (a, b) = tokio::join!(early("1"), early("2"));
    let mut sum = a.unwrap_or(0) + b.unwrap_or(0);
    if spawn {
        let task = tokio::spawn(early("3").in_current());
        let thread = agentops::spawn(early("4"));
        sum += task.await.map_or(0, |result| result.unwrap_or(0));
        sum += thread.await.map_or(0, |result| result.unwrap_or(0));
    }
    tokio::select! {
        biased;
        number = early("5") => sum + number.unwrap_or(0),
        () = std::future::pending() => 0,
    }
}

#[test]
fn parents_through_awaits_joins_selects_and_tasks() {
    let call = |text: &str, number: u32| {
        let seen = tool("early").params(json!({"text": text}));
        seen.returns(number).under("outer")
    };
    let expected = [
        action("outer").params(json!({"spawn": true})).returns(15),
        call("1", 1),
        call("2", 2),
        call("3", 3),
        call("4", 4),
        call("5", 5),
    ];
    check(|| wait(outer(true)), 15, &expected);
}

/// The future holds its arguments once more than the bare one, and little else.
#[test]
#[expect(clippy::large_types_passed_by_value, reason = "it is what is measured")]
fn a_recorded_future_is_hardly_larger() {
    async fn bare(bytes: [u8; 1024]) -> u8 {
        tokio::task::yield_now().await;
        bytes[0]
    }
    #[record_tool(skip_all)]
    async fn with_us(bytes: [u8; 1024]) -> u8 {
        tokio::task::yield_now().await;
        bytes[0]
    }
    let (bare, with_us) = (bare([0; 1024]), with_us([0; 1024]));
    let (bare, with_us) = (size_of_val(&bare), size_of_val(&with_us));
    assert!(with_us <= bare + 1024 + 96, "{with_us} against {bare}");
}

#[record_tool]
fn on_a_thread(value: u8) -> u8 {
    value
}

#[record_action]
fn with_threads(value: u8) -> u8 {
    let inside = std::thread::spawn(agentops::in_current(move || on_a_thread(value)));
    let sum = inside.join().unwrap_or(0);
    // A thread of a scope, and one inside of it.
    sum + std::thread::scope(|scope| {
        let outer = scope.spawn(agentops::in_current(|| {
            std::thread::scope(|scope| {
                let inner = scope.spawn(agentops::in_current(|| with_one_inside(value)));
                inner.join().unwrap_or(0)
            })
        }));
        outer.join().unwrap_or(0)
    })
}

#[record_action]
fn with_one_inside(value: u8) -> u8 {
    on_a_thread(value + 1)
}

#[record_action]
async fn with_blocking_task(value: u8) -> u8 {
    let blocking = tokio::task::spawn_blocking(agentops::in_current(move || on_a_thread(value)));
    let result = blocking.await.unwrap_or(0);
    on_a_thread(result)
}

#[test]
fn parents_through_threads() {
    let thread = |value: u8| {
        tool("on_a_thread")
            .params(json!({"value": value}))
            .returns(value)
    };
    let params = json!({"value": 1});
    let inside = action("with_one_inside").params(params.clone()).returns(2);
    let expected = [
        action("with_threads").params(params.clone()).returns(3),
        thread(1).under("with_threads"),
        inside.under("with_threads"),
        thread(2).under("with_one_inside"),
    ];
    check(|| with_threads(1), 3, &expected);
    let expected = [
        action("with_blocking_task").params(params).returns(1),
        thread(1).under("with_blocking_task"),
        thread(1).under("with_blocking_task"),
    ];
    check(|| wait(with_blocking_task(1)), 1, &expected);
}

#[test]
fn threads_are_recorded_in_the_scope_they_enter() {
    let session_of_thread = || {
        recorded(
            || std::thread::spawn(|| on_a_thread(1)).join().ok(),
            // The thread has entered nothing, and there is no session of the process.
            &[],
        )
    };
    assert_eq!(session_of_thread(), Some(1));
}
