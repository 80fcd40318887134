//! Beside and under other attributes, on functions made by macros, and what cannot be called safely.
#![expect(unsafe_code, reason = "unsafe functions are recorded, too")]

use agentops::{record_action, record_tool};
use serde_json::json;

use super::seen::{action, check, recorded, tool, wait};

#[record_tool]
unsafe fn read(from: *const u8) -> u8 {
    // SAFETY: the caller promises that the pointer may be read.
    unsafe { *from }
}

#[record_tool]
extern "C" fn foreign(value: u8) -> u8 {
    value
}

#[test]
fn unsafe_and_foreign_functions() {
    let byte = 7;
    let from = format!("{:?}", &raw const byte);
    let seen = tool("read").params(json!({"from": from})).returns(7);
    // SAFETY: the byte lives.
    check(|| unsafe { read(&raw const byte) }, 7, &[seen]);
    let seen = tool("foreign").params(json!({"value": 1})).returns(1);
    check(|| foreign(1), 1, &[seen]);
}

/// Documented.
#[must_use]
#[inline]
#[record_action(name = "raw", fields(len = r#type.len()))]
#[doc = "Twice."]
pub(crate) fn r#match(r#type: &str) -> bool {
    #![expect(unused_variables, reason = "the attribute must keep its place")]
    let unused = 1;
    !r#type.is_empty()
}

#[record_action("bare string")]
fn bare_string() {}

#[test]
fn names_docs_and_inner_attributes() {
    let seen = action("raw")
        .params(json!({"type": "a", "len": 1}))
        .returns(true);
    check(|| r#match("a"), true, &[seen]);
    check(bare_string, (), &[action("bare string")]);
}

#[tracing::instrument(ret)]
#[record_tool]
fn instrumented_above(value: u8) -> u8 {
    value
}

#[record_tool]
#[tracing::instrument(ret)]
fn instrumented_below(value: u8) -> u8 {
    value
}

#[tracing::instrument]
#[record_tool]
async fn instrumented_later(value: u8) -> u8 {
    tokio::task::yield_now().await;
    value
}

#[record_tool]
#[tracing::instrument]
async fn instrumented_later_below(value: u8) -> u8 {
    tokio::task::yield_now().await;
    value
}

#[tokio::main(flavor = "current_thread")]
#[record_tool]
async fn runtime_above(value: u8) -> u8 {
    value
}

#[record_tool]
#[tokio::main(flavor = "current_thread")]
async fn runtime_below(value: u8) -> u8 {
    value
}

#[test]
fn other_attributes_above_and_below() {
    let seen = |name: &str| tool(name).params(json!({"value": 1})).returns(1);
    check(|| instrumented_above(1), 1, &[seen("instrumented_above")]);
    check(|| instrumented_below(1), 1, &[seen("instrumented_below")]);
    let expected = [seen("instrumented_later")];
    check(|| wait(instrumented_later(1)), 1, &expected);
    let expected = [seen("instrumented_later_below")];
    check(|| wait(instrumented_later_below(1)), 1, &expected);
    check(|| runtime_above(1), 1, &[seen("runtime_above")]);
    check(|| runtime_below(1), 1, &[seen("runtime_below")]);
}

#[test]
#[record_tool]
fn below_test() {
    recorded(bare_string, &[action("bare string")]);
}

#[record_tool]
#[test]
fn above_test() {
    recorded(bare_string, &[action("bare string")]);
}

#[tokio::test]
#[record_tool]
async fn below_tokio_test() -> Result<(), std::io::Error> {
    tokio::task::yield_now().await;
    Ok(())
}

#[record_tool]
#[tokio::test]
async fn above_tokio_test() {
    tokio::task::yield_now().await;
}

/// A test is a function: called from another test, its event is seen.
#[test]
fn the_events_of_tests() {
    check(below_test, (), &[tool("below_test")]);
    check(above_test, (), &[tool("above_test")]);
    let seen = tool("below_tokio_test").returns(json!(null));
    check(|| below_tokio_test().is_ok(), true, &[seen]);
    check(above_tokio_test, (), &[tool("above_tokio_test")]);
    let seen = tool("tokio_test_that_fails")
        .failed::<std::fmt::Error>("an error occurred when formatting an argument", &[]);
    check(|| tokio_test_that_fails().is_err(), true, &[seen]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[record_tool]
#[ignore = "its error is what the test above looks at"]
async fn tokio_test_that_fails() -> Result<(), std::fmt::Error> {
    tokio::task::yield_now().await;
    Err(std::fmt::Error)
}

macro_rules! made {
    ($(#[$attr:meta])* $vis:vis $name:ident($($arg:ident: $type:ty),*) -> $ret:ty $body:block) => {
        $(#[$attr])*
        #[record_tool]
        $vis fn $name($($arg: $type),*) -> $ret $body
    };
    (hygienic $name:ident) => {
        #[record_tool]
        fn $name(value: u8) -> u8 {
            let call = value;
            let ret = call + 1;
            ret
        }
    };
}
made!(
    /// Documented.
    pub(crate) by_macro(a: u8, b: &str) -> usize { usize::from(a) + b.len() }
);
made!(hygienic by_hygienic_macro);

#[test]
fn functions_made_by_macros() {
    let seen = tool("by_macro")
        .params(json!({"a": 1, "b": "xy"}))
        .returns(3);
    check(|| by_macro(1, "xy"), 3, &[seen]);
    let seen = tool("by_hygienic_macro")
        .params(json!({"value": 1}))
        .returns(2);
    check(|| by_hygienic_macro(1), 2, &[seen]);
}
