//! Where nothing is imported and everything that an expansion might name means something else.

use serde_json::json;

use super::seen::{check, tool, wait};

mod bare {
    #![no_implicit_prelude]
    #![expect(
        dead_code,
        unused_macros,
        reason = "shadows what an expansion might name"
    )]

    mod std {}
    mod core {}
    mod alloc {}
    mod agentops {}
    struct Option;
    struct Some;
    struct None;
    struct Result;
    struct Ok;
    struct Err;
    struct Vec;
    struct Box;
    struct String;
    trait Iterator {}
    trait Future {}
    trait Drop {}
    fn drop() {}
    macro_rules! panic {
        () => {};
    }
    macro_rules! unreachable {
        () => {};
    }

    #[::agentops::record_tool]
    #[expect(clippy::too_many_arguments, reason = "the names that expansions use")]
    pub(super) async fn later(
        call: u8,
        params: u8,
        ret: u8,
        end: u8,
        value: u8,
        error: u8,
        cut: u8,
        future: u8,
    ) -> ::std::result::Result<u8, ()> {
        ::std::result::Result::Ok(call + params + ret + end + value + error + cut + future)
    }

    #[::agentops::record_tool]
    pub(super) fn now(guard: u8, target: u8) -> u8 {
        guard + target
    }

    #[::agentops::record_tool]
    #[track_caller]
    pub(super) fn asked(rest: ::std::option::Option<u8>) -> ::std::option::Option<u8> {
        let value = rest?;
        ::std::option::Option::Some(value)
    }

    #[::agentops::record_tool]
    pub(super) fn words(text: &str) -> impl ::std::iter::Iterator<Item = &str> {
        text.split(' ')
    }

    pub(super) struct Agent;

    #[::agentops::track_agent]
    impl Agent {
        #[::agentops::record_tool]
        pub(super) fn act(&self, agent: u8) -> u8 {
            agent
        }
    }
}

#[test]
fn nothing_of_the_surroundings_is_used() {
    let params = json!({
        "call": 1, "params": 1, "ret": 1, "end": 1, "value": 1, "error": 1, "cut": 1, "future": 1,
    });
    let seen = tool("later").params(params).returns(8);
    let run = || wait(bare::later(1, 1, 1, 1, 1, 1, 1, 1));
    check(run, Ok(8), &[seen]);
    let seen = tool("now")
        .params(json!({"guard": 1, "target": 2}))
        .returns(3);
    check(|| bare::now(1, 2), 3, &[seen]);
    let seen = tool("asked").params(json!({"rest": 1})).returns(1);
    check(|| bare::asked(Some(1)), Some(1), &[seen]);
    let seen = tool("words")
        .params(json!({"text": "a b"}))
        .returns(super::seen::items(2, true));
    check(|| bare::words("a b").count(), 2, &[seen]);
    let seen = tool("act")
        .params(json!({"agent": 1}))
        .returns(1)
        .by("Agent");
    check(|| bare::Agent.act(1), 1, &[seen]);
}
