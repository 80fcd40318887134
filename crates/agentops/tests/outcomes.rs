//! The four ways in which a call ends, told apart on every kind of function, under both of tokio's runtimes and
//! whatever ends a future early.
#![deny(warnings, clippy::all)]

use std::future::pending;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use agentops::testing::Captured;
use agentops::{InSession, Session, record_tool};
use futures_core::Stream;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// What a function is told to do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Ok,
    Error,
    Panic,
    /// Wait until nobody waits any more.
    Never,
}

#[record_tool(skip_all)]
fn sync(end: End) -> Result<u8, std::fmt::Error> {
    match end {
        End::Ok => Ok(1),
        End::Error => Err(std::fmt::Error),
        End::Panic | End::Never => panic!("told to"),
    }
}

async fn act(end: End) -> Result<u8, std::fmt::Error> {
    tokio::task::yield_now().await;
    match end {
        End::Ok => Ok(1),
        End::Error => Err(std::fmt::Error)?,
        End::Panic => panic!("told to"),
        End::Never => pending().await,
    }
}

#[record_tool(skip_all)]
async fn later(end: End) -> Result<u8, std::fmt::Error> {
    act(end).await
}

#[record_tool(skip_all)]
fn future(end: End) -> impl Future<Output = Result<u8, std::fmt::Error>> + Send {
    act(end)
}

#[async_trait::async_trait]
trait Remote {
    async fn call(&self, end: End) -> Result<u8, std::fmt::Error>;
}

struct Upper;

#[async_trait::async_trait]
impl Remote for Upper {
    #[record_tool("async_trait", skip_all)]
    async fn call(&self, end: End) -> Result<u8, std::fmt::Error> {
        act(end).await
    }
}

/// One item, then what it is told.
struct Items {
    end: End,
    given: bool,
}

impl Stream for Items {
    type Item = Result<u8, std::fmt::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !std::mem::replace(&mut self.given, true) {
            return Poll::Ready(Some(Ok(1)));
        }
        let end = self.end;
        if end == End::Error {
            self.end = End::Ok;
        }
        match end {
            End::Ok => Poll::Ready(None),
            End::Error => Poll::Ready(Some(Err(std::fmt::Error))),
            End::Panic => panic!("told to"),
            End::Never => Poll::Pending,
        }
    }
}

#[record_tool(skip_all)]
fn stream(end: End) -> impl Stream<Item = Result<u8, std::fmt::Error>> + Send {
    Items { end, given: false }
}

type Boxed = Pin<Box<dyn Stream<Item = Result<u8, std::fmt::Error>> + Send>>;

#[record_tool(skip_all)]
async fn boxed_stream(end: End) -> Result<Boxed, std::fmt::Error> {
    tokio::task::yield_now().await;
    Ok(Box::pin(Items { end, given: false }))
}

/// Takes everything out of a stream.
async fn drain(
    stream: impl Stream<Item = Result<u8, std::fmt::Error>>,
) -> Result<u8, std::fmt::Error> {
    let mut stream = pin!(stream);
    let mut sum = 0;
    while let Some(item) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
    {
        sum += item?;
    }
    Ok(sum)
}

async fn drain_boxed(end: End) -> Result<u8, std::fmt::Error> {
    drain(boxed_stream(end).await?).await
}

fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_current_thread().enable_all().build(),
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build(),
    ]
    .map(|runtime| runtime.expect("a runtime"))
}

/// The kinds of async functions, each as a future that ends as told.
type Kind = (
    &'static str,
    fn(End) -> Pin<Box<dyn Future<Output = Result<u8, std::fmt::Error>> + Send>>,
);
const KINDS: [Kind; 5] = [
    ("later", |end| Box::pin(later(end))),
    // Called inside of the task, where its session is.
    ("future", |end| Box::pin(async move { future(end).await })),
    ("async_trait", |end| {
        Box::pin(async move { Upper.call(end).await })
    }),
    ("stream", |end| {
        Box::pin(async move { drain(stream(end)).await })
    }),
    ("boxed_stream", |end| Box::pin(drain_boxed(end))),
];

/// Status, message of the error and file of the panic of the only tool of this name.
fn outcome<R>(captured: &Captured<R>, name: &str) -> (String, Option<String>, bool) {
    let tools = captured.events("tools");
    let mut of_name = tools.iter().filter(|tool| tool["name"] == name);
    let tool = of_name
        .next()
        .unwrap_or_else(|| panic!("{name} is not in {tools:#?}"));
    assert!(of_name.next().is_none(), "{name} is there twice");
    let errors = captured.events("errors");
    let error = errors
        .iter()
        .find(|error| error["trigger_event_id"] == tool["id"]);
    let details = |error: &Value| error["details"].clone();
    let details = error.map(details).unwrap_or_default();
    let is_here = details["location"]
        .as_str()
        .is_some_and(|place| place.starts_with(file!()));
    let message = details["message"].as_str().map(str::to_owned);
    (
        tool["status"].as_str().expect("a status").to_owned(),
        message,
        is_here,
    )
}

fn ok() -> (String, Option<String>, bool) {
    ("ok".to_owned(), None, false)
}

fn error() -> (String, Option<String>, bool) {
    let message = std::fmt::Error.to_string();
    ("error".to_owned(), Some(message), false)
}

fn panicked() -> (String, Option<String>, bool) {
    ("panicked".to_owned(), Some("told to".to_owned()), true)
}

fn cancelled() -> (String, Option<String>, bool) {
    ("cancelled".to_owned(), None, false)
}

#[test]
fn a_sync_call_is_ok_fails_or_panics() {
    for (end, expected) in [
        (End::Ok, ok()),
        (End::Error, error()),
        (End::Panic, panicked()),
    ] {
        let captured = agentops::testing::capture(|_| {
            std::panic::catch_unwind(|| sync(end))
                .map(|result| result.is_ok())
                .ok()
        });
        assert_eq!(outcome(&captured, "sync"), expected, "{end:?}");
        let told = match end {
            End::Ok => Some(true),
            End::Error => Some(false),
            End::Panic | End::Never => None,
        };
        assert_eq!(captured.result, told);
    }
}

/// Runs one kind of function in a task of its own, in the session, and says what was recorded.
fn in_a_task(runtime: &Runtime, kind: Kind, end: End) -> Captured<Option<bool>> {
    agentops::testing::capture(|session: &Session| {
        let task = (kind.1)(end).in_session(session);
        runtime.block_on(async {
            let task = tokio::spawn(task);
            task.await.map(|result| result.is_ok()).ok()
        })
    })
}

#[test]
fn a_task_is_ok_fails_or_panics() {
    for runtime in runtimes() {
        for kind in KINDS {
            for (end, expected, result) in [
                (End::Ok, ok(), Some(true)),
                (End::Error, error(), Some(false)),
                (End::Panic, panicked(), None),
            ] {
                let captured = in_a_task(&runtime, kind, end);
                assert_eq!(outcome(&captured, kind.0), expected, "{} {end:?}", kind.0);
                assert_eq!(captured.result, result, "{} {end:?}", kind.0);
            }
        }
    }
}

#[test]
fn a_timeout_cancels() {
    for runtime in runtimes() {
        for kind in KINDS {
            let captured = agentops::testing::capture(|session| {
                let limit = Duration::from_millis(5);
                let task = async move { tokio::time::timeout(limit, (kind.1)(End::Never)).await };
                runtime.block_on(task.in_session(session)).is_err()
            });
            assert!(captured.result);
            assert_eq!(outcome(&captured, kind.0), cancelled(), "{}", kind.0);
        }
    }
}

#[test]
fn the_branches_that_a_select_leaves_are_cancelled() {
    for runtime in runtimes() {
        for kind in KINDS {
            let captured = agentops::testing::capture(|session| {
                let task = async move {
                    tokio::select! {
                        biased;
                        _ = (kind.1)(End::Never) => false,
                        _ = async { act(End::Ok).await } => true,
                    }
                };
                runtime.block_on(task.in_session(session))
            });
            assert!(captured.result);
            assert_eq!(outcome(&captured, kind.0), cancelled(), "{}", kind.0);
        }
    }
}

#[test]
fn a_panicking_sibling_cancels_and_panics_alone() {
    #[record_tool]
    async fn sibling() {
        let _ = act(End::Panic).await;
    }
    for runtime in runtimes() {
        for kind in KINDS {
            let captured = agentops::testing::capture(|session| {
                let task = async move { tokio::join!((kind.1)(End::Never), sibling()) };
                let task = task.in_session(session);
                runtime.block_on(async { tokio::spawn(task).await.is_err() })
            });
            assert!(captured.result);
            assert_eq!(outcome(&captured, kind.0), cancelled(), "{}", kind.0);
            assert_eq!(outcome(&captured, "sibling"), panicked());
        }
    }
}

#[test]
fn an_aborted_task_is_cancelled() {
    for runtime in runtimes() {
        for kind in KINDS {
            let captured = agentops::testing::capture(|session| {
                let (started, has_started) = tokio::sync::oneshot::channel();
                let task = async move {
                    let running = (kind.1)(End::Never);
                    let mut running = pin!(running);
                    let mut started = Some(started);
                    std::future::poll_fn(move |context| {
                        let polled = running.as_mut().poll(context);
                        if let Some(started) = started.take() {
                            let _ = started.send(());
                        }
                        polled
                    })
                    .await
                };
                runtime.block_on(async {
                    let task = tokio::spawn(task.in_session(session));
                    has_started.await.expect("the task runs");
                    task.abort();
                    task.await.expect_err("it was aborted").is_cancelled()
                })
            });
            assert!(captured.result);
            // The stream's function has been polled once, and may not have come to its stream.
            assert_eq!(outcome(&captured, kind.0), cancelled(), "{}", kind.0);
        }
    }
}

#[test]
fn a_dropped_runtime_cancels_what_it_ran() {
    for runtime in runtimes() {
        let captured = agentops::testing::capture(|session| {
            let (started, has_started) = std::sync::mpsc::channel();
            let task = async move {
                let _ = started.send(());
                later(End::Never).await
            };
            let task = runtime.spawn(task.in_session(session));
            let deadline = Instant::now() + Duration::from_secs(20);
            while has_started.try_recv().is_err() && Instant::now() < deadline {
                runtime.block_on(tokio::task::yield_now());
            }
            runtime.block_on(tokio::task::yield_now());
            drop(runtime);
            task.is_finished()
        });
        assert!(captured.result);
        let tools = captured.events("tools");
        // Where the task had not come to its first await, it was dropped before the call.
        assert!(
            tools.iter().all(|tool| tool["status"] == "cancelled"),
            "{tools:#?}"
        );
    }
}

#[test]
fn a_panic_that_was_caught_is_not_told_again() {
    #[record_tool]
    fn outer(fail: bool) -> u8 {
        let caught = std::panic::catch_unwind(|| sync(End::Panic));
        assert!(caught.is_err());
        if fail {
            panic!("another");
        }
        1
    }
    let captured = agentops::testing::capture(|_| outer(false));
    assert_eq!(outcome(&captured, "sync"), panicked());
    assert_eq!(outcome(&captured, "outer"), ok());
    let captured =
        agentops::testing::capture(|_| std::panic::catch_unwind(|| outer(true)).is_err());
    assert_eq!(outcome(&captured, "sync"), panicked());
    let another = ("panicked".to_owned(), Some("another".to_owned()), true);
    assert_eq!(outcome(&captured, "outer"), another);
}
