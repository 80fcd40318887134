//! Every sensible shape of function compiles under the attributes: without a warning, without new bounds, with the
//! result and the `Send`-ness it had.
#![deny(warnings, clippy::all)]
#![expect(unsafe_code, reason = "unsafe functions are recorded, too")]

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use agentops::{record_action, record_tool};
use futures_core::Stream;

/// Neither `Debug` nor `Serialize`, and not `Clone`.
struct Opaque(u8);

fn send<T: Send>(value: T) -> T {
    value
}

// 1. A plain function.
#[record_action]
fn plain(a: i32, b: i32) -> i32 {
    a + b
}

// 2. No result, no arguments.
#[record_action]
fn nothing() {}

// 3. Types that implement nothing.
#[record_tool]
fn opaque(value: Opaque, by_ref: &Opaque) -> Opaque {
    Opaque(value.0 + by_ref.0)
}

// 4. `impl Trait` as argument.
#[record_action]
fn shown(value: impl Display, count: &impl Send) -> String {
    let _ = count;
    value.to_string()
}

// 5. `impl Trait` as result.
#[record_action]
fn lazy(limit: u32) -> impl Fn(u32) -> u32 {
    move |value| value.min(limit)
}

// 6. Parameters without bounds.
#[record_action]
fn swap<A, B>(pair: (A, B)) -> (B, A) {
    (pair.1, pair.0)
}

// 7. An async function with an error that implements nothing.
#[record_tool]
async fn fails(fail: bool) -> Result<u8, Opaque> {
    if fail { Err(Opaque(1)) } else { Ok(1) }
}

// 8. `?` and an early return in an async function.
#[record_tool]
async fn early(text: &str) -> Result<u32, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    let number: u32 = text.parse()?;
    Ok(number)
}

// 9. Async functions in a trait.
trait Tool {
    async fn call(&self, input: String) -> Result<String, Box<dyn Error>>;
    #[record_tool]
    async fn default_call(&self) -> usize {
        1
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

// 10. `#[async_trait]`.
#[async_trait::async_trait]
trait Remote {
    async fn ask(&self, question: &str, limit: usize) -> Option<String>;
}
#[async_trait::async_trait]
impl Remote for Upper {
    #[record_tool]
    async fn ask(&self, question: &str, limit: usize) -> Option<String> {
        question.get(..limit).map(str::to_uppercase)
    }
}

// 11. `&mut self`, `&mut` arguments, a `&mut` result.
struct Memory {
    items: Vec<String>,
}
impl Memory {
    #[record_action]
    fn push(&mut self, other: &mut Vec<String>) -> &mut String {
        self.items.append(other);
        self.items.last_mut().expect("not empty")
    }

    #[record_action]
    fn into_items(self) -> Vec<String> {
        self.items
    }

    #[record_action]
    async fn add(&mut self, item: String) -> &str {
        self.items.push(item);
        &self.items[0]
    }
}

// 12. Moved and mutable arguments.
#[record_action]
fn moved(mut list: Vec<Opaque>, extra: Box<Opaque>) -> Vec<Opaque> {
    list.push(*extra);
    list
}

// 13. Patterns.
struct Point {
    x: i32,
    y: i32,
}
#[record_action]
fn patterns(
    (a, [b, ..]): (i32, [i32; 3]),
    Point { x, y: height }: Point,
    &c: &i32,
    _: u8,
    _unused: u8,
) -> i32 {
    a + b + c + x + height
}

// 14. A returned future.
#[record_tool]
fn future<'a>(text: &'a str) -> impl Future<Output = usize> + Send + 'a {
    async move { text.len() }
}

// 15. A returned stream, also inside of a result.
struct Once(Option<u8>);
impl Stream for Once {
    type Item = u8;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        Poll::Ready(self.0.take())
    }
}
#[record_tool]
fn stream() -> impl Stream<Item = u8> + Send + Unpin {
    Once(Some(1))
}
#[record_tool]
async fn stream_later() -> Result<impl Stream<Item = u8> + Send, Opaque> {
    Ok(Once(Some(1)))
}

// 16. A type that is merely named like a stream.
struct TcpStream;
#[record_tool]
fn connect() -> Result<TcpStream, std::io::Error> {
    Ok(TcpStream)
}

// 17. An unsafe function.
#[record_action]
unsafe fn read(from: *const u8) -> u8 {
    // SAFETY: the caller promises that the pointer may be read.
    unsafe { *from }
}

// 18. Boxed recursion.
#[record_action]
fn countdown(from: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move {
        if from == 0 {
            0
        } else {
            countdown(from - 1).await + 1
        }
    })
}
#[record_action]
async fn recursive(from: u32) -> u32 {
    if from == 0 {
        0
    } else {
        Box::pin(recursive(from - 1)).await + 1
    }
}

// 19. Boxed errors.
#[record_tool]
fn boxed(fail: bool) -> Result<(), Box<dyn Error + Send + Sync>> {
    if fail { Err("no".into()) } else { Ok(()) }
}
#[record_tool]
async fn any_error() -> anyhow::Result<()> {
    anyhow::bail!("no")
}

// 20. A future that is `Send` and borrows.
#[record_tool]
async fn borrows(text: &str, map: &HashMap<String, u8>) -> usize {
    tokio::task::yield_now().await;
    text.len() + map.len()
}

// 21. An option.
#[record_action]
fn maybe(yes: bool) -> Option<Opaque> {
    yes.then_some(Opaque(1))
}

// 22. Never.
#[record_action]
fn never(code: u8) -> ! {
    panic!("{code}")
}
#[record_action]
async fn never_async(code: u8) -> ! {
    panic!("{code}")
}

// 23. Lifetimes, generics, const generics, where clauses.
#[record_action]
fn longest<'a, 'b: 'a, T, const N: usize>(first: &'a [T; N], second: &'b [T]) -> &'a [T]
where
    T: Ord + 'static,
{
    if first.len() > second.len() {
        first
    } else {
        second
    }
}

// 24. Iterators, boxed ones, and those that forward more.
#[record_action]
fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(' ')
}
#[record_action]
fn boxed_words<'a>(text: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    Box::new(text.split(' '))
}

// 25. Attributes, inner attributes, raw names, functions inside functions, `extern "C"`.
/// Documented.
#[must_use]
#[inline]
#[record_action(name = "raw", fields(len = r#type.len()))]
pub fn r#match(r#type: &str) -> bool {
    #![expect(unused_variables, reason = "the attribute must keep its place")]
    let unused = 1;
    #[record_tool]
    fn inner(value: u8) -> u8 {
        value
    }
    inner(1) == 1 && !r#type.is_empty()
}
#[record_tool]
extern "C" fn foreign(value: u8) -> u8 {
    value
}

// 26. Parameters of the impl, `Self`, associated types.
struct Holder<T>(Option<T>);
impl<T: Default> Holder<T> {
    const START: u8 = 1;
    #[record_action]
    fn fresh() -> Self {
        let _ = Self::START;
        Self(Some(T::default()))
    }
    #[record_action]
    async fn take(self: Box<Self>) -> Option<T> {
        self.0
    }
}
impl Iterator for Holder<u8> {
    type Item = u8;
    #[record_action]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.take()
    }
}

// 27. Where nothing is imported and everything is shadowed.
mod bare {
    #![no_implicit_prelude]
    mod std {}
    mod core {}
    mod agentops {}
    #[expect(dead_code, reason = "shadows what an expansion might name")]
    struct Option;
    #[::agentops::record_tool]
    pub(super) async fn tool(
        call: u8,
        params: u8,
        ret: u8,
        end: u8,
    ) -> ::std::result::Result<u8, ()> {
        ::std::result::Result::Ok(call + params + ret + end)
    }
    #[::agentops::record_action]
    pub(super) fn action(value: u8) -> u8 {
        value
    }
}

#[test]
fn results_are_as_without_us() {
    assert_eq!(plain(1, 2), 3);
    nothing();
    assert_eq!(opaque(Opaque(1), &Opaque(2)).0, 3);
    assert_eq!(shown(1, &2), "1");
    assert_eq!(lazy(1)(2), 1);
    assert_eq!(swap((1, "a")), ("a", 1));
    let mut memory = Memory { items: Vec::new() };
    memory.push(&mut vec!["a".to_owned()]).push('b');
    assert_eq!(memory.into_items(), ["ab"]);
    assert_eq!(moved(Vec::new(), Box::new(Opaque(1))).len(), 1);
    assert_eq!(patterns((1, [2, 0, 0]), Point { x: 3, y: 4 }, &5, 0, 0), 15);
    assert!(connect().is_ok());
    let byte = 7;
    // SAFETY: the byte lives.
    assert_eq!(unsafe { read(&raw const byte) }, 7);
    assert!(boxed(false).is_ok() && boxed(true).is_err());
    assert!(maybe(true).is_some() && maybe(false).is_none());
    assert!(std::panic::catch_unwind(|| never(1)).is_err());
    assert_eq!(longest(&[1, 2, 3], &[1, 2]), [1, 2, 3]);
    assert_eq!(words("a b").clone().count() + boxed_words("a b").count(), 4);
    assert!(r#match("a") && foreign(1) == 1);
    assert_eq!(Holder::<u8>::fresh().next(), Some(0));
    assert_eq!(bare::action(1), 1);
}

#[tokio::test]
async fn async_results_are_as_without_us() {
    assert!(send(fails(true)).await.is_err());
    assert_eq!(early("").await, Ok(0));
    assert!(early("x").await.is_err());
    assert_eq!(Upper.call("a".to_owned()).await.expect("not empty"), "A");
    assert_eq!(Upper.default_call().await, 1);
    assert_eq!(send(Upper.ask("abc", 2)).await.as_deref(), Some("AB"));
    assert_eq!(send(future("abc")).await, 3);
    let mut once = stream();
    assert_eq!(
        std::future::poll_fn(|context| Pin::new(&mut once).poll_next(context)).await,
        Some(1)
    );
    assert!(send(stream_later()).await.is_ok());
    assert_eq!(send(countdown(3)).await + send(recursive(2)).await, 5);
    assert!(any_error().await.is_err());
    assert_eq!(send(borrows("abc", &HashMap::new())).await, 3);
    assert!(tokio::spawn(async { never_async(1).await }).await.is_err());
    assert_eq!(Box::new(Holder(Some(1))).take().await, Some(1));
    assert_eq!(Memory { items: Vec::new() }.add("a".to_owned()).await, "a");
    assert_eq!(bare::tool(1, 1, 1, 1).await, Ok(4));
}
