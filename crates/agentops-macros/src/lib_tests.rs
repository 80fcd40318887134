//! Golden expansions, and what each mistake is told.

use std::io::Write as _;
use std::process::{Command, Stdio};

use expect_test::{ExpectFile, expect_file};
use quote::quote;

use super::*;

/// The expansion as rustfmt prints it, the runtime's path shortened so that it can be read.
fn pretty(tokens: &TokenStream) -> String {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rustfmt is a component of the pinned toolchain");
    let source = tokens
        .to_string()
        .replace(":: agentops :: __private :: v1", "v1");
    let mut stdin = rustfmt.stdin.take().expect("it is piped");
    stdin.write_all(source.as_bytes()).expect("rustfmt reads");
    drop(stdin);
    let output = rustfmt.wait_with_output().expect("rustfmt ends");
    assert!(output.status.success(), "not Rust: {source}");
    String::from_utf8(output.stdout).expect("source is text")
}

fn check(attr: Attr, args: TokenStream, item: TokenStream, expected: &ExpectFile) {
    expected.assert_eq(&pretty(&attribute(attr, args, item)));
}

#[test]
fn a_sync_function() {
    let item = quote! { pub fn add(a: i32, b: i32) -> i32 { a + b } };
    check(
        Attr::Action,
        quote!(),
        item,
        &expect_file!["../golden/sync.rs"],
    );
}

#[test]
fn an_async_method_with_options() {
    let args = quote!(
        name = "find",
        skip(index),
        ret = false,
        fields(size = index.len()),
        agent = self.agent,
        crate = my::ao
    );
    let item = quote! {
        async fn search(&self, query: &str, index: &[u8]) -> Result<u8, Error> { go(query, index).await }
    };
    check(
        Attr::Tool,
        args,
        item,
        &expect_file!["../golden/async_with_options.rs"],
    );
}

#[test]
fn a_result_that_goes_on() {
    let item = quote! { fn tokens() -> impl Stream<Item = u8> { make() } };
    check(
        Attr::Tool,
        quote!(skip_all),
        item,
        &expect_file!["../golden/stream.rs"],
    );
}

#[test]
fn a_function_that_never_returns() {
    let item = quote! { fn stop() -> ! { exit() } };
    check(
        Attr::Action,
        quote!(),
        item,
        &expect_file!["../golden/never.rs"],
    );
}

#[test]
fn a_session_on_main() {
    let item = quote! {
        /// Documented.
        #[tokio::main]
        async fn main() -> Result<(), Error> { work().await }
    };
    check(
        Attr::Session,
        quote!(tags = ["a", b], config = made()),
        item,
        &expect_file!["../golden/session_main.rs"],
    );
}

#[test]
fn a_session_on_a_function() {
    let item = quote! { async fn handle(id: u8) { work(id).await } };
    check(
        Attr::Session,
        quote!(),
        item,
        &expect_file!["../golden/session_function.rs"],
    );
}

#[test]
fn a_function_that_asks_who_called_it() {
    let item = quote! {
        #[track_caller]
        fn place(_of: &str, text: &str) -> Option<u8> {
            if text.is_empty() { return None; }
            let digit = text.parse().ok()?;
            Some(digit)
        }
    };
    let golden = expect_file!["../golden/track_caller.rs"];
    check(Attr::Tool, quote!(), item, &golden);
}

#[test]
fn an_agent_of_an_impl_block() {
    let item = quote! {
        impl Critic {
            const LIMIT: u8 = 3;
            fn judge(&self, text: &str) -> u8 { score(text) }
            #[record_tool(skip(text))]
            fn read(&self, text: &str) {}
            const fn limit() -> u8 { Self::LIMIT }
        }
    };
    let block = Block::read(&item).expect("an impl block");
    let expanded = impl_block(quote!(), &block, item);
    expect_file!["../golden/track_agent_impl.rs"].assert_eq(&pretty(&expanded));
}

#[test]
fn an_agent_of_a_function() {
    let item = quote! { async fn critic(text: &str) -> u8 { score(text).await } };
    let golden = expect_file!["../golden/track_agent.rs"];
    check(Attr::Agent, quote!(name = "Critic"), item, &golden);
}

#[test]
fn a_call_of_a_model() {
    let item = quote! { fn ask(question: &str) -> Result<Reply, Error> { go(question) } };
    let golden = expect_file!["../golden/llm.rs"];
    check(
        Attr::Llm,
        quote!("gpt-4", extract = look, agent = "A"),
        item,
        &golden,
    );
}

/// The messages of everything that is wrong; the function itself must still be there.
fn mistakes(attr: Attr, args: TokenStream, item: TokenStream) -> Vec<String> {
    let expanded = attribute(attr, args, item.clone());
    let (messages, rest) = split(expanded);
    assert_eq!(
        rest.to_string(),
        item.to_string(),
        "the item is emitted as it was"
    );
    messages
}

/// The messages of `compile_error!`s, and the tokens behind them.
fn split(tokens: TokenStream) -> (Vec<String>, TokenStream) {
    let mut tokens = tokens.into_iter().peekable();
    let mut messages = Vec::new();
    // `::core::compile_error! { "…" }`
    while matches!(tokens.peek(), Some(proc_macro2::TokenTree::Punct(punct)) if punct.as_char() == ':')
    {
        let error: Vec<_> = tokens.by_ref().take(8).collect();
        if let Some(proc_macro2::TokenTree::Group(group)) = error.last() {
            let text: syn::LitStr = syn::parse2(group.stream()).expect("a message");
            messages.push(text.value());
        }
    }
    (messages, tokens.collect())
}

#[test]
fn all_mistakes_are_told_at_once() {
    let told = mistakes(
        Attr::Tool,
        quote!(
            nam = "x",
            skip(gone),
            ret = 3,
            name = "",
            name = "y",
            fields(a = 1, a = 2)
        ),
        quote! { fn f(here: u8) {} },
    );
    assert_eq!(
        told,
        [
            "unknown option `nam`; `#[record_tool]` knows `name`, `skip`, `skip_all`, `ret`, `fields`, `session`, `agent`, `crate`",
            "expected boolean literal",
            "`name` is given twice",
            "the name is empty; leave it out to take the function's",
            "there is no argument `gone`; the function has `here`",
            "`a` is given twice",
        ]
    );
}

#[test]
fn each_mistake_has_its_message() {
    let rows: &[(Attr, TokenStream, TokenStream, &str)] = &[
        (
            Attr::Action,
            quote!(),
            quote!(
                const fn f() {}
            ),
            "a const fn cannot be recorded; drop `const` or `#[record_action]`",
        ),
        (
            Attr::Tool,
            quote!(),
            quote!(
                struct S;
            ),
            "`#[record_tool]` goes on a function, not on a type; put it on the functions inside",
        ),
        (
            Attr::Tool,
            quote!(),
            quote!(impl S {}),
            "`#[record_tool]` goes on a function, not on an impl block; put it on the functions inside",
        ),
        (
            Attr::Action,
            quote!(),
            quote!(
                fn f();
            ),
            "`#[record_action]` goes on a function with a body; put it on the implementation",
        ),
        (
            Attr::Action,
            quote!(skip_all, skip(a)),
            quote!(
                fn f(a: u8) {}
            ),
            "`skip_all` leaves out every argument already",
        ),
        (
            Attr::Action,
            quote!(skip(a)),
            quote!(
                fn f() {}
            ),
            "there is no argument `a`; the function has none",
        ),
        (
            Attr::Action,
            quote!(),
            quote!(
                #[record_tool]
                fn f() {}
            ),
            "already recorded by `#[record_action]`; keep one of the two",
        ),
        (
            Attr::Llm,
            quote!(""),
            quote!(
                fn f() {}
            ),
            "the model has no name; leave it out to have it found in arguments and result",
        ),
        (
            Attr::Llm,
            quote!("a", model = b),
            quote!(
                fn f() {}
            ),
            "`model` is given twice",
        ),
        (
            Attr::Llm,
            quote!(name = "a"),
            quote!(
                fn f() {}
            ),
            "unknown option `name`; `#[record_llm]` knows `model`, `prompt`, `extract`, `skip`, `skip_all`, `ret`, `fields`, `session`, `agent`, `crate`",
        ),
        (
            Attr::Tool,
            quote!(extract = look),
            quote!(
                fn f() {}
            ),
            "unknown option `extract`; `#[record_tool]` knows `name`, `skip`, `skip_all`, `ret`, `fields`, `session`, `agent`, `crate`",
        ),
        (
            Attr::Llm,
            quote!(),
            quote!(
                #[agentops::record_tool]
                fn f() {}
            ),
            "already recorded by `#[record_llm]`; keep one of the two",
        ),
        (
            Attr::Session,
            quote!("name"),
            quote!(
                fn f() {}
            ),
            "a session has no name; give it tags: `tags = [\"…\"]`",
        ),
        (
            Attr::Session,
            quote!(skip_all),
            quote!(
                fn f() {}
            ),
            "unknown option `skip_all`; `#[session]` knows `tags`, `config`, `crate`",
        ),
        (
            Attr::Session,
            quote!(),
            quote!(
                async fn main() {}
            ),
            "an async main needs a runtime; write `#[tokio::main]` below `#[agentops::session]`",
        ),
    ];
    for (attr, args, item, message) in rows {
        assert_eq!(mistakes(*attr, args.clone(), item.clone()), [*message]);
    }
}

#[test]
fn a_body_that_is_half_typed_still_expands() {
    let expanded = attribute(
        Attr::Action,
        quote!(),
        quote! { fn f(a: u8) -> u8 { let b = a. } },
    )
    .to_string();
    assert!(expanded.contains("let b = a ."), "{expanded}");
    assert!(!expanded.contains("compile_error"), "{expanded}");
}
