#[track_caller]
fn place(_of: &str, text: &str) -> Option<u8> {
    let guard = v1::guard(v1::start(const { &v1::Site::tool("place") }, |params| {
        use v1::arg::*;
        {
            *v1::seen((&&&&&&&v1::Arg(&_of)).cap(params.key("\"_of\":"))) = ();
        }
        (&&&&&&&v1::Arg(&text)).cap(params.key("\"text\":"));
    }));
    let ret: Option<u8> = 'body: {
        if false {
            break 'body v1::fake();
        }
        if text.is_empty() {
            break 'body None;
        }
        let digit = match v1::Branch::branch(text.parse().ok()) {
            ::core::ops::ControlFlow::Continue(value) => value,
            ::core::ops::ControlFlow::Break(rest) => break 'body v1::FromRest::from_rest(rest),
        };
        Some(digit)
    };
    v1::leave(guard, ret, |ret, call| {
        use v1::tag::*;
        (&&&&v1::Tag::of(&ret)).same().finish(
            ret,
            call,
            |ret, end| {
                use v1::arg::*;
                use v1::out::*;
                match (&&v1::Out(ret)).split() {
                    v1::Split::Value(value) => {
                        if let ::core::option::Option::Some(mut cut) = end.returns() {
                            (&&&&&&&v1::Arg(value)).cap(&mut cut);
                        }
                    }
                    v1::Split::Error(error) => (&&&&&v1::Fault(error)).fail(end),
                }
            },
            |ret, end| {
                use v1::arg::*;
                use v1::out::*;
                match (&&v1::Out(ret)).split() {
                    v1::Split::Value(value) => {
                        if let ::core::option::Option::Some(mut cut) = end.returns() {
                            (&&&&&&&v1::Arg(value)).cap(&mut cut);
                        }
                    }
                    v1::Split::Error(error) => (&&&&&v1::Fault(error)).fail(end),
                }
            },
        )
    })
}
