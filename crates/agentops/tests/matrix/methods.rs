//! Methods, with `self` in every form, and functions inside of other items.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use agentops::{record_action, record_tool};
use serde_json::json;

use super::seen::{action, check, tool, wait};

#[derive(Clone, Debug, Default, PartialEq)]
struct Memory {
    items: Vec<u8>,
}

impl Memory {
    #[record_tool]
    fn made(first: u8) -> Self {
        Self { items: vec![first] }
    }

    #[record_tool]
    fn by_ref(&self, add: u8) -> usize {
        self.items.len() + usize::from(add)
    }

    #[record_tool]
    fn by_mut(&mut self, item: u8) -> &mut u8 {
        self.items.push(item);
        self.items.last_mut().expect("one was pushed")
    }

    #[record_tool]
    fn by_value(self) -> Vec<u8> {
        self.items
    }

    #[record_tool]
    fn by_mut_value(mut self, item: u8) -> Vec<u8> {
        self.items.push(item);
        self.items
    }

    #[record_tool]
    fn by_box(self: Box<Self>) -> usize {
        self.items.len()
    }

    #[record_tool]
    fn by_arc(self: Arc<Self>) -> usize {
        self.items.len()
    }

    #[record_tool]
    fn by_rc(self: &Rc<Self>) -> usize {
        self.items.len()
    }

    #[record_tool]
    fn by_pin(mut self: Pin<&mut Self>, item: u8) -> usize {
        self.items.push(item);
        self.items.len()
    }

    #[record_tool(fields(known = self.items.len()))]
    async fn later(&mut self, item: u8) -> &u8 {
        tokio::task::yield_now().await;
        self.items.push(item);
        &self.items[0]
    }

    #[record_tool]
    async fn later_by_box(self: Box<Self>) -> usize {
        self.items.len()
    }
}

#[test]
fn self_in_every_form() {
    let memory = || Memory { items: vec![1] };
    let seen = tool("made")
        .params(json!({"first": 1}))
        .returns("Memory { items: [1] }");
    check(|| Memory::made(1), memory(), &[seen]);
    let seen = tool("by_ref").params(json!({"add": 2})).returns(3);
    check(|| memory().by_ref(2), 3, &[seen]);
    let seen = tool("by_mut").params(json!({"item": 2})).returns(2);
    check(|| *memory().by_mut(2), 2, &[seen]);
    let seen = tool("by_value").returns(json!([1]));
    check(|| memory().by_value(), vec![1], &[seen]);
    let seen = tool("by_mut_value")
        .params(json!({"item": 2}))
        .returns(json!([1, 2]));
    check(|| memory().by_mut_value(2), vec![1, 2], &[seen]);
    check(
        || Box::new(memory()).by_box(),
        1,
        &[tool("by_box").returns(1)],
    );
    check(
        || Arc::new(memory()).by_arc(),
        1,
        &[tool("by_arc").returns(1)],
    );
    check(|| Rc::new(memory()).by_rc(), 1, &[tool("by_rc").returns(1)]);
    let seen = tool("by_pin").params(json!({"item": 2})).returns(2);
    check(|| Pin::new(&mut memory()).by_pin(2), 2, &[seen]);
    let seen = tool("later")
        .params(json!({"item": 2, "known": 1}))
        .returns(1);
    check(|| *wait(memory().later(2)), 1, &[seen]);
    let seen = tool("later_by_box").returns(1);
    check(|| wait(Box::new(memory()).later_by_box()), 1, &[seen]);
}

struct Holder<T>(Option<T>);

impl<T: Default> Holder<T> {
    const START: u8 = 1;

    #[record_tool]
    fn fresh() -> Self {
        let _ = Self::START;
        Self(Some(T::default()))
    }
}

impl Iterator for Holder<u8> {
    type Item = u8;

    #[record_tool]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.take()
    }
}

trait Named {
    fn name(&self) -> String;

    #[record_tool]
    fn shout(&self) -> String {
        self.name().to_uppercase()
    }
}

impl<T> Named for Holder<T> {
    #[record_tool]
    fn name(&self) -> String {
        "holder".to_owned()
    }
}

#[test]
fn generic_types_and_traits() {
    let name = std::any::type_name::<Holder<u8>>();
    let expected = [tool("fresh").returns(name), tool("next").returns(0)];
    check(|| Holder::<u8>::fresh().next(), Some(0), &expected);
    let expected = [
        tool("shout").returns("HOLDER"),
        tool("name").returns("holder").under("shout"),
    ];
    check(|| Holder(Some(1)).shout(), "HOLDER".to_owned(), &expected);
}

#[record_action]
fn outer(value: u8) -> u8 {
    #[record_tool]
    fn inner(value: u8) -> u8 {
        value + 1
    }
    inner(value) + 1
}

#[record_tool]
fn factorial(of: u64) -> u64 {
    if of == 0 { 1 } else { of * factorial(of - 1) }
}

#[test]
fn nested_functions_and_recursion() {
    let expected = [
        action("outer").params(json!({"value": 1})).returns(3),
        tool("inner")
            .params(json!({"value": 1}))
            .returns(2)
            .under("outer"),
    ];
    check(|| outer(1), 3, &expected);
    let call = |of: u64, returns: u64| tool("factorial").params(json!({"of": of})).returns(returns);
    let expected = [
        call(2, 2),
        call(1, 1).under("factorial"),
        call(0, 1).under("factorial"),
    ];
    check(|| factorial(2), 2, &expected);
}
