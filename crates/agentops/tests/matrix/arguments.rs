//! What arguments may be.

use std::fmt::{Debug, Display};

use agentops::record_tool;
use serde_json::{Value, json};

use super::Opaque;
use super::seen::{check, tool, wait};

#[record_tool]
fn plain(a: i32, b: &str) -> String {
    format!("{a}{b}")
}

#[record_tool]
fn nothing() {}

#[test]
fn plain_ones_and_none() {
    let seen = tool("plain")
        .params(json!({"a": 1, "b": "x"}))
        .returns("1x");
    check(|| plain(1, "x"), "1x".to_owned(), &[seen]);
    check(nothing, (), &[tool("nothing")]);
}

#[record_tool]
fn opaque(value: Opaque, by_ref: &Opaque) -> u8 {
    value.0 + by_ref.0
}

#[test]
fn types_that_implement_nothing() {
    let name = std::any::type_name::<Opaque>();
    let params = json!({"value": name, "by_ref": format!("&{name}")});
    let seen = tool("opaque").params(params).returns(3);
    check(|| opaque(Opaque(1), &Opaque(2)), 3, &[seen]);
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Point {
    x: i32,
    y: i32,
}

#[record_tool]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "a pattern behind it")]
fn patterns(
    (a, [b, ..]): (i32, [i32; 3]),
    Point { x, y: height }: Point,
    &c: &i32,
    whole @ Point { .. }: &Point,
    _: u8,
    _unused: u8,
) -> i32 {
    a + b + c + x + height + whole.x
}

#[record_tool]
fn mutable(mut list: Vec<u8>, mut count: u8, more: &mut Vec<u8>) -> Vec<u8> {
    count += 1;
    list.push(count);
    list.append(more);
    list
}

#[test]
fn patterns_and_mutable_ones() {
    let point = Point { x: 3, y: 4 };
    let params = json!({
        "a": 1, "b": 2, "x": 3, "height": 4, "c": 5, "whole": {"x": 3, "y": 4}, "_unused": 0,
    });
    let seen = tool("patterns").params(params).returns(18);
    let run = || patterns((1, [2, 0, 0]), point.clone(), &5, &point, 0, 0);
    check(run, 18, &[seen]);
    let params = json!({"list": [1], "count": 1, "more": [3]});
    let seen = tool("mutable").params(params).returns(json!([1, 2, 3]));
    check(|| mutable(vec![1], 1, &mut vec![3]), vec![1, 2, 3], &[seen]);
}

// Lints hold it against whoever uses them, and that must not be an expansion.
#[record_tool(skip(_left_out))]
fn unused(_first: Opaque, #[cfg(not(any()))] _second: &str, _left_out: u8) {}

#[record_tool]
async fn unused_later((_first, _): (u8, u8), mut _second: Vec<u8>) {}

macro_rules! unused_by_macro {
    ($name:ident, $given:ident) => {
        #[record_tool]
        fn $name($given: u8, _own: u8) {}
    };
}
unused_by_macro!(unused_made, _given);

#[test]
fn unused_ones() {
    let name = std::any::type_name::<Opaque>();
    let seen = tool("unused").params(json!({"_first": name, "_second": "b"}));
    check(|| unused(Opaque(1), "b", 3), (), &[seen]);
    let seen = tool("unused_later").params(json!({"_first": 1, "_second": [2]}));
    check(|| wait(unused_later((1, 0), vec![2])), (), &[seen]);
    let seen = tool("unused_made").params(json!({"_given": 1, "_own": 2}));
    check(|| unused_made(1, 2), (), &[seen]);
}

#[record_tool]
fn impl_trait(shown: impl Display, debugged: &impl Debug, any: impl Send) -> String {
    let _ = any;
    format!("{shown}{debugged:?}")
}

#[record_tool]
fn dynamic(shown: &dyn Display, debugged: Box<dyn Debug>, call: &mut dyn FnMut(u8)) -> String {
    call(1);
    format!("{shown}{debugged:?}")
}

#[test]
fn impl_trait_and_dyn() {
    // Nothing is known of a generic type but its bounds: one that is `Debug` is shown, others are named.
    let params = json!({"shown": "&str", "debugged": "2", "any": "u8"});
    let seen = tool("impl_trait").params(params).returns("x2");
    check(|| impl_trait("x", &2, 3_u8), "x2".to_owned(), &[seen]);
    let params = json!({
        "shown": "&dyn core::fmt::Display",
        "debugged": "2",
        "call": "&mut dyn core::ops::function::FnMut(u8)",
    });
    let seen = tool("dynamic").params(params).returns("x2");
    let run = || dynamic(&"x", Box::new(2), &mut |_| {});
    check(run, "x2".to_owned(), &[seen]);
}

#[record_tool]
fn unbounded<A, B>(pair: (A, B)) -> (B, A) {
    (pair.1, pair.0)
}

#[record_tool]
fn longest<'a, 'b: 'a, T, const N: usize>(first: &'a [T; N], second: &'b [T]) -> &'a [T]
where
    T: Ord + Debug + 'static,
{
    if first.len() > second.len() {
        first
    } else {
        second
    }
}

#[test]
fn generics_lifetimes_and_bounds() {
    let seen = tool("unbounded")
        .params(json!({"pair": "(i32, &str)"}))
        .returns("(&str, i32)");
    check(|| unbounded((1, "a")), ("a", 1), &[seen]);
    let seen = tool("longest")
        .params(json!({"first": "[1, 2]", "second": "[1]"}))
        .returns("[1, 2]");
    check(|| longest(&[1, 2], &[1]).len(), 2, &[seen]);
}

#[record_tool]
fn conditional(
    /* kept */ first: u8,
    #[cfg(any())] never: Missing,
    #[cfg(not(any()))] always: u8,
    #[cfg(any())] (a, b): (u8, Missing),
) -> u8 {
    first + always
}

#[record_tool(skip(secret, self_made), fields(length = secret.len(), first = first * 2))]
fn optioned(first: u8, secret: &str, self_made: Opaque) -> Value {
    json!([first, secret.len(), self_made.0])
}

#[test]
fn conditions_and_options() {
    let seen = tool("conditional")
        .params(json!({"first": 1, "always": 2}))
        .returns(3);
    check(|| conditional(1, 2), 3, &[seen]);
    let seen = tool("optioned")
        .params(json!({"length": 3, "first": 2}))
        .returns(json!([1, 3, 7]));
    check(|| optioned(1, "abc", Opaque(7)), json!([1, 3, 7]), &[seen]);
}
