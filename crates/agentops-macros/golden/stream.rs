fn tokens() -> impl Stream<Item = u8> {
    let call = v1::start(const { &v1::Site::tool("tokens") }, |_| {});
    v1::run_any(
        call,
        move || -> _ { make() },
        |ret, call| {
            use v1::tag::*;
            v1::known(&ret, v1::StreamOf::<u8>::new());
            (&&&&&&&&&&&&&v1::Tag::of(&ret)).any().finish(
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
