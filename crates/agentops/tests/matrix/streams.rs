//! Streams and iterators that a function returns.

use std::future::poll_fn;
use std::iter::FusedIterator;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use agentops::record_tool;
use futures_core::Stream;
use serde_json::json;

use super::seen::{check, items, tool, wait};
use super::{CAUSE, NotFound, Opaque, not_found};

/// Gives 1, 2, … and waits once before each; the third is an error.
struct Count {
    at: u8,
    to: u8,
    ready: bool,
}

impl Count {
    fn to(to: u8) -> Count {
        Count {
            at: 0,
            to,
            ready: true,
        }
    }
}

impl Stream for Count {
    type Item = Result<u8, NotFound>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ready = !self.ready;
        if !self.ready {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.at == self.to {
            return Poll::Ready(None);
        }
        self.at += 1;
        Poll::Ready(Some(if self.at == 3 {
            Err(not_found())
        } else {
            Ok(self.at)
        }))
    }
}

/// Counts the items of a stream, at most some.
fn drain(stream: impl Stream, at_most: usize) -> usize {
    wait(async {
        let mut stream = pin!(stream);
        let mut count = 0;
        while count < at_most
            && poll_fn(|context| stream.as_mut().poll_next(context))
                .await
                .is_some()
        {
            count += 1;
        }
        count
    })
}

type Boxed<'a> = Pin<Box<dyn Stream<Item = Result<u8, NotFound>> + Send + 'a>>;

#[record_tool]
fn opaque(to: u8) -> impl Stream<Item = Result<u8, NotFound>> + Send + Unpin {
    Count::to(to)
}

#[record_tool]
fn boxed<'a>(to: &'a u8) -> Boxed<'a> {
    Box::pin(Count::to(*to))
}

#[record_tool]
fn in_result(to: u8) -> Result<impl Stream<Item = Result<u8, NotFound>>, Opaque> {
    if to == 0 {
        return Err(Opaque(1));
    }
    Ok(Count::to(to))
}

#[record_tool]
async fn opaque_later(to: u8) -> Result<impl Stream<Item = Result<u8, NotFound>> + Send, NotFound> {
    tokio::task::yield_now().await;
    if to == 0 {
        Err(not_found())
    } else {
        Ok(Count::to(to))
    }
}

#[record_tool]
async fn boxed_later(to: u8) -> Result<Boxed<'static>, NotFound> {
    tokio::task::yield_now().await;
    if to == 0 {
        Err(not_found())?;
    }
    Ok(Box::pin(Count::to(to)))
}

#[record_tool]
async fn maybe_later(to: u8) -> Option<Boxed<'static>> {
    (to > 0).then(|| Box::pin(Count::to(to)) as Boxed<'static>)
}

#[test]
fn streams_are_recorded_to_their_end() {
    let to = |name: &str, to: u8| tool(name).params(json!({"to": to}));
    let seen = |name: &str| to(name, 2).returns(items(2, true));
    check(|| drain(opaque(2), 9), 2, &[seen("opaque")]);
    check(|| drain(boxed(&2), 9), 2, &[seen("boxed")]);
    check(
        || in_result(2).map_or(0, |stream| drain(stream, 9)),
        2,
        &[seen("in_result")],
    );
    let run = || wait(opaque_later(2)).map_or(0, |stream| drain(stream, 9));
    check(run, 2, &[seen("opaque_later")]);
    let run = || wait(boxed_later(2)).map_or(0, |stream| drain(stream, 9));
    check(run, 2, &[seen("boxed_later")]);
    let run = || wait(maybe_later(2)).map_or(0, |stream| drain(stream, 9));
    check(run, 2, &[seen("maybe_later")]);
    let seen = to("opaque", 0).returns(items(0, true));
    check(|| drain(opaque(0), 9), 0, &[seen]);
}

/// A stream whose items are known from the result type only.
struct Open<T>(Option<T>);

impl<T: Unpin> Stream for Open<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(self.0.take())
    }
}

#[record_tool]
fn left_open() -> impl Stream<Item = Result<u8, Box<dyn std::error::Error>>> {
    Open(Some(Ok(1)))
}

#[record_tool]
async fn left_open_later() -> anyhow::Result<impl Stream<Item = anyhow::Result<u8>>> {
    std::future::ready(()).await;
    Ok(Open(Some(Ok("1".parse()?))))
}

#[record_tool]
fn left_open_iterator() -> Option<impl Iterator<Item = Result<u8, NotFound>>> {
    Some(std::iter::once(Ok(1)))
}

#[test]
fn items_may_be_known_from_the_result_type_only() {
    let seen = |name: &str| tool(name).returns(items(1, true));
    check(|| drain(left_open(), 9), 1, &[seen("left_open")]);
    let run = || wait(left_open_later()).map_or(0, |stream| drain(stream, 9));
    check(run, 1, &[seen("left_open_later")]);
    let run = || left_open_iterator().map_or(0, Iterator::count);
    check(run, 1, &[seen("left_open_iterator")]);
}

#[test]
fn streams_that_fail_never_were_or_are_dropped() {
    let to = |name: &str, to: u8| tool(name).params(json!({"to": to}));
    for name in ["opaque", "boxed_later"] {
        let run = |count: usize| match name {
            "opaque" => drain(opaque(4), count),
            _ => wait(boxed_later(4)).map_or(0, |stream| drain(stream, count)),
        };
        // An item that is an error makes the call one.
        let seen = to(name, 4)
            .returns(items(4, true))
            .failed::<NotFound>("no such file", &[CAUSE]);
        check(|| run(9), 4, &[seen]);
        let seen = to(name, 4).returns(items(2, false)).cancelled();
        check(|| run(2), 2, &[seen]);
        let seen = to(name, 4).returns(items(0, false)).cancelled();
        check(|| run(0), 0, &[seen]);
    }
    let seen = to("boxed_later", 0).failed::<NotFound>("no such file", &[CAUSE]);
    check(|| wait(boxed_later(0)).is_err(), true, &[seen]);
    let seen = to("opaque_later", 0).failed::<NotFound>("no such file", &[CAUSE]);
    check(|| wait(opaque_later(0)).is_err(), true, &[seen]);
    let name = std::any::type_name::<Opaque>();
    let seen = to("in_result", 0).failed::<Opaque>(name, &[]);
    check(|| in_result(0).is_err(), true, &[seen]);
    check(
        || wait(maybe_later(0)).is_none(),
        true,
        &[to("maybe_later", 0)],
    );
}

#[record_tool]
fn numbers(to: u8) -> impl DoubleEndedIterator<Item = u8> + ExactSizeIterator + Clone + Send {
    (0..usize::from(to)).map(|number| u8::try_from(number).unwrap_or(u8::MAX))
}

#[record_tool]
fn fused<'a>(text: &'a str) -> impl FusedIterator<Item = &'a str> + use<'a> {
    text.split(' ')
}

#[record_tool]
fn boxed_numbers<'a>(of: &'a [u8]) -> Box<dyn Iterator<Item = &'a u8> + Send + 'a> {
    Box::new(of.iter())
}

#[record_tool]
fn concrete(of: Vec<u8>) -> std::vec::IntoIter<u8> {
    of.into_iter()
}

#[record_tool]
fn named(to: u8) -> impl Iterator<Item = u8> + std::fmt::Debug + PartialEq {
    0..to
}

#[record_tool]
fn fallible<'a>(
    of: &'a [&'a str],
) -> impl Iterator<Item = Result<u8, std::num::ParseIntError>> + use<'a> {
    of.iter().map(|text| text.parse())
}

#[test]
fn iterators_are_recorded_to_their_end() {
    let numbers_seen = |count: u64, complete| {
        let seen = tool("numbers").params(json!({"to": 3}));
        seen.returns(items(count, complete))
    };
    let run = || {
        let mut all = numbers(3);
        assert_eq!((all.len(), all.next_back()), (3, Some(2)));
        assert_eq!(all.clone().count(), 2, "a copy is not the call's");
        all.count()
    };
    check(run, 2, &[numbers_seen(3, true)]);
    // One that is dropped early was used as iterators are: it is ok, and not complete.
    check(
        || numbers(3).find(|n| *n == 1),
        Some(1),
        &[numbers_seen(2, false)],
    );
    let seen = tool("fused")
        .params(json!({"text": "a b"}))
        .returns(items(2, true));
    check(|| fused("a b").count(), 2, &[seen]);
    let seen = tool("boxed_numbers")
        .params(json!({"of": [1, 2]}))
        .returns(items(2, true));
    check(|| boxed_numbers(&[1, 2]).count(), 2, &[seen]);
    let seen = tool("concrete")
        .params(json!({"of": [1]}))
        .returns("IntoIter([1])");
    check(|| concrete(vec![1]).count(), 1, &[seen]);
    // A bound that a wrapper cannot keep: recorded when it is returned.
    let seen = tool("named")
        .params(json!({"to": 2}))
        .returns(json!({"start": 0, "end": 2}));
    check(|| named(2).count(), 2, &[seen]);
    let seen = tool("fallible")
        .params(json!({"of": ["1", "x"]}))
        .returns(items(2, true))
        .failed::<std::num::ParseIntError>(CAUSE, &[]);
    check(|| fallible(&["1", "x"]).count(), 2, &[seen]);
}
