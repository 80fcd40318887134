fn ask(question: &str) -> Result<Reply, Error> {
    let call = v1::ask(
        true,
        |target| {
            target.agent(&("A"));
        },
        |question| {
            use v1::arg::*;
            (&&&&&&&v1::Arg(&question)).cap(question.key("\"question\":"));
            question.model(|cut| {
                use v1::arg::*;
                (&&&&&&&v1::Arg(&("gpt-4"))).cap(cut);
            });
        },
    );
    v1::run(
        call,
        move || -> Result<Reply, Error> {
            let _ = (&question,);
            { go(question) }
        },
        |ret, call| {
            use v1::tag::*;
            (&&&&v1::Tag::of(&ret)).same().finish(
                ret,
                call,
                |ret, end| {
                    use v1::answer::*;
                    use v1::out::*;
                    match (&&v1::Out(ret)).split() {
                        v1::Split::Value(value) => {
                            if let ::core::option::Option::Some(heard) = &mut end.heard() {
                                use v1::one_of::*;
                                (&&&&&v1::OneOf(value)).same().extract(
                                    value,
                                    heard,
                                    look,
                                    |found, inner| {
                                        if !(&&&v1::Said(found)).tell(inner) {
                                            use v1::arg::*;
                                            inner.other(|cut| (&&&&&&&v1::Arg(found)).cap(cut));
                                        }
                                    },
                                );
                            }
                        }
                        v1::Split::Error(error) => (&&&&&v1::Fault(error)).fail(end),
                    }
                },
                |ret, end| {
                    use v1::answer::*;
                    use v1::out::*;
                    match (&&v1::Out(ret)).split() {
                        v1::Split::Value(value) => {
                            if let ::core::option::Option::Some(heard) = &mut end.heard() {
                                use v1::one_of::*;
                                (&&&&&v1::OneOf(value)).same().extract(
                                    value,
                                    heard,
                                    look,
                                    |found, inner| {
                                        if !(&&&v1::Said(found)).tell(inner) {
                                            use v1::arg::*;
                                            inner.other(|cut| (&&&&&&&v1::Arg(found)).cap(cut));
                                        }
                                    },
                                );
                            }
                        }
                        v1::Split::Error(error) => (&&&&&v1::Fault(error)).fail(end),
                    }
                },
            )
        },
    )
}
