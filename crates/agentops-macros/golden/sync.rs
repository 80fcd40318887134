pub fn add(a: i32, b: i32) -> i32 {
    let call = v1::start(const { &v1::Site::action("add") }, |params| {
        use v1::arg::*;
        (&&&&&&&v1::Arg(&a)).cap(params.key("\"a\":"));
        (&&&&&&&v1::Arg(&b)).cap(params.key("\"b\":"));
    });
    v1::run(
        call,
        move || -> i32 {
            let _ = (&b, &a);
            { a + b }
        },
        |ret, call| {
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
        },
    )
}
