//! What the macros record, read back from the buffers: outcomes, values, nesting, on every shape of function.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use agentops_macros::{record_action, record_tool};
use futures_core::Stream;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::context::{self, Scope, Scoped};
use super::record::Record;
use super::{CallId, Kind, Outcome, Slot, buffers, record};
use crate::alone::alone;

/// What became of one call.
#[derive(Clone, Debug)]
struct Seen {
    id: CallId,
    parent: CallId,
    kind: Kind,
    name: String,
    start: Value,
    /// Outcome, fields and error; `None` while it runs.
    end: Option<(Outcome, Value, Value)>,
}

impl Seen {
    fn outcome(&self) -> Outcome {
        self.end.as_ref().expect("the call has ended").0
    }

    fn returns(&self) -> &Value {
        &self.end.as_ref().expect("the call has ended").1["returns"]
    }

    fn error(&self) -> &Value {
        &self.end.as_ref().expect("the call has ended").2
    }

    fn params(&self) -> &Value {
        &self.start["params"]
    }
}

/// A session of one test, which has the process and its buffers for itself.
struct Session {
    slot: Slot,
}

impl Session {
    fn open() -> Session {
        Session::with_flags(0)
    }

    fn with_flags(flags: u32) -> Session {
        static NEXT: AtomicU32 = AtomicU32::new(5000);
        crate::ending::panic::install();
        context::opened();
        Session {
            slot: Slot(NEXT.fetch_add(1, Ordering::Relaxed) | flags),
        }
    }

    fn scope(&self) -> Scope {
        Scope::of(self.slot)
    }

    fn run<R>(&self, run: impl FnOnce() -> R) -> R {
        let _entered = context::enter(self.scope());
        run()
    }

    /// Polls a future to its end on this thread.
    fn wait<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(Scoped::new(self.scope(), future));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1_000 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
        panic!("the future does not end");
    }

    /// The session's calls in the order of their starts.
    fn seen(&self) -> Vec<Seen> {
        let mut calls: Vec<Seen> = Vec::new();
        let mut ends = Vec::new();
        buffers::take_and_read(&mut |bytes| {
            for record in record::read(bytes) {
                match record {
                    Record::Start {
                        id,
                        parent,
                        session,
                        kind,
                        name,
                        fields,
                        ..
                    } if session == self.slot => {
                        let (name, start) = (name.to_owned(), object(fields));
                        calls.push(Seen {
                            id,
                            parent,
                            kind,
                            name,
                            start,
                            end: None,
                        });
                    }
                    Record::End {
                        id,
                        session,
                        outcome,
                        fields,
                        error,
                        ..
                    } if session == self.slot => {
                        let error = if error.is_empty() {
                            Value::Null
                        } else {
                            parse(error)
                        };
                        ends.push((id, (outcome, object(fields), error)));
                    }
                    _ => {}
                }
            }
        });
        for (id, end) in ends {
            let call = calls
                .iter_mut()
                .find(|call| call.id == id)
                .expect("every end has a start");
            assert!(call.end.replace(end).is_none(), "ended twice");
        }
        calls
    }

    fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().expect("one call")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        context::closed();
    }
}

fn object(members: &[u8]) -> Value {
    parse(&[b"{", members, b"}"].concat())
}

fn parse(json: &[u8]) -> Value {
    serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(json)))
}

/// Ready when polled for the second time.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no such file")]
struct NotFound(#[source] std::io::Error);

#[record_action(crate = crate)]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[record_tool(crate = crate, name = "files.open")]
fn open(path: &str) -> Result<usize, NotFound> {
    if path.is_empty() {
        return Err(NotFound(std::io::Error::other("empty path")));
    }
    Ok(path.len())
}

#[record_action(crate = crate)]
fn explode(why: &str) -> u8 {
    panic!("boom: {why}")
}

#[record_tool(crate = crate)]
async fn search(query: &str) -> Result<Vec<String>, NotFound> {
    Yield::default().await;
    if query == "none" {
        Err(NotFound(std::io::Error::other("index empty")))?;
    }
    Ok(vec![query.to_owned()])
}

#[record_action(crate = crate)]
async fn explode_later() -> u8 {
    Yield::default().await;
    panic!("boom later")
}

#[test]
fn a_sync_call_is_recorded_with_its_arguments_and_result() {
    alone!();
    let session = Session::open();
    assert_eq!(session.run(|| add(2, 3)), 5);
    let call = session.only();
    assert_eq!((call.kind, call.name.as_str()), (Kind::Action, "add"));
    assert_eq!(call.params(), &json!({"a": 2, "b": 3}));
    assert_eq!((call.outcome(), call.returns()), (Outcome::Ok, &json!(5)));
    assert!(call.parent.is_none());
}

#[test]
fn nothing_is_recorded_without_a_session_and_in_an_off_scope() {
    alone!();
    let session = Session::open();
    assert_eq!(add(1, 1), 2);
    let off = context::enter(Scope::of(Slot(session.slot.0 | Slot::OFF)));
    assert_eq!(add(1, 1), 2);
    drop(off);
    assert!(session.seen().is_empty());
}

#[test]
fn an_error_is_recorded_with_its_chain_sync_and_async() {
    alone!();
    let session = Session::open();
    assert!(session.run(|| open("")).is_err());
    assert!(session.wait(search("none")).is_err());
    let seen = session.seen();
    assert_eq!(
        (seen[0].name.as_str(), seen[0].kind),
        ("files.open", Kind::Tool)
    );
    for (call, cause) in seen.iter().zip(["empty path", "index empty"]) {
        assert_eq!(call.outcome(), Outcome::Error);
        assert_eq!(
            call.error()["details"],
            json!({"message": "no such file", "chain": [cause], "location": null})
        );
        assert!(
            call.error()["error_type"]
                .as_str()
                .expect("a name")
                .ends_with("NotFound")
        );
        assert_eq!(call.returns(), &Value::Null);
    }
}

#[test]
fn a_value_inside_ok_is_recorded() {
    alone!();
    let session = Session::open();
    assert_eq!(session.run(|| open("abc")).ok(), Some(3));
    assert_eq!(session.wait(search("rust")).expect("a hit"), ["rust"]);
    let seen = session.seen();
    assert_eq!(
        (seen[0].outcome(), seen[0].returns()),
        (Outcome::Ok, &json!(3))
    );
    assert_eq!(
        (seen[1].outcome(), seen[1].returns()),
        (Outcome::Ok, &json!(["rust"]))
    );
    assert_eq!(seen[1].params(), &json!({"query": "rust"}));
}

#[test]
fn a_panic_is_recorded_with_message_and_place_and_goes_on() {
    alone!();
    let session = Session::open();
    let unwound = std::panic::catch_unwind(|| session.run(|| explode("glass")));
    assert_eq!(
        unwound
            .expect_err("goes on")
            .downcast_ref::<String>()
            .map(String::as_str),
        Some("boom: glass")
    );
    let unwound = std::panic::catch_unwind(|| session.wait(explode_later()));
    assert!(unwound.is_err());
    let seen = session.seen();
    for (call, message) in seen.iter().zip(["boom: glass", "boom later"]) {
        assert_eq!(call.outcome(), Outcome::Panicked);
        assert_eq!(call.error()["error_type"], "panic");
        assert_eq!(call.error()["details"]["message"], message);
        let place = call.error()["details"]["location"]
            .as_str()
            .expect("a place");
        assert!(place.contains("macro_tests.rs:"), "{place}");
    }
    assert!(context::at_base());
}

#[test]
fn a_dropped_future_is_cancelled_and_one_never_polled_is_not_there() {
    alone!();
    let session = Session::open();
    {
        let mut future = pin!(Scoped::new(session.scope(), search("slow")));
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    drop(search("never polled"));
    let call = session.only();
    assert_eq!(call.outcome(), Outcome::Cancelled);
    assert_eq!(call.params(), &json!({"query": "slow"}));
}

#[record_action(crate = crate)]
async fn outer() -> i32 {
    let inner = add(1, 2);
    Yield::default().await;
    let hits = search("both").await.map_or(0, |hits| hits.len());
    inner + hits as i32
}

#[test]
fn nesting_gives_parents_across_awaits() {
    alone!();
    let session = Session::open();
    assert_eq!(session.wait(outer()), 4);
    let seen = session.seen();
    let names: Vec<_> = seen.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["outer", "add", "search"]);
    assert!(seen[0].parent.is_none());
    assert_eq!((seen[1].parent, seen[2].parent), (seen[0].id, seen[0].id));
}

#[test]
fn joined_futures_are_siblings_and_a_panicking_one_cancels_the_other() {
    alone!();
    let session = Session::open();
    session
        .wait(async { tokio::join!(search("a"), search("b")) })
        .0
        .expect("a hit");
    let seen = session.seen();
    assert!(
        seen.iter()
            .all(|call| call.parent.is_none() && call.outcome() == Outcome::Ok)
    );
    async fn forever() {
        std::future::pending::<()>().await;
    }
    #[record_action(crate = crate)]
    async fn sibling() {
        forever().await;
    }
    let unwound = std::panic::catch_unwind(|| {
        session.wait(async { tokio::join!(sibling(), explode_later()) })
    });
    assert!(unwound.is_err());
    let outcomes: HashMap<_, _> = session
        .seen()
        .iter()
        .map(|call| (call.name.clone(), call.outcome()))
        .collect();
    assert_eq!(outcomes["sibling"], Outcome::Cancelled);
    assert_eq!(outcomes["explode_later"], Outcome::Panicked);
}

#[test]
fn a_spawned_task_is_recorded_where_its_scope_says() {
    alone!();
    let session = Session::open();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::spawn(Scoped::new(session.scope(), search("spawned")))
            .await
            .expect("no panic")
            .expect("a hit");
        tokio::spawn(search("elsewhere"))
            .await
            .expect("no panic")
            .expect("a hit");
    });
    drop(runtime);
    assert_eq!(session.only().params(), &json!({"query": "spawned"}));
}

#[test]
fn without_content_values_are_not_looked_at() {
    alone!();
    struct Secret;
    impl Serialize for Secret {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("looked at")
        }
    }
    #[record_tool(crate = crate)]
    fn keep(secret: Secret) -> Result<Secret, NotFound> {
        let _ = &secret;
        Err(NotFound(std::io::Error::other("secret")))
    }
    let session = Session::with_flags(Slot::METADATA_ONLY);
    assert!(session.run(|| keep(Secret)).is_err());
    let call = session.only();
    assert_eq!(
        (call.name.as_str(), call.start.clone()),
        ("keep", json!({}))
    );
    assert_eq!(
        call.error()["details"],
        json!({"message": null, "chain": [], "location": null})
    );
}

#[test]
fn serialize_may_panic_and_may_call_a_recorded_function() {
    alone!();
    struct Bad;
    impl Serialize for Bad {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("no")
        }
    }
    struct Busy;
    impl Serialize for Busy {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_i32(add(20, 3))
        }
    }
    #[record_action(crate = crate)]
    fn both(bad: Bad, busy: Busy) -> Busy {
        let _ = bad;
        busy
    }
    let session = Session::open();
    let _ = session.run(|| both(Bad, Busy));
    let seen = session.seen();
    let call = seen
        .iter()
        .find(|call| call.name == "both")
        .expect("recorded");
    assert!(
        call.params()["bad"]["unserializable"]
            .as_str()
            .expect("a mark")
            .ends_with("Bad: panicked")
    );
    assert_eq!(
        (call.params()["busy"].clone(), call.returns()),
        (json!(23), &json!(23))
    );
    assert_eq!(seen.iter().filter(|call| call.name == "add").count(), 2);
}

#[test]
fn a_held_lock_is_not_waited_for() {
    alone!();
    #[record_action(crate = crate)]
    fn locked(state: &Mutex<u8>, shared: Arc<Mutex<u8>>, map: &HashMap<(u8, u8), u8>) {
        let _ = (state, shared, map);
    }
    let session = Session::open();
    let shared = Arc::new(Mutex::new(1));
    let held = shared.lock().unwrap_or_else(PoisonError::into_inner);
    session.run(|| locked(&shared, Arc::clone(&shared), &HashMap::from([((1, 2), 3)])));
    drop(held);
    let call = session.only();
    for name in ["state", "shared"] {
        assert!(
            call.params()[name]
                .as_str()
                .expect("a text")
                .contains("<locked>")
        );
    }
    assert_eq!(call.params()["map"], "{(1, 2): 3}");
}

#[test]
fn options_choose_what_is_written() {
    alone!();
    struct Agent {
        id: u8,
    }
    impl Agent {
        #[record_action("plan", crate = crate, skip(memory), ret = false, fields(agent = self.id, size = memory.len(), bad = missing()))]
        fn make(&self, goal: &str, memory: &[u8]) -> Vec<u8> {
            let _ = goal;
            memory.to_vec()
        }
    }
    fn missing() -> u8 {
        panic!("no such field")
    }
    #[record_action(crate = crate, skip_all)]
    fn quiet(a: u8) -> u8 {
        a
    }
    let session = Session::open();
    session.run(|| (Agent { id: 7 }.make("rest", &[1, 2]), quiet(1)));
    let seen = session.seen();
    assert_eq!(seen[0].name, "plan");
    let bad = json!({"unserializable": "the expression panicked"});
    assert_eq!(
        seen[0].params(),
        &json!({"goal": "rest", "agent": 7, "size": 2, "bad": bad})
    );
    assert_eq!(
        (seen[0].outcome(), seen[0].returns()),
        (Outcome::Ok, &Value::Null)
    );
    assert_eq!(
        (seen[1].start.clone(), seen[1].returns()),
        (json!({}), &json!(1))
    );
}

struct Count(u8, u8);

impl Stream for Count {
    type Item = Result<u8, NotFound>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        add(0, 0);
        if self.0 == self.1 {
            return Poll::Ready(None);
        }
        self.0 += 1;
        let failed = self.0 == 3;
        Poll::Ready(Some(if failed {
            Err(NotFound(std::io::Error::other("third")))
        } else {
            Ok(self.0)
        }))
    }
}

type Chunks = Pin<Box<dyn Stream<Item = Result<u8, NotFound>> + Send>>;

#[record_tool(crate = crate)]
async fn chat(items: u8) -> Result<Chunks, NotFound> {
    Yield::default().await;
    if items == 0 {
        Err(NotFound(std::io::Error::other("no items")))
    } else {
        Ok(Box::pin(Count(0, items)))
    }
}

#[record_tool(crate = crate)]
fn tokens(items: u8) -> impl Stream<Item = Result<u8, NotFound>> + Send {
    Count(0, items)
}

async fn drained(mut stream: impl Stream + Unpin, at_most: usize) -> usize {
    let mut items = 0;
    while items < at_most
        && std::future::poll_fn(|context| Pin::new(&mut stream).poll_next(context))
            .await
            .is_some()
    {
        items += 1;
    }
    items
}

#[test]
fn streams_are_recorded_to_their_end() {
    alone!();
    let session = Session::open();
    session.wait(async { drained(chat(2).await.expect("a stream"), 9).await });
    session.wait(async { drained(Box::pin(tokens(2)), 9).await });
    let seen = session.seen();
    for (index, call) in seen
        .iter()
        .enumerate()
        .filter(|(_, call)| call.name != "add")
    {
        assert_eq!(call.outcome(), Outcome::Ok);
        assert_eq!(call.returns()["items"], 2);
        assert_eq!(call.returns()["complete"], true);
        assert!(call.returns()["time_to_first_item_us"].is_u64());
        assert_eq!(
            seen[index + 1].parent,
            call.id,
            "what a poll does belongs to the stream"
        );
    }
}

#[test]
fn a_failed_item_a_dropped_stream_and_a_stream_that_never_was_are_told_apart() {
    alone!();
    let session = Session::open();
    session.wait(async { drained(Box::pin(tokens(4)), 9).await });
    session.wait(async { drained(Box::pin(tokens(4)), 2).await });
    assert!(session.wait(chat(0)).is_err());
    let seen: Vec<_> = session
        .seen()
        .into_iter()
        .filter(|call| call.name != "add")
        .collect();
    assert_eq!(
        (seen[0].outcome(), &seen[0].returns()["items"]),
        (Outcome::Error, &json!(4))
    );
    assert_eq!(seen[0].error()["details"]["chain"], json!(["third"]));
    assert_eq!(
        (seen[1].outcome(), &seen[1].returns()["complete"]),
        (Outcome::Cancelled, &json!(false))
    );
    assert_eq!(seen[2].outcome(), Outcome::Error);
    assert_eq!(seen[2].error()["details"]["chain"], json!(["no items"]));
}

#[record_action(crate = crate)]
fn numbers(to: u8) -> impl DoubleEndedIterator<Item = u8> + Clone + ExactSizeIterator {
    (0..to).map(|number| number + 1)
}

#[record_action(crate = crate)]
fn boxed_numbers<'a>(of: &'a [u8]) -> Box<dyn Iterator<Item = &'a u8> + Send + 'a> {
    Box::new(of.iter())
}

#[test]
fn iterators_are_recorded_to_their_end() {
    alone!();
    let session = Session::open();
    session.run(|| {
        let mut all = numbers(3);
        assert_eq!((all.len(), all.next_back()), (3, Some(3)));
        assert_eq!(all.clone().count(), 2);
        assert_eq!(all.count(), 2);
        assert_eq!(
            boxed_numbers(&[1, 2, 3]).find(|number| **number == 2),
            Some(&2)
        );
    });
    let seen = session.seen();
    assert_eq!(
        (seen[0].outcome(), &seen[0].returns()["items"]),
        (Outcome::Ok, &json!(3))
    );
    assert_eq!(seen[0].returns()["complete"], true);
    assert_eq!(
        (seen[1].outcome(), &seen[1].returns()["items"]),
        (Outcome::Ok, &json!(2))
    );
    assert_eq!(seen[1].returns()["complete"], false);
}

#[record_tool(crate = crate)]
fn later(value: u8) -> impl Future<Output = Result<u8, NotFound>> + Send {
    async move {
        add(value.into(), 0);
        if value == 0 {
            Err(NotFound(std::io::Error::other("zero")))
        } else {
            Ok(value)
        }
    }
}

#[record_tool(crate = crate)]
fn boxed_later<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { text.len() })
}

#[test]
fn returned_futures_are_recorded_until_they_are_ready() {
    alone!();
    let session = Session::open();
    session.run(|| drop(later(9)));
    assert!(session.wait(async { later(1).await.is_ok() && later(0).await.is_err() }));
    assert_eq!(session.wait(boxed_later("not in scope yet")), 16);
    assert_eq!(session.wait(async { boxed_later("abc").await }), 3);
    let seen: Vec<_> = session
        .seen()
        .into_iter()
        .filter(|call| call.name != "add")
        .collect();
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[0].outcome(), Outcome::Cancelled);
    assert_eq!(
        (seen[1].outcome(), seen[1].returns()),
        (Outcome::Ok, &json!(1))
    );
    assert_eq!(seen[2].error()["details"]["chain"], json!(["zero"]));
    assert_eq!(
        (seen[3].name.as_str(), seen[3].returns()),
        ("boxed_later", &json!(3))
    );
}

/// Notes in which order its kind is dropped.
struct Noted(u8, Rc<Cell<u32>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.set(self.1.get() * 10 + u32::from(self.0));
    }
}

#[test]
fn arguments_are_dropped_as_without_us() {
    alone!();
    fn bare(a: Noted, b: Noted, c: Noted) {
        let _local = Noted(9, Rc::clone(&b.1));
        drop(b);
        let _ = (&c, &a);
    }
    #[record_action(crate = crate)]
    fn recorded(a: Noted, b: Noted, c: Noted) {
        let _local = Noted(9, Rc::clone(&b.1));
        drop(b);
        let _ = (&c, &a);
    }
    #[record_action(crate = crate)]
    async fn recorded_async(a: Noted, b: Noted, c: Noted) {
        let _local = Noted(9, Rc::clone(&b.1));
        drop(b);
        let _ = (&c, &a);
    }
    let session = Session::open();
    let order = |run: &dyn Fn(Noted, Noted, Noted)| {
        let seen = Rc::new(Cell::new(0));
        let noted = |number| Noted(number, Rc::clone(&seen));
        run(noted(1), noted(2), noted(3));
        seen.get()
    };
    let expected = order(&bare);
    assert_eq!(expected, 2931);
    assert_eq!(order(&recorded), expected);
    assert_eq!(session.run(|| order(&recorded)), expected);
    assert_eq!(
        order(&|a, b, c| session.wait(recorded_async(a, b, c))),
        expected
    );
}

#[test]
fn calls_of_many_threads_are_all_there() {
    alone!();
    let session = Session::open();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let _entered = context::enter(Scope::of(session.slot));
                for number in 0..500 {
                    add(number, 1);
                }
            });
        }
    });
    let seen = session.seen();
    assert_eq!(seen.len(), 2_000);
    assert!(seen.iter().all(|call| call.outcome() == Outcome::Ok));
}
