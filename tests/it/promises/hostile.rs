//! Values that panic, fail, recurse, lock or never end: the program's results are what they are without us, and what
//! is recorded says what happened.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use agentops::{record_action, record_tool};
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::recorded::recorded;
use crate::common::{all_events, list};

/// The only tool call of an export.
#[track_caller]
fn only_tool(export: &Value) -> &Value {
    let tools = list(export, "tools");
    assert_eq!(tools.len(), 1, "{export}");
    &tools[0]
}

struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("no JSON today");
    }
}

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no text either");
    }
}

/// As `Panics`, without a `Serialize`.
struct PanicsInDebug;

impl fmt::Debug for PanicsInDebug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("begun ")?;
        panic!("but not ended");
    }
}

struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        seq.serialize_element(&1)?;
        Err(S::Error::custom("lost interest"))
    }
}

#[record_tool]
fn takes(panics: &Panics, panics_in_debug: &PanicsInDebug, fails: &Fails, plain: u8) -> Panics {
    let _ = (panics, panics_in_debug, fails, plain);
    Panics
}

#[test]
fn values_that_panic_or_fail() {
    if super::support::elsewhere() {
        return;
    }
    let (export, _) = recorded(|| takes(&Panics, &PanicsInDebug, &Fails, 7));
    let tool = only_tool(&export);
    assert_eq!(tool["status"], "ok");
    let told = |value: &Value, kind: &str, what: &str| {
        let text = value["unserializable"].as_str().unwrap_or_default();
        assert!(text.contains(kind) && text.contains(what), "{value}");
    };
    told(&tool["params"]["panics"], "Panics", "panicked");
    told(
        &tool["params"]["panics_in_debug"],
        "PanicsInDebug",
        "panicked",
    );
    told(&tool["params"]["fails"], "Fails", "lost interest");
    assert_eq!(tool["params"]["plain"], 7);
    told(&tool["returns"], "Panics", "panicked");
    assert!(
        list(&export, "errors").is_empty(),
        "the program did not fail"
    );
}

/// Its `Serialize` is a recorded call itself.
#[derive(Debug)]
struct Recurses(u8);

impl Serialize for Recurses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(look_up(self.0))
    }
}

#[record_action]
fn look_up(number: u8) -> u8 {
    number + 1
}

#[record_tool]
fn takes_recursing(value: &Recurses) -> Recurses {
    Recurses(value.0 * 2)
}

#[test]
fn a_value_that_calls_a_recorded_function() {
    if super::support::elsewhere() {
        return;
    }
    let (export, result) = recorded(|| takes_recursing(&Recurses(20)));
    assert_eq!(result.0, 40);
    let tool = only_tool(&export);
    assert_eq!(tool["params"]["value"], 21);
    assert_eq!(tool["returns"], 41);
    let inner = list(&export, "actions");
    let mut numbers: Vec<_> = inner.iter().map(|call| call["returns"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [Some(21), Some(41)]);
    assert_eq!(all_events(&export).len(), 3);
}

#[record_tool]
fn takes_locked(lock: &Mutex<u8>, shared: Arc<Mutex<u8>>, locks: &[Arc<Mutex<u8>>]) -> u8 {
    let _ = (lock, shared, locks);
    9
}

#[test]
fn a_lock_that_the_caller_holds() {
    if super::support::elsewhere() {
        return;
    }
    let lock = Arc::new(Mutex::new(5));
    let held = lock.lock().unwrap();
    let shared = [Arc::clone(&lock)];
    let (export, result) = recorded(|| takes_locked(&lock, Arc::clone(&lock), &shared));
    drop(held);
    assert_eq!(result, 9);
    for name in ["lock", "shared", "locks"] {
        let shown = only_tool(&export)["params"][name].as_str().unwrap();
        assert!(shown.contains("<locked>"), "{name}: {shown}");
    }
}

/// A gigabyte, made as it is asked for.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for _ in 0..1u32 << 20 {
            seq.serialize_element(&"x".repeat(1 << 10))?;
        }
        seq.end()
    }
}

impl fmt::Debug for EndlessInDebug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..1u32 << 20 {
            f.write_str(&"\u{e9}\n".repeat(1 << 8))?;
        }
        Ok(())
    }
}

struct EndlessInDebug;

#[record_tool]
fn makes_much(endless: &Endless, in_debug: &EndlessInDebug) -> Vec<u8> {
    let _ = (endless, in_debug);
    vec![0; 1 << 30]
}

/// Bytes of memory that this process has touched.
fn resident() -> u64 {
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else {
        return 0;
    };
    let pages: Option<u64> = statm.split(' ').nth(1).and_then(|word| word.parse().ok());
    pages.unwrap() * 4096
}

#[test]
fn a_gigabyte_costs_no_more_than_the_limit_of_a_value() {
    if super::support::elsewhere() {
        return;
    }
    drop(recorded(|| look_up(1)));
    let (before, begun) = (resident(), Instant::now());
    let (export, result) = recorded(|| makes_much(&Endless, &EndlessInDebug));
    let (grown, took) = (resident().saturating_sub(before), begun.elapsed());
    println!("{took:?}, {grown} bytes more");
    assert_eq!(result.len(), 1 << 30);
    assert!(grown < 32 << 20, "{grown} bytes more");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let tool = only_tool(&export);
    for value in [
        &tool["params"]["endless"],
        &tool["params"]["in_debug"],
        &tool["returns"],
    ] {
        assert_eq!(value["truncated"], true);
        // Of the text before it was escaped.
        let size = value["size_at_least"].as_u64().unwrap();
        assert!(size > 32 << 10, "{size}");
        assert!(value["prefix"].as_str().unwrap().len() > 1 << 10);
    }
}

struct PanicsInDisplay(Box<dyn Error>);

impl fmt::Debug for PanicsInDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanicsInDisplay")
    }
}

impl fmt::Display for PanicsInDisplay {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("speechless");
    }
}

impl Error for PanicsInDisplay {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[record_tool]
fn fails_without_a_word() -> Result<(), PanicsInDisplay> {
    Err(PanicsInDisplay("the cause".into()))
}

#[test]
fn an_error_that_cannot_be_shown() {
    if super::support::elsewhere() {
        return;
    }
    let (export, result) = recorded(fails_without_a_word);
    assert_eq!(result.unwrap_err().0.to_string(), "the cause");
    let tool = only_tool(&export);
    assert_eq!(tool["status"], "error");
    let errors = list(&export, "errors");
    assert_eq!(errors.len(), 1, "{export}");
    assert_eq!(errors[0]["trigger_event_id"], tool["id"]);
    let kind = errors[0]["error_type"].as_str().unwrap();
    assert!(kind.ends_with("PanicsInDisplay"), "{kind}");
}

/// A list by `derive`.
#[derive(Serialize, Debug)]
struct Node {
    next: Option<Box<Node>>,
}

/// A list of nothing but wrappers: JSON would show no nesting at all.
#[derive(Serialize, Debug)]
struct Wrapper(Option<Box<Wrapper>>);

/// A list that has no `Serialize`.
#[derive(Debug)]
struct Shown(Option<Box<Shown>>);

macro_rules! long_list {
    ($type:ident, $next:tt) => {
        impl $type {
            fn of(length: u32) -> Self {
                let mut list = $type { $next: None };
                for _ in 1..length {
                    list = $type {
                        $next: Some(Box::new(list)),
                    };
                }
                list
            }
        }

        /// One by one: the compiler's own way would overflow the stack.
        impl Drop for $type {
            fn drop(&mut self) {
                let mut next = self.$next.take();
                while let Some(mut node) = next {
                    next = node.$next.take();
                }
            }
        }
    };
}

long_list!(Node, next);
long_list!(Wrapper, 0);
long_list!(Shown, 0);

#[record_tool]
fn takes_node(list: &Node) -> u8 {
    let _ = list;
    1
}

#[record_tool]
fn takes_shown(list: &Shown) -> u8 {
    let _ = list;
    2
}

#[record_tool]
fn takes_wrapper(list: &Wrapper) -> u8 {
    let _ = list;
    3
}

/// On a thread as small as those that programs have.
fn on_a_small_stack<R: Send>(run: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        thread.spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

#[test]
fn nesting_without_end() {
    if super::support::elsewhere() {
        return;
    }
    let (export, result) = on_a_small_stack(|| recorded(|| takes_node(&Node::of(100_000))));
    assert_eq!(result, 1);
    let list = &only_tool(&export)["params"]["list"];
    assert_eq!(list["truncated"], true, "{list}");
}

#[test]
fn nesting_without_end_in_debug() {
    if super::support::elsewhere() {
        return;
    }
    let (export, result) = on_a_small_stack(|| recorded(|| takes_shown(&Shown::of(100_000))));
    assert_eq!(result, 2);
    let list = &only_tool(&export)["params"]["list"];
    assert_eq!(list["truncated"], true, "{list}");
}

#[test]
fn nesting_without_end_that_leaves_no_trace() {
    if super::support::elsewhere() {
        return;
    }
    let (export, result) = on_a_small_stack(|| recorded(|| takes_wrapper(&Wrapper::of(100_000))));
    assert_eq!(result, 3);
    let list = &only_tool(&export)["params"]["list"];
    assert_ne!(list, &json!(null), "it is marked");
}
